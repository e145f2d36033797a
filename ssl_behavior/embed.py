"""``ssl-behavior embed``: write the embedding of every frame to an atlas."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ssl_behavior.atlas.atlas import ABOUT, Atlas, AtlasMeta
from ssl_behavior.atlas.embedding import add_recording, atlas_meta
from ssl_behavior.cli import run
from ssl_behavior.cli.inputs import AnnotatedTracksConfig
from ssl_behavior.compute.argument_types import require_type
from ssl_behavior.compute.devices import Device, Precision, choose_device, resolve_precision
from ssl_behavior.errors import command_line, count_of, list_names
from ssl_behavior.models import checkpoints
from ssl_behavior.poses.prepare import prepare_each
from ssl_behavior.storage import run_folder


@dataclass(frozen=True)
class EmbedConfig(AnnotatedTracksConfig):
    """Settings of embedding.

    Attributes:
        encoder: folder that pretrain wrote.
        annotations: files, folders or globs of annotations, to show labels beside the embeddings; recordings without
            annotations are embedded too.
        channel: channel of the annotations to use; all channels if none is given.
        unscored: behaviours that mark frames nobody judged; their frames get no label.
        output: folder of the atlas; videos that it already holds are not embedded again, only their labels are updated.
        half: store half-precision numbers, which take half the space.
        device: auto takes a GPU if there is one.
        precision: precision of the encoder; auto takes bfloat16 where the hardware supports it natively.
    """

    encoder: Path
    output: Path = Path("atlas")
    half: bool = False
    device: Device = "auto"
    precision: Precision = "auto"


def embed_recordings(config: EmbedConfig) -> Atlas:
    """Write the embedding of every frame and ordered pair to the atlas ``config.output``, one video after the other.

    Raises:
        InputError: encoder and recordings do not match, or the output holds something else.

    Examples:
        >>> config = EmbedConfig(encoder=Path("runs/encoder"), recordings=(Path("tracks"),))  # doctest: +SKIP
        >>> embed_recordings(config).rows  # doctest: +SKIP
        21600
    """
    # Not by the decorator: mypy could not follow the function's other name in the package.
    require_type("config", config, EmbedConfig)
    output = config.output.expanduser()
    if not (output / ABOUT).is_file():
        run_folder.check_output(output, config.overwrite)
    with run_folder.lock_folder(output):
        return _embed_recordings(output, config)


def _embed_recordings(output: Path, config: EmbedConfig) -> Atlas:
    device = choose_device(config.device)
    encoder = checkpoints.load_encoder(config.encoder).to(device)
    encoder.precision = resolve_precision(config.precision, device)
    recordings = config.read_with_labels(every_channel=True)
    if config.annotations and (unlabelled := [recording.id for recording in recordings if not recording.labels]):
        print(f"without annotations: {list_names(unlabelled)}")
    meta = atlas_meta(encoder, config.half)
    actions: Counter[str] = Counter()
    atlas = None
    prepared = prepare_each(recordings, encoder.landmarks, encoder.preparation, config.skip_bad_files, "embedding")
    for recording, poses in prepared:
        # Opened only now: if no recording can be prepared, an existing atlas is not overwritten, and none is created.
        atlas = atlas or _open_atlas(output, config.overwrite, meta)
        actions[add_recording(atlas, encoder, recording, poses)] += 1
    assert atlas is not None, "prepare_each yields a recording or raises"
    run.save_settings(config, atlas.folder / "settings.yaml")
    print(_summary(atlas, actions))
    return atlas


def _open_atlas(output: Path, overwrite: bool, meta: AtlasMeta) -> Atlas:
    """Open the atlas to add to; with ``overwrite``, empty it first."""
    if overwrite and (output / ABOUT).is_file():
        Atlas.clear(output)
    return Atlas.create(output, meta)


def _summary(atlas: Atlas, actions: Counter[str]) -> str:
    """Describe the actions of ``add_recording`` and the size of the atlas in one line."""
    parts = [f"{count_of(actions['embedded'], 'video')} embedded"]
    if existing := len(atlas.ids) - actions["embedded"]:
        parts.append(f"{existing} {'was' if existing == 1 else 'were'} there already")
    if actions["relabelled"]:
        parts.append(f"labels of {actions['relabelled']} updated")
    return f"{', '.join(parts)}; {count_of(atlas.rows, 'embedding')} in all"


def _next_steps(config: EmbedConfig, atlas: Atlas) -> None:
    """Print where the results are, and what to run next."""
    poses = atlas.video(atlas.ids[0]).poses
    example = ("--video", poses.id, "--frames", f"0:{min(60, poses.frames)}")
    print(f"\natlas: {config.output}")
    print("next:  see which behaviours there are, or find bouts like an example, named by its video and frames")
    print(f"       {command_line('cluster', '--atlas', config.output)}")
    print(f"       {command_line('search', '--atlas', config.output, *example)}")


main = run.command(EmbedConfig, embed_recordings, "Write the embedding of every frame to an atlas.", _next_steps)


if __name__ == "__main__":
    main()
