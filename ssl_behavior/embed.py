"""``ssl-behavior embed``: write the embedding of every frame, to explore."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ssl_behavior import checkpoints, commands, outputs
from ssl_behavior.devices import Device, Precision, choose_device, computed_in
from ssl_behavior.embedded import EmbeddedVideo
from ssl_behavior.embeddings import ABOUT, Atlas, Maker
from ssl_behavior.encoders import Encoder, embed
from ssl_behavior.errors import InputError, how_many
from ssl_behavior.formats.paths import some
from ssl_behavior.inputs import AnnotatedTracksConfig
from ssl_behavior.poses.prepare import Poses, prepare_each
from ssl_behavior.recordings import Labels, Recording


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
        outputs.check_output(output, config.overwrite)
    with outputs.alone_in(output):
        return _embed_recordings(output, config)


def _embed_recordings(output: Path, config: EmbedConfig) -> Atlas:
    device = choose_device(config.device)
    encoder = checkpoints.load_encoder(config.encoder).to(device)
    encoder.precision = computed_in(config.precision, device)
    recordings = config.read_with_labels(every_channel=True)
    if config.annotations and (bare := [one.id for one in recordings if not one.labels]):
        print(f"without annotations: {some(bare)}")
    made_by = maker(encoder, config.half)
    done: Counter[str] = Counter()
    atlas = None
    each = prepare_each(recordings, encoder.landmarks, encoder.preparation, config.skip_bad_files, "embedding")
    for recording, poses in each:
        atlas = atlas or _opened(output, config.overwrite, made_by)  # once something is there to be written
        done[add_recording(atlas, encoder, recording, poses)] += 1
    assert atlas is not None, "prepare_each yields one or raises"
    commands.save_settings(config, atlas.folder / "settings.yaml")
    there = len(atlas.ids) - done["embedded"]
    told = [f"{how_many(done['embedded'], 'video')} embedded"]
    told += [f"{there} {'was' if there == 1 else 'were'} there already"] * bool(there)
    told += [f"{done['labelled anew']} of these labelled anew"] * bool(done["labelled anew"])
    print(f"{', '.join(told)}; {how_many(atlas.rows, 'embedding')} in all")
    return atlas


def maker(encoder: Encoder, half: bool) -> Maker:
    """What an atlas of this encoder says of itself."""
    return Maker(
        encoder.fingerprint(),
        encoder.landmarks,
        encoder.preparation.frame_rate,
        encoder.architecture.channels,
        "float16" if half else "float32",
        encoder.precision,
    )


def _opened(output: Path, overwrite: bool, made_by: Maker) -> Atlas:
    """The atlas to write to: a new one, one to add to, or with --overwrite a new one in its place."""
    if overwrite and (output / ABOUT).is_file():
        Atlas(output).clear()
    return Atlas.create(output, made_by)


def add_recording(atlas: Atlas, encoder: Encoder, recording: Recording, poses: Poses) -> str:
    """Embed one recording, or give it its labels if it is there with the same tracks and other labels.

    Returns:
        what was done: ``embedded``, ``labelled anew`` or ``left``.
    """
    labels = {name: replace(one, values=one.values[poses.native_frames]) for name, one in recording.labels.items()}
    if recording.id in atlas:
        if atlas.fingerprint(recording.id) == poses.fingerprint():
            video = atlas.video(recording.id)
            if not labels or _same(labels, video.labels):
                return "left"
            atlas.add(replace(video, labels=labels))
            return "labelled anew"
        raise InputError(
            f"{atlas.folder}: expected no video {recording.id} or one of the same tracks as {recording.source}; found "
            "other tracks under that name: rename the file, or give --overwrite to make the atlas anew"
        )
    embeddings = {pair: embed(encoder, poses, pair, with_mirror=True).numpy() for pair in poses.pairs()}
    atlas.add(EmbeddedVideo(poses, embeddings, labels, recording.unit, str(recording.source)))
    return "embedded"


def _same(labels: Mapping[str, Labels], others: Mapping[str, Labels]) -> bool:
    def told(given: Mapping[str, Labels]) -> dict[str, object]:
        return {name: (one.behaviours, one.pair, one.values.tobytes()) for name, one in given.items()}

    return told(labels) == told(others)


def _next_steps(config: EmbedConfig, atlas: Atlas) -> None:
    """Print where the results are, and what to run next."""
    first = atlas.video(atlas.ids[0]).poses
    example = f"--video {first.id} --frames 0:{min(60, first.frames)}"
    print(f"\natlas: {config.output}")
    print("next:  see what behaviours there are, or find bouts like an example, named by its video and frames")
    print(f"       ssl-behavior cluster --atlas {config.output}")
    print(f"       ssl-behavior search --atlas {config.output} {example}")


main = commands.command(EmbedConfig, embed_recordings, "Write the embedding of every frame, to explore.", _next_steps)


if __name__ == "__main__":
    main()
