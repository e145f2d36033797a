"""``ssl-behavior embed``: write the embedding of every frame, to explore."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ssl_behavior.atlas.atlas import ABOUT, Atlas, AtlasMeta
from ssl_behavior.atlas.embedding import add_recording, atlas_meta
from ssl_behavior.cli import run
from ssl_behavior.cli.inputs import AnnotatedTracksConfig
from ssl_behavior.compute.devices import Device, Precision, choose_device, resolve_precision
from ssl_behavior.errors import how_many, some
from ssl_behavior.models import checkpoints
from ssl_behavior.poses.prepare import prepare_each
from ssl_behavior.storage import run_folder


@dataclass(frozen=True)
class EmbedConfig(AnnotatedTracksConfig):
    """Settings of embedding.

    Attributes:
        encoder: folder that pretrain wrote.
        annotations: files, folders or globs of annotations, to see labels beside the embeddings; recordings without
            any are embedded too.
        channel: of the annotations; every channel if none is given.
        unscored: behaviours of the annotations that are no judgement.
        output: folder of the atlas; videos that are there already are left as they are, but for labels that differ.
        half: store half-precision numbers, which take half the space.
        device: auto takes a GPU where there is one.
        precision: of the encoder; auto takes bfloat16 where the hardware multiplies it natively.
    """

    encoder: Path
    output: Path = Path("atlas")
    half: bool = False
    device: Device = "auto"
    precision: Precision = "auto"


def embed_recordings(config: EmbedConfig) -> Atlas:
    """Write the embedding of every frame and ordered pair to the atlas ``config.output``, video after video.

    Raises:
        InputError: encoder and recordings do not go together, or the output holds something else.
    """
    output = config.output.expanduser()
    if not (output / ABOUT).is_file():
        run_folder.check_output(output, config.overwrite)
    with run_folder.alone_in(output):
        return _embed_recordings(output, config)


def _embed_recordings(output: Path, config: EmbedConfig) -> Atlas:
    device = choose_device(config.device)
    encoder = checkpoints.load_encoder(config.encoder).to(device)
    encoder.precision = resolve_precision(config.precision, device)
    recordings = config.read_with_labels(every_channel=True)
    if config.annotations and (bare := [one.id for one in recordings if not one.labels]):
        print(f"without annotations: {some(bare)}")
    made_by = atlas_meta(encoder, config.half)
    done: Counter[str] = Counter()
    atlas = None
    each = prepare_each(recordings, encoder.landmarks, encoder.preparation, config.skip_bad_files, "embedding")
    for recording, poses in each:
        atlas = atlas or _opened(output, config.overwrite, made_by)  # once something is there to be written
        done[add_recording(atlas, encoder, recording, poses)] += 1
    assert atlas is not None, "prepare_each yields one or raises"
    run.save_settings(config, atlas.folder / "settings.yaml")
    there = len(atlas.ids) - done["embedded"]
    told = [f"{how_many(done['embedded'], 'video')} embedded"]
    told += [f"{there} {'was' if there == 1 else 'were'} there already"] * bool(there)
    told += [f"{done['labelled anew']} of these labelled anew"] * bool(done["labelled anew"])
    print(f"{', '.join(told)}; {how_many(atlas.rows, 'embedding')} in all")
    return atlas


def _opened(output: Path, overwrite: bool, made_by: AtlasMeta) -> Atlas:
    """The atlas to write to: a new one, one to add to, or with --overwrite a new one in its place."""
    if overwrite and (output / ABOUT).is_file():
        Atlas(output).clear()
    return Atlas.create(output, made_by)


def _next_steps(config: EmbedConfig, atlas: Atlas) -> None:
    """Print where the results are, and what to run next."""
    first = atlas.video(atlas.ids[0]).poses
    example = f"--video {first.id} --frames 0:{min(60, first.frames)}"
    print(f"\natlas: {config.output}")
    print("next:  see what behaviours there are, or find bouts like an example, named by its video and frames")
    print(f"       ssl-behavior cluster --atlas {config.output}")
    print(f"       ssl-behavior search --atlas {config.output} {example}")


main = run.command(EmbedConfig, embed_recordings, "Write the embedding of every frame, to explore.", _next_steps)


if __name__ == "__main__":
    main()
