"""fit(): the only training loop."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ssl_behavior.compute.devices import Precision, uses_bfloat16
from ssl_behavior.compute.distributed import averaged, count, first, gathered, together
from ssl_behavior.compute.interrupts import held_back
from ssl_behavior.compute.progress import progress_bar
from ssl_behavior.errors import InputError, is_out_of_memory, memory_told, some
from ssl_behavior.poses.poses import Poses
from ssl_behavior.storage.atomic import replacing
from ssl_behavior.storage.digests import digest
from ssl_behavior.training.log import MetricsLog

_STATE = "unfinished.safetensors"
_EXPLODED = 100
"""Times the first step's loss."""
Losses = Callable[[torch.Generator], dict[str, Tensor]]


@dataclass(frozen=True)
class Schedule:
    """How the weights are moved: AdamW with a warm-up.

    Attributes:
        steps: batches in all.
        learning_rate: after the warm-up.
        weight_decay: of AdamW, on matrices only.
        warmup: steps over which the rate rises; at most half of all.
        cosine: whether the rate then falls to 0 as a cosine; else it stays.
        clip_norm: largest norm of the gradient.
        average: decay of the running mean of the weights that is kept in the end; 0 keeps the last weights.
    """

    steps: int
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: int = 100
    cosine: bool = True
    clip_norm: float = 1.0
    average: float = 0.0

    def rate(self, step: int) -> float:
        """Factor on the learning rate at a step (from 0)."""
        warm = max(1, min(self.warmup, self.steps // 2))
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm))) if self.cosine else 1.0


def run_key(settings: object, poses: Sequence[Poses]) -> str:
    """A name for a run: the hash of its settings and of its inputs' content."""
    return digest(repr(settings), *(part for one in poses for part in (one.id, one.fingerprint())), length=32)


@dataclass(frozen=True)
class StateFolder:
    """Where the state of a run in several parts is kept, each in a folder of its own, and the run's key."""

    folder: Path
    key: str

    def part(self, name: str) -> StateFolder:
        """Of one part of the run."""
        return StateFolder(self.folder / name, self.key)


class Fit:
    """State of one training run: everything that the next step depends on.

    Args:
        module: to train, on its device.
        schedule: how.
        seed: of all random numbers.
        groups: factor on the learning rate by prefix of a parameter's name (1 where none fits; 0 freezes).
    """

    def __init__(self, module: nn.Module, schedule: Schedule, seed: int, groups: dict[str, float] | None = None):
        self.module, self.schedule, self.step = module, schedule, 0
        self.first_loss: float | None = None
        self.generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)  # dropout draws from the global generator
        by_factor: dict[tuple[float, bool], list[nn.Parameter]] = {}
        for name, parameter in module.named_parameters():
            factor = next((f for prefix, f in (groups or {}).items() if name.startswith(prefix)), 1.0)
            parameter.requires_grad_(factor > 0)
            if factor > 0:
                by_factor.setdefault((factor, parameter.ndim > 1), []).append(parameter)
        self.optimiser = torch.optim.AdamW(
            [
                {"params": parameters, "factor": factor, "weight_decay": schedule.weight_decay if matrix else 0.0}
                for (factor, matrix), parameters in by_factor.items()
            ],
            lr=schedule.learning_rate,
            fused=True,
        )
        self.device = next(module.parameters()).device
        self.trained = [p for group in self.optimiser.param_groups for p in group["params"]]
        self.mean = [p.detach().clone() for p in self.trained] if schedule.average else []

    def advance(self, losses: Losses, autocast: bool) -> dict[str, float]:
        """One step; returns the losses and the gradient's norm.

        Raises:
            FloatingPointError: if the loss is not finite, or has exploded; the weights are those before the step.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.learning_rate * group["factor"] * self.schedule.rate(self.step)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=autocast):
            terms = losses(self.generator)
        terms["loss"].backward()
        norm = nn.utils.clip_grad_norm_(self.trained, self.schedule.clip_norm)
        values = dict(zip(terms, averaged(torch.stack([*terms.values()])).tolist(), strict=True))
        self.first_loss = values["loss"] if self.first_loss is None else self.first_loss
        largest = _EXPLODED * (1 + abs(self.first_loss))
        if not (math.isfinite(values["loss"]) and math.isfinite(float(norm)) and values["loss"] <= largest):
            raise FloatingPointError(f"the loss is {values['loss']:.4g} and its gradient {float(norm):.4g}")
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        if self.mean:
            # As long as few steps are behind, the mean is over those only.
            decay = min(self.schedule.average, self.step / (self.step + 10))
            torch._foreach_lerp_(self.mean, [p.detach() for p in self.trained], 1 - decay)
        return {**values, "gradient": float(norm)}

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the module has the mean weights (if they are kept) and is in evaluation mode."""
        self._swap()
        self.module.eval()
        try:
            yield
        finally:
            self.module.train()
            self._swap()

    def _swap(self) -> None:
        for parameter, mean in zip(self.trained, self.mean, strict=False):
            parameter.data, mean.data = mean.data, parameter.data

    def save(self, path: Path, key: str) -> None:
        """Write the state, aside and then renamed, marked with ``key``."""
        tensors = {f"module.{name}": tensor for name, tensor in self.module.state_dict().items()}
        tensors |= {f"mean.{i}": tensor for i, tensor in enumerate(self.mean)}
        for i, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{i}.{name}": tensor for name, tensor in state.items()}
        tensors |= {"generator": self.generator.get_state(), "global": torch.get_rng_state()}
        if self.device.type == "cuda":
            tensors["cuda"] = torch.cuda.get_rng_state(self.device)
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        with replacing(path) as aside:
            save_file(tensors, aside, {"step": str(self.step), "key": key, "first_loss": repr(self.first_loss)})

    def load(self, path: Path) -> None:
        """Continue from a state that ``save`` wrote."""
        tensors = load_file(path)

        def part(prefix: str) -> dict[str, Tensor]:
            return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}

        self.module.load_state_dict(part("module."))
        for i, tensor in part("mean.").items():
            self.mean[int(i)].copy_(tensor)
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in part("optimiser.").items():
            i, field = name.split(".")
            state.setdefault(int(i), {})[field] = tensor
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": state})
        self.generator.set_state(tensors["generator"])
        torch.set_rng_state(tensors["global"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["cuda"], self.device)
        told = _header(path)
        self.step, self.first_loss = int(told["step"]), json.loads(told["first_loss"].replace("None", "null"))


def _header(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return file.metadata() or {}


def unfinished(folder: Path, key: str | None = None) -> bool:
    """Whether ``folder`` holds an interrupted run, of the settings and inputs that ``key`` names if it is given."""
    path = folder / _STATE
    try:
        return path.exists() and key in (None, _header(path).get("key"))
    except (SafetensorError, OSError):
        return False


def steps_kept(folder: Path) -> int:
    """How many steps of an interrupted run are kept in ``folder``; 0 where none are, or no run is."""
    return int(_header(folder / _STATE).get("step", 0)) if unfinished(folder) else 0


def finished(folder: Path) -> None:
    """Forget the state of a run whose result is safely on disk."""
    (folder / _STATE).unlink(missing_ok=True)


def fit(
    module: nn.Module,
    losses: Losses,
    schedule: Schedule,
    *,
    seed: int,
    precision: Precision = "auto",
    groups: dict[str, float] | None = None,
    folder: Path | None = None,
    key: str = "",
    save_every: int = 250,
    at: Callable[[int], dict[str, float] | None] | None = None,
    description: str = "training",
    learned_from: Callable[[], Iterable[str]] = tuple,
    rate_option: str = "--learning-rate",
    size_options: str = "--batch",
) -> None:
    """Train ``module`` in place; where several processes share the run, the first alone writes, logs and calls ``at``.

    Args:
        module: on its device; in a run of several processes, as ``launching`` set it up.
        losses: random generator -> terms by name, of which ``loss`` is minimised.
        schedule: how.
        seed: of all random numbers.
        precision: of the forward pass.
        groups: factors on the learning rate (see ``Fit``).
        folder: where ``metrics.csv`` and the run's state are written; nowhere by default. A state that carries the same
            ``key`` is continued, with the same result as an undisturbed run, until ``finished`` takes it away.
        key: names the run's settings and inputs.
        save_every: steps between saved states.
        at: called with the number of finished steps, with the mean weights in place; what it returns is logged.
        description: of the progress bar.
        learned_from: ids of the recordings of the last batch, to be named where its loss is none.
        rate_option: the option that sets the learning rate.
        size_options: the options that set how much memory a batch takes.

    Raises:
        InputError: the loss is not finite, or has exploded, or memory does not suffice for a batch. What was kept of
            the run stays as it is.
        KeyboardInterrupt: a run that is kept was interrupted, between two steps, and its state written.
    """
    device = next(module.parameters()).device
    autocast = uses_bfloat16(precision, device)
    run = Fit(module, schedule, seed, groups)
    state = folder / _STATE if folder else None
    if folder and state:
        with together():
            if first() and not unfinished(folder, key):
                run.save(state, key)
        run.load(state)
    log = MetricsLog(folder / "metrics.csv" if folder and first() else None, run.step)
    module.train()
    bar = progress_bar(schedule.steps, description, initial=run.step, unit="step")
    # Of several processes, each would stop after another step.
    is_kept = state is not None and count() == 1
    with (
        held_back("keeping the state after this step", once=True) if is_kept else nullcontext(list[Signals]()) as asked,
        bar,
    ):
        while run.step < schedule.steps:
            with _explained(run.step, learned_from, rate_option, size_options):
                values = run.advance(losses, autocast)
            bar.update()
            bar.set_postfix({k: f"{v:.3g}" for k, v in values.items()}, refresh=False)
            if at is not None and first():
                with run.averaged():
                    values |= at(run.step) or {}
            log.add(run.step, values)
            if state and (run.step % save_every == 0 or run.step == schedule.steps or asked):
                with together():
                    if first():
                        log.flush()  # first, as rows past the kept step are dropped
                        run.save(state, key)
            if asked:
                break
    run._swap()
    module.eval()


@contextmanager
def _explained(
    step: int, learned_from: Callable[[], Iterable[str]], rate_option: str, size_options: str
) -> Iterator[None]:
    """What goes wrong in a step, in a sentence that says what to do."""
    try:
        yield
    except FloatingPointError as error:
        given = gathered(list(learned_from()))
        raise InputError(
            f"{error} at step {step}, of a batch of {some(dict.fromkeys(given), 8)}: expected finite numbers of the "
            "size of the first ones; look for impossible positions there (ssl-behavior check) and leave out "
            f"what is wrong, or lower {rate_option}: what was kept of this run stays until --overwrite starts another"
        ) from None
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        told = (
            f"memory does not suffice for step {step} ({memory_told(error)}); lower {size_options}, or give --device "
            "cpu if it is the GPU's memory"
        )
        if count() == 1:
            raise InputError(told) from None
        print(f"error: {told}", file=sys.__stderr__, flush=True)  # the others are within the step, and wait for nobody
        sys.exit(2)
