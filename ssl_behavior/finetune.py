"""``python -m ssl_behavior.finetune``: learn behaviours from few labelled videos, on a pretrained encoder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ssl_behavior import checkpoints, commands
from ssl_behavior.checkpoints import Readout
from ssl_behavior.decoding import Decoder
from ssl_behavior.encoders import Encoder
from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import attach, choose_channel, from_recordings, read_labels
from ssl_behavior.formats.paths import some
from ssl_behavior.heads import Classifier, HeadKind
from ssl_behavior.poses.prepare import prepare_all
from ssl_behavior.recordings import UNSCORED, Recording
from ssl_behavior.scoring.report import table
from ssl_behavior.supervision import (
    Embedded,
    LabelledPoses,
    Supervision,
    embed_all,
    labelled_pairs,
    train,
)
from ssl_behavior.training import Device, Precision, choose_device
from ssl_behavior.validation import choose_readout, cross_validate, cross_validation_report
from ssl_behavior.windows import ClipSampler, require_length

_UNCHECKED_SMOOTHING_S = 0.25


@dataclass(frozen=True)
class FinetuneConfig(commands.TracksConfig):
    """Settings of fine-tuning.

    Attributes:
        encoder: folder that pretrain wrote.
        annotations: files, folders or globs of annotations; those in the recordings' own files if none are given.
        channel: of the annotations; needed only where there are several.
        unscored: behaviours that are no judgement: their frames are left out of training and scores.
        agent: the individual whose behaviour towards the target was annotated; without it, labels hold for the group.
        target: the individual that the agent's behaviour is directed at.
        output: folder for the model.
        train_videos: use only this many of the labelled videos, chosen by the seed.
        videos: use only the labelled videos with these ids.
        from_scratch: start from random weights in place of the pretrained ones, to see what pretraining adds.
        supervision: how the labels are learned.
        seed: of all random numbers.
        device: auto takes a GPU where there is one.
        precision: auto takes bfloat16 where the hardware multiplies it natively.
    """

    encoder: Path
    annotations: tuple[Path, ...] = ()
    channel: str | None = None
    unscored: tuple[str, ...] = ()
    agent: str | None = None
    target: str | None = None
    output: Path = Path("runs/model")
    train_videos: int | None = None
    videos: tuple[str, ...] = ()
    from_scratch: bool = False
    supervision: Supervision = field(default_factory=Supervision)
    seed: int = 0
    device: Device = "auto"
    precision: Precision = "auto"


def finetune(config: FinetuneConfig) -> dict[str, Any]:
    """Fit a classifier to the labelled videos and write it to ``config.output``.

    Cross-validation over the videos chooses the number of steps, the temperature and the decoder; then all videos are
    trained on.

    Returns:
        the cross-validation's report: what to expect on new videos of the same kind.

    Raises:
        InputError: encoder, recordings and annotations do not go together, or the output is taken.
    """
    commands.require_above(0, config, "supervision.steps", "supervision.batch", "supervision.clip_seconds")
    commands.require_above(1, config, "supervision.folds")
    commands.require_above(-1, config, "seed")
    device = choose_device(config.device)
    commands.check_output(config.output, config.overwrite)
    encoder = checkpoints.load_encoder(config.encoder)
    recordings, channel = _labelled_recordings(config)
    videos = _videos(recordings, channel, encoder, config)
    output = commands.prepare_output(config.output, config.overwrite)
    labels = recordings[0].labels[channel]
    if config.from_scratch:
        encoder = _fresh(encoder, videos, config)
    supervision = replace(config.supervision, encoder_rate=1.0) if config.from_scratch else config.supervision
    kind: HeadKind = "temporal" if supervision.tune == "temporal" else "linear"
    torch.manual_seed(config.seed)
    classifier = Classifier(encoder, kind, len(labels.behaviours)).to(device)
    embedded = None if supervision.tune == "full" else embed_all(classifier, videos)
    scored = sum(int((video.labels != UNSCORED).sum()) for video in videos)
    shares = _shares(videos, labels.behaviours)
    print(f"labelled videos: {len(videos)}; scored frames: {scored:,} ({shares}); on {device.type}")

    readout = Readout(labels.behaviours, channel, labels.pair, config.unscored, 1.0, Decoder())
    readout, steps, report = _choose(classifier, videos, readout, supervision, config, embedded)
    train(classifier, videos, supervision, steps, config.seed, config.precision, embedded)
    checkpoints.save_classifier(output, classifier, readout)
    commands.save_settings(config, output / "settings.yaml")
    (output / "cross_validation.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def _choose(
    classifier: Classifier,
    videos: Sequence[LabelledPoses],
    readout: Readout,
    supervision: Supervision,
    config: FinetuneConfig,
    embedded: Embedded | None,
) -> tuple[Readout, int, dict[str, Any]]:
    """Readout and number of steps that cross-validation chooses, and its report."""
    if len(videos) == 1:
        print(
            "one labelled video cannot be cross-validated: no calibration, a little smoothing, and no score to expect"
        )
        return replace(readout, decoder=Decoder(smoothing_s=_UNCHECKED_SMOOTHING_S)), supervision.steps, {}
    behaviours = readout.behaviours
    checked = cross_validate(classifier, videos, behaviours, supervision, config.seed, config.precision, embedded)
    chosen = choose_readout(checked, videos, behaviours, classifier.encoder.preparation.frame_rate)
    report = cross_validation_report(checked, chosen, behaviours)
    print("\ncross-validation over the labelled videos, each scored by a network, a temperature and a decoder")
    print(f"that were fitted to others (only the number of steps, {checked.steps}, was chosen on all of them):")
    print(table(report))
    return replace(readout, temperature=chosen.temperature, decoder=chosen.decoder), checked.steps, report


def _labelled_recordings(config: FinetuneConfig) -> tuple[list[Recording], str]:
    recordings = config.read()
    if config.annotations:
        rates = {one.id: one.frame_rate or 30.0 for one in recordings}
        annotations, _ = read_labels(config.annotations, rates, config.skip_bad_files)
    elif not (annotations := from_recordings([one for one in recordings if one.labels])):
        raise InputError(
            f"{config.recordings[0]}: expected labels in the recordings' files, without --annotations; found none"
        )
    channel = choose_channel(annotations, config.channel)
    if wanted := set(config.videos):
        tracked, annotated = {one.id for one in recordings}, {one.id for one in annotations}
        for there, what in ((tracked, "recordings"), (annotated, "annotations")):
            if missing := wanted - there:
                raise InputError(
                    f"--videos {', '.join(sorted(missing))}: expected ids among the {what}; found {some(there, 10)}"
                )
        annotations = [one for one in annotations if one.id in wanted | tracked]
    known = {name for one in annotations for name in one.vocabulary.get(channel, ())}
    if missing := set(config.unscored) - known:
        raise InputError(
            f"--unscored {', '.join(sorted(missing))}: expected behaviours of channel {channel}; found {some(known)}"
        )
    labelled = attach(recordings, annotations, channel, config.unscored, strict=not config.skip_bad_files)
    labelled = [_directed(one, channel, config) for one in labelled if not wanted or one.id in wanted]
    if config.train_videos is not None:
        if not 1 <= config.train_videos <= len(labelled):
            raise InputError(
                f"--train-videos {config.train_videos}: expected 1 to {len(labelled)}, the number of labelled videos"
            )
        order = np.random.default_rng(config.seed).permutation(len(labelled))[: config.train_videos]
        labelled = [labelled[i] for i in sorted(order)]
        print(f"using {config.train_videos} videos: {', '.join(one.id for one in labelled)}")
    return labelled, channel


def _directed(recording: Recording, channel: str, config: FinetuneConfig) -> Recording:
    """The recording with labels that speak of the ordered pair that --agent and --target name, if they do."""
    if config.agent is None and config.target is None:
        return recording
    pair = (config.agent or "", config.target or "")
    if missing := [name for name in pair if name not in recording.individuals]:
        raise InputError(
            f"{recording.source}: expected individuals --agent {config.agent} and --target {config.target}; found "
            f"{', '.join(recording.individuals)} and no {missing[0] or 'name for the other one'}"
        )
    return recording.with_labels({channel: replace(recording.labels[channel], pair=pair)})


def _videos(
    recordings: Sequence[Recording], channel: str, encoder: Encoder, config: FinetuneConfig
) -> list[LabelledPoses]:
    all_poses = prepare_all(recordings, encoder.landmarks, encoder.preparation, config.skip_bad_files)
    frames = round(config.supervision.clip_seconds * encoder.preparation.frame_rate)
    labels = {one.id: one.labels[channel] for one in recordings}
    videos = [
        LabelledPoses(poses, labels[poses.id].values[poses.native_frames], labelled_pairs(poses, labels[poses.id].pair))
        for poses in require_length(all_poses, frames, config.skip_bad_files)
    ]
    videos = [video for video in videos if (video.labels != UNSCORED).any()]
    if len({int(i) for video in videos for i in np.unique(video.labels)} - {UNSCORED}) < 2:
        raise InputError(
            f"channel {channel}: expected scored frames of at least two behaviours in the {len(recordings)} labelled "
            "videos; found fewer: choose other --videos, or check --channel and --unscored"
        )
    return videos


def _fresh(encoder: Encoder, videos: Sequence[LabelledPoses], config: FinetuneConfig) -> Encoder:
    """An encoder of the same make that has seen nothing but the labelled videos' mean kinematics."""
    torch.manual_seed(config.seed)
    fresh = Encoder(encoder.landmarks, encoder.preparation, encoder.architecture)
    sampler, generator = ClipSampler([video.poses for video in videos]), torch.Generator().manual_seed(config.seed)
    fresh.standardise(sampler.draw(16, 256, generator) for _ in range(16))
    return fresh.eval()


def _shares(videos: Sequence[LabelledPoses], behaviours: Sequence[str]) -> str:
    labels = np.concatenate([video.labels for video in videos])
    counts = np.bincount(labels[labels != UNSCORED], minlength=len(behaviours))
    return ", ".join(f"{name} {count / counts.sum():.1%}" for name, count in zip(behaviours, counts, strict=True))


def main() -> None:
    """The shell's way in."""

    def command(config: FinetuneConfig) -> None:
        finetune(config)
        print(f"\nmodel: {config.output}   (cross_validation.json has the scores above)")
        files = "TRACKS --output predictions" if config.annotations else "TEST.npy --output submission.npy"
        print(f"next:  python -m ssl_behavior.predict --model {config.output} --recordings {files}")

    commands.run(FinetuneConfig, command, "Fine-tune a pretrained encoder on few labelled videos.")


if __name__ == "__main__":
    # Through the import, so that the settings' classes are those of the module and not of __main__.
    from ssl_behavior.finetune import main as imported_main

    imported_main()
