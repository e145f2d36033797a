"""The state of a training run, and the folder that it is saved to and resumed from."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ssl_behavior.compute.distributed import mean_over_processes
from ssl_behavior.errors import InputError, count_of
from ssl_behavior.poses.poses import Poses
from ssl_behavior.storage.atomic import write_atomically
from ssl_behavior.storage.digests import checksum, digest
from ssl_behavior.training.schedule import Schedule

_FILE = "unfinished.safetensors"
# A loss of this many times the first loss has diverged: no healthy run comes near it.
_DIVERGED = 100
Losses = Callable[[torch.Generator], dict[str, Tensor]]
"""Random generator -> loss terms by name, of which ``loss`` is minimised."""


class TrainingState:
    """Everything that the next step of a run depends on.

    Args:
        module: module to train, on its device.
        schedule: schedule of the optimiser.
        seed: seed of all random numbers.
    """

    def __init__(self, module: nn.Module, schedule: Schedule, seed: int) -> None:
        self.module, self.schedule, self.step = module, schedule, 0
        self.first_loss: float | None = None
        self.generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)  # dropout draws from the global generator
        groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
        for name, parameter in module.named_parameters():
            factor = schedule.factor(name)
            parameter.requires_grad_(factor > 0)
            if factor > 0:
                groups.setdefault((factor, parameter.ndim > 1), []).append(parameter)
        self.optimiser = torch.optim.AdamW(
            [
                {"params": parameters, "factor": factor, "weight_decay": schedule.weight_decay if is_matrix else 0.0}
                for (factor, is_matrix), parameters in groups.items()
            ],
            lr=schedule.learning_rate,
            fused=True,
        )
        self.device = next(module.parameters()).device
        self.trained = [parameter for group in self.optimiser.param_groups for parameter in group["params"]]
        self.mean = [parameter.detach().clone() for parameter in self.trained] if schedule.average else []

    def advance(self, losses: Losses, autocast: bool) -> dict[str, float]:
        """Take one step.

        Args:
            losses: function that computes the losses of the next batch.
            autocast: whether the forward pass computes in bfloat16.

        Returns:
            The loss terms, as means over the processes, and the norm of the gradient.

        Raises:
            FloatingPointError: the loss is not finite or has diverged. The weights are those before the step.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.learning_rate * group["factor"] * self.schedule.rate(self.step)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=autocast):
            terms = losses(self.generator)
        terms["loss"].backward()
        norm = nn.utils.clip_grad_norm_(self.trained, self.schedule.clip_norm)
        values = dict(zip(terms, mean_over_processes(torch.stack([*terms.values()])).tolist(), strict=True))
        self.first_loss = values["loss"] if self.first_loss is None else self.first_loss
        largest = _DIVERGED * (1 + abs(self.first_loss))
        if not (math.isfinite(values["loss"]) and math.isfinite(float(norm)) and values["loss"] <= largest):
            raise FloatingPointError(f"loss {values['loss']:.4g}, gradient {float(norm):.4g}")
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        if self.mean:
            # The decay is smaller in the first steps, or the mean would remember the random initial weights.
            decay = min(self.schedule.average, self.step / (self.step + 10))
            torch._foreach_lerp_(self.mean, [parameter.detach() for parameter in self.trained], 1 - decay)
        return {**values, "gradient": float(norm)}

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the module in evaluation mode, with the mean weights if there are any, for a ``with`` block."""
        self.swap_mean()
        self.module.eval()
        try:
            yield
        finally:
            self.module.train()
            self.swap_mean()

    def swap_mean(self) -> None:
        """Exchange the weights and their mean, if there is one."""
        for parameter, mean in zip(self.trained, self.mean, strict=False):
            parameter.data, mean.data = mean.data, parameter.data

    def tensors(self) -> dict[str, Tensor]:
        """Copy weights, mean weights, optimiser state and random generators to the CPU."""
        tensors = {f"module.{name}": tensor for name, tensor in self.module.state_dict().items()}
        tensors |= {f"mean.{i}": tensor for i, tensor in enumerate(self.mean)}
        for i, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{i}.{name}": tensor for name, tensor in state.items()}
        tensors |= {"generator": self.generator.get_state(), "global": torch.get_rng_state()}
        if self.device.type == "cuda":
            tensors["cuda"] = torch.cuda.get_rng_state(self.device)
        return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}

    def restore(self, tensors: dict[str, Tensor], step: int, first_loss: float | None) -> None:
        """Continue from what ``tensors`` returned at an earlier step."""

        def under(prefix: str) -> dict[str, Tensor]:
            return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

        self.module.load_state_dict(under("module."))
        for i, tensor in under("mean.").items():
            self.mean[int(i)].copy_(tensor)
        states: dict[int, dict[str, Tensor]] = {}
        for name, tensor in under("optimiser.").items():
            i, field = name.split(".")
            states.setdefault(int(i), {})[field] = tensor
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": states})
        self.generator.set_state(tensors["generator"])
        torch.set_rng_state(tensors["global"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["cuda"], self.device)
        self.step, self.first_loss = step, first_loss


@dataclass(frozen=True)
class StateFolder:
    """The folder in which a run saves its state, so that it can be resumed after an interruption.

    Attributes:
        folder: folder of the state and of ``metrics.csv``.
        key: identifies the run's settings and inputs (see ``run_key``). Only a state with the same key is resumed.
        save_every: steps between saved states.
    """

    folder: Path
    key: str
    save_every: int = 250

    def subfolder(self, name: str) -> StateFolder:
        """Return the folder in which one of several trainings of the same run saves its state."""
        return replace(self, folder=self.folder / name)

    def save(self, state: TrainingState) -> None:
        """Write the state, whole or not at all."""
        tensors = state.tensors()
        notes = {"step": str(state.step), "key": self.key, "first_loss": repr(state.first_loss)}
        notes |= {"threads": str(torch.get_num_threads()), "crc32": str(_checksum(tensors))}
        with write_atomically(self.folder / _FILE) as aside:
            save_file(tensors, aside, notes)

    def load(self, state: TrainingState) -> None:
        """Restore ``state`` from the saved one; print if it was computed with another number of threads.

        Raises:
            InputError: the file is damaged.
        """
        path = self.folder / _FILE
        try:
            tensors, notes = load_file(path), _notes(path)
        except SafetensorError as error:
            raise _damaged(path, str(error)) from None
        if notes.get("crc32", sum_read := str(_checksum(tensors))) != sum_read:
            raise _damaged(path, "other values than were written")
        _print_other_threads(notes, state)
        first_loss = json.loads(notes["first_loss"].replace("None", "null"))
        state.restore(tensors, int(notes["step"]), first_loss)


def _checksum(tensors: Mapping[str, Tensor]) -> int:
    return checksum(*(part for name in sorted(tensors) for part in (name, tensors[name].cpu().numpy())))


def _print_other_threads(notes: Mapping[str, str], state: TrainingState) -> None:
    """Print if a state was computed with another number of threads than this process has."""
    now = torch.get_num_threads()
    before = int(notes.get("threads", now))
    if before != now and int(notes["step"]) and state.device.type == "cpu":
        print(
            f"this run began with {count_of(before, 'thread')} and goes on with {now}: its weights will differ in "
            f"their last digits from those of a run without a break (OMP_NUM_THREADS={before} gives the same)"
        )


def _damaged(path: Path, problem: str) -> InputError:
    return InputError(
        f"{path}: expected the state of an interrupted run; found {problem}: delete this file and run the "
        "command again, which then starts over"
    )


def run_key(settings: object, poses: Sequence[Poses]) -> str:
    """Return a name for a run: the hash of its settings and of its inputs' content."""
    inputs = [part for recording in poses for part in (recording.id, recording.fingerprint())]
    return digest(repr(settings), *inputs, length=32)


def has_state(folder: Path, key: str | None = None) -> bool:
    """Return whether ``folder`` holds the state of an interrupted run: of the one with this key, if it is given."""
    path = folder / _FILE
    try:
        return path.exists() and key in (None, _notes(path).get("key"))
    except (SafetensorError, OSError):
        return False


def saved_steps(folder: Path) -> int:
    """Return the number of finished steps in the state that ``folder`` holds; 0 without a state."""
    return int(_notes(folder / _FILE).get("step", 0)) if has_state(folder) else 0


def remove_state(folder: Path) -> None:
    """Delete the state of a run whose result is safely on disk."""
    (folder / _FILE).unlink(missing_ok=True)


def _notes(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return file.metadata() or {}
