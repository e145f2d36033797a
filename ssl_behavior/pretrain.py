"""``ssl-behavior pretrain``: train an encoder on unlabelled tracks.

``torchrun --nproc-per-node 4 -m ssl_behavior.pretrain`` and ``srun ssl-behavior pretrain`` train the same encoder on
several GPUs or nodes: the processes share each batch.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ssl_behavior.cli import run
from ssl_behavior.cli.inputs import TracksConfig
from ssl_behavior.cli.validators import Above, AtLeast
from ssl_behavior.compute import batch_random
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.devices import Device, Precision, uses_bfloat16
from ssl_behavior.compute.distributed import (
    clips_per_process,
    fail_together,
    is_first,
    quiet_unless_first,
    rank,
    world_size,
)
from ssl_behavior.compute.launching import launch
from ssl_behavior.errors import InputError, command_line, count_of
from ssl_behavior.models import checkpoints
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare_all
from ssl_behavior.poses.sampling import ClipSampler, require_length
from ssl_behavior.probing.label_probe import label_probe
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.storage import run_folder
from ssl_behavior.training.curves import report_curves
from ssl_behavior.training.loop import Messages, fit
from ssl_behavior.training.objectives.pretraining import Objective, Pretraining
from ssl_behavior.training.schedule import Schedule
from ssl_behavior.training.state import Losses, StateFolder, has_state, remove_state, run_key, saved_steps

# Marks the output folder as belonging to this command; the saved state identifies the run.
_MARK = "pretrain"


@dataclass(frozen=True)
class PretrainConfig(TracksConfig):
    """Settings of pretraining.

    Attributes:
        recordings: files, folders or globs of tracks; without any, recordings are simulated.
        output: folder for the encoder.
        steps: number of batches to train on.
        batch: clips per batch, shared evenly by all processes.
        clip_seconds: length of a clip.
        learning_rate: highest learning rate of AdamW.
        weight_decay: weight decay of AdamW.
        objective: the losses: masked modelling, summaries, contrast, and how clips are varied.
        architecture: the network's kind and size.
        preparation: how recordings are made comparable.
        probe_every: steps between probes of how well labels can be read from the embeddings, if the recordings have
            labels; 0 for no probes.
        seed: seed of all random numbers.
        device: auto takes a GPU if there is one.
        precision: auto takes bfloat16 if the hardware multiplies it natively.
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


@check_arguments
def pretrain(config: PretrainConfig) -> Path:
    """Train an encoder and write it to ``config.output``. An interrupted run with the same settings is resumed.

    Several processes give the same result as one, except for rounding in sums, even if an interrupted run is resumed
    with another number of processes. All processes need access to the recordings and the output.

    Returns:
        The folder of the checkpoint.

    Raises:
        InputError: the recordings cannot be used, the output is taken, or the processes cannot share a batch evenly.

    Examples:
        >>> pretrain(PretrainConfig(recordings=(Path("tracks"),), output=Path("runs/encoder")))
        PosixPath('runs/encoder')
    """
    fabric = launch(config.device)
    with fail_together(), quiet_unless_first(), ExitStack() as stack:
        _check(config)
        output = config.output.expanduser()
        if is_first():
            if not has_state(output):
                run_folder.check_output(output, config.overwrite, run_id=_MARK)
            stack.enter_context(run_folder.lock_folder(output))
        with run_folder.mark_unfinished(output, _MARK) if is_first() else nullcontext():
            _pretrain(output, config, fabric)
        if is_first():
            remove_state(output)  # last: if the run stops before this, the same command resumes after the last step
        return output


def _pretrain(output: Path, config: PretrainConfig, fabric: Fabric) -> None:
    device = fabric.device
    recordings = _recordings(config)
    landmarks = shared_landmarks(recording.skeleton for recording in recordings)
    poses = prepare_all(recordings, landmarks, config.preparation, config.skip_bad_files)
    frames = round(config.clip_seconds * config.preparation.frame_rate)
    poses = require_length(poses, frames, config.skip_bad_files)
    key = _key(config, device, landmarks, poses)
    with fail_together():
        if is_first():
            _claim(output, key, config.overwrite)

    torch.manual_seed(config.seed)
    encoder = Encoder(landmarks, config.preparation, config.architecture)
    encoder.precision = config.precision
    sampler = ClipSampler(poses, device=device)
    start = torch.Generator().manual_seed(config.seed)
    encoder.standardise(sampler.draw(config.batch, frames, start) for _ in range(16))
    objective = fabric.setup_module(Pretraining(encoder, config.objective))
    _print_input(poses, config.preparation.frame_rate, landmarks, device)
    if is_first():
        run.save_settings(config, output / "settings.yaml")
    fit(
        objective,
        _losses(objective, sampler, config, frames),
        Schedule(config.steps, config.learning_rate, config.weight_decay),
        seed=config.seed,
        precision=config.precision,
        state_folder=StateFolder(output, key),
        after_step=label_probe(encoder, poses, recordings, config.probe_every, config.steps),
        messages=Messages("pretraining", "--learning-rate", "--batch or --clip-seconds", sampler.drawn),
    )
    if is_first():
        checkpoints.save_encoder(output, encoder, poses)
        report_curves(output, config.architecture.channels)


def _print_input(poses: Sequence[Poses], frame_rate: float, landmarks: Sequence[str], device: torch.device) -> None:
    where = device.type if world_size() == 1 else f"{world_size()} processes with {device.type}"
    frames = count_of(sum(len(recording.positions) for recording in poses), "frame")
    print(f"{count_of(len(poses), 'recording')}, {frames} at {frame_rate:g} Hz, {', '.join(landmarks)}; on {where}")


def _losses(objective: nn.Module, sampler: ClipSampler, config: PretrainConfig, frames: int) -> Losses:
    """Make the function that computes the losses of the next batch; each process draws and reads only its own shard."""
    clips, drawn = clips_per_process(config.batch, "--batch"), config.objective.augmentation.frames_needed(frames)

    def losses(generator: torch.Generator) -> dict[str, Tensor]:
        with batch_random.shard(rank(), world_size()):
            clip = sampler.draw(clips, drawn, generator)
            return cast(dict[str, Tensor], objective(clip, frames, generator))

    return losses


def _check(config: PretrainConfig) -> None:
    """Refuse settings that do not go together."""
    clips_per_process(config.batch, "--batch")
    if not config.objective.weights():
        raise InputError(
            "--objective.masked-weight, --objective.summaries-weight and --objective.contrast-weight (with "
            "--objective.contrast): expected a weight above 0; found nothing to learn: give e.g. "
            "--objective.masked-weight 1"
        )


def _key(config: PretrainConfig, device: torch.device, landmarks: Sequence[str], poses: Sequence[Poses]) -> str:
    """Name a run by everything that its weights depend on, which excludes paths and probes."""
    ignored = {field.name for field in fields(TracksConfig)} | {"output", "probe_every", "device", "precision"}
    settings = {field.name: getattr(config, field.name) for field in fields(config) if field.name not in ignored}
    return run_key((settings, tuple(landmarks), device.type, uses_bfloat16(config.precision, device)), poses)


def _claim(output: Path, key: str, overwrite: bool) -> None:
    """Check that the run with this key may write to ``output``: a new run, or the one that was interrupted there.

    Raises:
        InputError: the folder holds something else, and ``overwrite`` is off.
    """
    steps = saved_steps(output)
    if has_state(output, key):
        print(f"{output} holds an interrupted run with these settings: going on from step {steps}")
        return
    if steps and not overwrite:
        raise InputError(
            f"--output {output}: found an interrupted run with other settings or recordings ({steps} steps are saved); "
            f"resume it, with its recordings, by {command_line('pretrain', '--config', output / 'settings.yaml')} "
            "alone, or replace it with --overwrite"
        )
    run_folder.check_output(output, overwrite, run_id=_MARK)


def _recordings(config: PretrainConfig) -> list[Recording]:
    if config.recordings:
        return config.read()
    print("no --recordings were given: pretraining on 12 simulated recordings of two mice")
    return simulate_recordings(12, config.seed)


def _next_steps(config: PretrainConfig, output: Path) -> None:
    """Print where the results are, and what to run next."""
    if not is_first():
        return
    print(f"\nencoder: {output}   (curves.png and metrics.csv show the training)")
    if not config.recordings:
        print("next:    ssl-behavior simulate --output simulated")
        simulated = ("--encoder", output, "--recordings", "simulated/train.npy")
        print(f"         {command_line('finetune', *simulated)}")
        return
    # A shell expands a glob into many paths, which nobody wants to read or paste.
    recordings = config.recordings if len(config.recordings) <= 3 else ("TRACKS",)
    print("next:    label a few videos, then (without --annotations if the recordings' files hold labels)")
    words = command_line("finetune", "--encoder", output, "--recordings", *recordings)
    print(f"         {words}{config.reading_options} \\")
    print(f"             --annotations ANNOTATIONS --output {shlex.quote(f'{output}-model')}")


main = run.command(
    PretrainConfig,
    pretrain,
    "Pretrain an encoder on unlabelled tracks; torchrun or srun runs it on several GPUs.",
    _next_steps,
)


if __name__ == "__main__":
    main()
