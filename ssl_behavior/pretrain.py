"""``ssl-behavior pretrain``: learn an encoder from tracks nobody labelled.

``torchrun --nproc-per-node 4 -m ssl_behavior.pretrain`` and ``srun ssl-behavior pretrain`` learn the same on
several GPUs or nodes: the processes share each batch.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ssl_behavior.cli import run
from ssl_behavior.cli.inputs import TracksConfig
from ssl_behavior.cli.validators import Above, AtLeast
from ssl_behavior.compute import batch_random
from ssl_behavior.compute.devices import Device, Precision, uses_bfloat16
from ssl_behavior.compute.distributed import count, first, index, quiet_but_first, share, together
from ssl_behavior.compute.launching import launch
from ssl_behavior.errors import InputError, how_many
from ssl_behavior.models import checkpoints
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.plots.scores import curves_picture
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare_all
from ssl_behavior.poses.sampling import ClipSampler, require_length
from ssl_behavior.probing.watching import label_probe
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.storage import run_folder
from ssl_behavior.training.log import read_metrics
from ssl_behavior.training.loop import Losses, Schedule, finished, fit, run_key, steps_kept, unfinished
from ssl_behavior.training.objectives.pretraining import Objective, Pretraining

_COLLAPSED = 4.0
_MARK = "pretrain"
"""On its output; which run it is tells the state that is kept."""


@dataclass(frozen=True)
class PretrainConfig(TracksConfig):
    """Settings of pretraining.

    Attributes:
        recordings: files, folders or globs of tracks; simulated recordings if none are given.
        output: folder for the encoder.
        steps: batches to learn from.
        batch: clips per batch, which all processes share evenly.
        clip_seconds: length of a clip.
        learning_rate: highest rate of AdamW.
        weight_decay: of AdamW.
        objective: what the encoder is asked: masked modelling, contrast, augmentations.
        architecture: the encoder's size.
        preparation: how recordings are made comparable.
        probe_every: steps between probes of how well labels can be read off, if recordings have labels; 0 for none.
        seed: of all random numbers.
        device: auto takes a GPU where there is one.
        precision: auto takes bfloat16 where the hardware multiplies it natively.
    """

    recordings: tuple[Path, ...] = ()
    output: Path = Path("runs/encoder")
    steps: Annotated[int, Above(0)] = 3000
    batch: Annotated[int, Above(0)] = 16
    clip_seconds: Annotated[float, Above(0)] = 17.0
    learning_rate: Annotated[float, Above(0)] = 1e-3
    weight_decay: Annotated[float, AtLeast(0)] = 0.01
    objective: Objective = field(default_factory=Objective)
    architecture: Architecture = field(default_factory=Architecture)
    preparation: Preparation = field(default_factory=Preparation)
    probe_every: Annotated[int, AtLeast(0)] = 1000
    seed: Annotated[int, AtLeast(0)] = 0
    device: Device = "auto"
    precision: Precision = "auto"


def pretrain(config: PretrainConfig) -> Path:
    """Train an encoder and write it to ``config.output``; an interrupted run that would learn the same is continued.

    With several processes, the result is that of one but for the order of sums, also if an interrupted run goes on with
    another number of them. All of them need to see the recordings and the output.

    Returns:
        the checkpoint's folder.

    Raises:
        InputError: the recordings cannot be used, or the output is taken, or the processes cannot share a batch.
    """
    fabric = launch(config.device)
    with together(), quiet_but_first(), ExitStack() as stack:
        _check(config)
        output = config.output.expanduser()
        if first():
            if not unfinished(output):
                run_folder.check_output(output, config.overwrite, of=_MARK)
            stack.enter_context(run_folder.alone_in(output))
        with run_folder.marked(output, _MARK) if first() else nullcontext():
            _pretrain(output, config, fabric)
        if first():
            finished(output)  # last: as long as it is there, the same command has nothing to learn again
        return output


def _pretrain(output: Path, config: PretrainConfig, fabric: Fabric) -> None:
    device = fabric.device
    recordings = _recordings(config)
    landmarks = shared_landmarks(recording.skeleton for recording in recordings)
    poses = prepare_all(recordings, landmarks, config.preparation, config.skip_bad_files)
    frames = round(config.clip_seconds * config.preparation.frame_rate)
    poses = require_length(poses, frames, config.skip_bad_files)
    key = _key(config, device, landmarks, poses)
    with together():
        if first():
            _claim(output, key, config.overwrite)

    torch.manual_seed(config.seed)
    encoder = Encoder(landmarks, config.preparation, config.architecture)
    encoder.precision = config.precision
    sampler = ClipSampler(poses, device=device)
    start = torch.Generator().manual_seed(config.seed)
    encoder.standardise(sampler.draw(config.batch, frames, start) for _ in range(16))
    objective = fabric.setup_module(Pretraining(encoder, config.objective))
    where = device.type if count() == 1 else f"{count()} processes with {device.type}"
    videos, total = how_many(len(poses), "recording"), how_many(sum(len(one.positions) for one in poses), "frame")
    print(f"{videos}, {total} at {config.preparation.frame_rate:g} Hz, {', '.join(landmarks)}; on {where}")
    if first():
        run.save_settings(config, output / "settings.yaml")
    fit(
        objective,
        _losses(objective, sampler, config, frames),
        Schedule(config.steps, config.learning_rate, config.weight_decay),
        seed=config.seed,
        precision=config.precision,
        folder=output,
        key=key,
        at=label_probe(encoder, poses, recordings, config.probe_every, config.steps),
        description="pretraining",
        learned_from=sampler.drawn,
        size_options="--batch or --clip-seconds",
    )
    if first():
        checkpoints.save_encoder(output, encoder, poses)
        _draw_curves(output, config.architecture.channels)


def _losses(objective: nn.Module, sampler: ClipSampler, config: PretrainConfig, frames: int) -> Losses:
    """Losses of a batch, of which this process draws and reads its own clips only."""
    clips, drawn = share(config.batch, "--batch"), config.objective.augmentation.frames_needed(frames)

    def losses(generator: torch.Generator) -> dict[str, Tensor]:
        with batch_random.part(index(), count()):
            clip = sampler.draw(clips, drawn, generator)
            return cast(dict[str, Tensor], objective(clip, frames, generator))

    return losses


def _check(config: PretrainConfig) -> None:
    """Refuse settings that do not go together."""
    share(config.batch, "--batch")
    if not config.objective.weights():
        raise InputError(
            "--objective.masked-weight, --objective.summaries-weight and --objective.contrast-weight (with a "
            "--objective.contrast): expected one above 0 and found nothing to learn; set one"
        )


def _key(config: PretrainConfig, device: torch.device, landmarks: Sequence[str], poses: Sequence[Poses]) -> str:
    """Names a run by all that its weights depend on: not where things are read and written, nor how it is watched."""
    beside = {one.name for one in fields(TracksConfig)} | {"output", "probe_every", "device", "precision"}
    settings = {one.name: getattr(config, one.name) for one in fields(config) if one.name not in beside}
    return run_key((settings, tuple(landmarks), device.type, uses_bfloat16(config.precision, device)), poses)


def _claim(output: Path, key: str, overwrite: bool) -> None:
    """Make sure that the run ``key`` may write to ``output``, as a new one or as the one that was interrupted there."""
    kept = steps_kept(output)
    if unfinished(output, key):
        print(f"{output} holds an interrupted run of these settings: going on from step {kept}")
        return
    if kept and not overwrite:
        raise InputError(
            f"--output {output}: found an interrupted run of other settings or recordings, of which {kept} steps are "
            f"kept; --overwrite starts anew in its place, --config {output / 'settings.yaml'} alone goes on with it"
        )
    run_folder.check_output(output, overwrite, of=_MARK)


def _draw_curves(output: Path, channels: int) -> None:
    """Draw what was logged, and warn of a collapse."""
    curves = read_metrics(output / "metrics.csv")
    curves_picture(output / "curves.png", curves)
    if (rank := np.mean([value for _, value in curves["rank"][-50:]])) < _COLLAPSED:
        print(
            f"warning: the embeddings use about {rank:.1f} directions of {channels}: they have "
            "collapsed; lower --learning-rate or --objective.contrast-weight"
        )


def _recordings(config: PretrainConfig) -> list[Recording]:
    if config.recordings:
        return config.read()
    print("no --recordings given: pretraining on 12 simulated recordings of two mice")
    return simulate_recordings(12, config.seed)


def _next_steps(config: PretrainConfig, output: Path) -> None:
    """Print where the results are, and what to run next."""
    if not first():
        return
    print(f"\nencoder: {output}   (curves.png and metrics.csv show how it went)")
    if not config.recordings:
        print("next:    ssl-behavior simulate --output simulated")
        print(f"         ssl-behavior finetune --encoder {output} --recordings simulated/train.npy")
        return
    given = shlex.join(map(str, config.recordings[:3])) + (" ..." if len(config.recordings) > 3 else "")
    print("next:    label a few videos, then (--annotations only where the recordings' files have no labels)")
    print(f"         ssl-behavior finetune --encoder {output} --recordings {given} \\")
    print(f"             --annotations ANNOTATIONS --output {output}-model")


main = run.command(
    PretrainConfig,
    pretrain,
    "Pretrain an encoder on unlabelled tracks, on several GPUs by torchrun or srun.",
    _next_steps,
)


if __name__ == "__main__":
    main()
