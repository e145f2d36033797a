"""``fit``: the only training loop."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from signal import Signals

from torch import nn

from ssl_behavior.compute.devices import Precision, uses_bfloat16
from ssl_behavior.compute.distributed import fail_together, gather_names, is_first, world_size
from ssl_behavior.compute.interrupts import delay_signals
from ssl_behavior.compute.progress import progress_bar
from ssl_behavior.errors import InputError, is_out_of_memory, list_names, memory_message
from ssl_behavior.training.log import MetricsLog
from ssl_behavior.training.schedule import Schedule
from ssl_behavior.training.state import Losses, StateFolder, TrainingState, has_state

AfterStep = Callable[[int], dict[str, float] | None]
"""Number of finished steps -> values to log, if any."""


@dataclass(frozen=True)
class Messages:
    """Wording of the progress bar and of the errors of a run.

    Attributes:
        description: text of the progress bar.
        rate_option: the option that sets the learning rate.
        size_options: the options that set how much memory a batch takes.
        last_recordings: function that returns the ids of the recordings in the last batch.
    """

    description: str = "training"
    rate_option: str = "--learning-rate"
    size_options: str = "--batch"
    last_recordings: Callable[[], Iterable[str]] = tuple


def fit(
    module: nn.Module,
    losses: Losses,
    schedule: Schedule,
    *,
    seed: int,
    precision: Precision = "auto",
    state_folder: StateFolder | None = None,
    after_step: AfterStep | None = None,
    messages: Messages = Messages(),
) -> None:
    """Train ``module`` in place; it ends in evaluation mode, with the mean weights if the schedule asks for them.

    If several processes share the run, only the first one writes, logs and calls ``after_step``.

    Args:
        module: module to train, on its device; in a run of several processes, as ``launching`` set it up.
        losses: function that computes the losses of a batch, called once a step.
        schedule: schedule of the optimiser.
        seed: seed of all random numbers.
        precision: precision of the forward pass.
        state_folder: where ``metrics.csv`` and the state are written; nothing is written without one. A state with the
            same key is resumed, to the same result as an uninterrupted run. It stays until ``remove_state``.
        after_step: function that is called after a step, with the mean weights in place.
        messages: wording of the progress bar and of errors.

    Raises:
        InputError: the loss is not finite or has diverged, or a batch does not fit in memory. The last saved state
            stays.
        KeyboardInterrupt: the run was interrupted. With a state folder, it stopped between two steps and saved its
            state.

    Examples:
        >>> layer = torch.nn.Linear(2, 1)
        >>> fit(layer, lambda generator: {"loss": layer(torch.ones(2)).square().mean()}, Schedule(100), seed=0)
    """
    autocast = uses_bfloat16(precision, next(module.parameters()).device)
    state = TrainingState(module, schedule, seed)
    if state_folder:
        with fail_together():
            if is_first() and not has_state(state_folder.folder, state_folder.key):
                state_folder.save(state)
        state_folder.load(state)
    log = MetricsLog(state_folder.folder / "metrics.csv" if state_folder and is_first() else None, state.step)
    module.train()
    bar = progress_bar(schedule.steps, messages.description, initial=state.step, unit="step")
    with _delayed_signals(state_folder) as signals, bar:
        while state.step < schedule.steps:
            with _explain_errors(state.step, messages):
                values = state.advance(losses, autocast)
            bar.update()
            bar.set_postfix({name: f"{value:.3g}" for name, value in values.items()}, refresh=False)
            if after_step is not None and is_first():
                with state.averaged():
                    values |= after_step(state.step) or {}
            log.add(state.step, values)
            is_due = state_folder and (state.step % state_folder.save_every == 0 or state.step == schedule.steps)
            if state_folder and (is_due or signals):
                with fail_together():
                    if is_first():
                        # The log goes first: a resumed run drops rows past the saved step, but cannot recover any.
                        log.flush()
                        state_folder.save(state)
            if signals:
                break
    state.swap_mean()
    module.eval()


@contextmanager
def _delayed_signals(state_folder: StateFolder | None) -> Iterator[list[Signals]]:
    """Delay Ctrl-C and SIGTERM to the end of a step, if there is a state to save then.

    Several processes would stop after different steps, so signals end them at once.
    """
    can_save = state_folder is not None and world_size() == 1
    delayed = delay_signals("saving the state after this step", once=True)
    with delayed if can_save else nullcontext(list[Signals]()) as signals:
        yield signals


@contextmanager
def _explain_errors(step: int, messages: Messages) -> Iterator[None]:
    """Turn a diverged loss or a lack of memory into an error that says what to do.

    Raises:
        InputError: the step failed for one of these reasons.
        SystemExit: in a run of several processes, memory is lacking.
    """
    try:
        yield
    except FloatingPointError as error:
        recordings = gather_names(list(messages.last_recordings()))
        raise InputError(
            f"the loss diverged at step {step} ({error}; recordings: {list_names(dict.fromkeys(recordings), 8)}): look "
            "for impossible positions in these recordings with ssl-behavior check and leave out bad ones, or lower "
            f"{messages.rate_option}, and start over with --overwrite"
        ) from None
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        message = (
            f"a batch does not fit in memory at step {step} ({memory_message(error)}); lower {messages.size_options}, "
            "or add --device cpu if the GPU's memory is too small"
        )
        if world_size() == 1:
            raise InputError(message) from None
        # The other processes are inside the step and cannot be waited for, so this one exits alone.
        print(f"error: {message}", file=sys.__stderr__, flush=True)
        sys.exit(2)
