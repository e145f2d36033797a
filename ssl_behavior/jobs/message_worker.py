"""A worker: takes one message after the other from a queue until none is left."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ssl_behavior import __version__
from ssl_behavior.errors import count_of, one_line
from ssl_behavior.jobs.claims import Claim, ClaimWatch, renewed
from ssl_behavior.jobs.message_queue import MessageQueue, MessageState
from ssl_behavior.jobs.ray_pool import Work, run_unit
from ssl_behavior.jobs.training_units import TrainingUnit

_LONGEST_PAUSE_S = 10.0
_PAUSES_PER_LEASE = 8


@dataclass(frozen=True)
class Rules:
    """How a worker treats messages.

    Attributes:
        attempts: number of times that a message is tried before it is given up.
        lease: seconds without a sign after which another worker may take the message that this one works on.
        wait: stay when the queue is empty, for messages that are posted later.
        threads: cores to compute on.
    """

    attempts: int
    lease: float
    wait: bool
    threads: int


class MessageWorker:
    """Does the messages of a queue, together with any number of other workers.

    Args:
        queue: the messages.
        work: function that does the training of a message.
        rules: how messages are treated.
    """

    def __init__(self, queue: MessageQueue, work: Work, rules: Rules) -> None:
        self._queue, self._work, self._rules = queue, work, rules
        self._watch = ClaimWatch()
        self._tally: Counter[str] = Counter()
        self._said: set[str] = set()

    def run(self) -> Counter[str]:
        """Work until all messages are done or failed, those of other workers too: these may be lost.

        If it is interrupted, it gives its message back at once.

        Returns:
            Number of messages that this worker has ``done``, and that have ``failed`` for good in its hands.
        """
        while True:
            states = self._states()
            if (claimed := self._take(states)) is not None:
                self._do(*claimed)
                continue
            open_states = [state for state in states if state.stage in ("waiting", "at work")]
            if not open_states and not self._rules.wait:
                return self._tally
            at_work = count_of(sum(state.stage == "at work" for state in open_states), "message")
            self._say_once(f"nothing to take now: {at_work} at work on other workers; waiting")
            self._pause()

    def _states(self) -> list[MessageState]:
        """Return the states of the messages for this version, and say what is left to others."""
        states = self._queue.states()
        others = Counter(state.message.version for state in states if _is_of_others(state))
        for version, count in others.items():
            self._say_once(
                f"left {count_of(count, 'message')} to workers of ssl_behavior {version}; this is {__version__}: post "
                "the experiment with this version, or install that one"
            )
        for sentence in self._queue.damaged:
            self._say_once(sentence)
        return [state for state in states if state.message.is_for_this_version]

    def _take(self, states: Sequence[MessageState]) -> tuple[MessageState, Claim] | None:
        """Claim a message that nobody works on, one with few attempts first."""
        # All claims are watched at every look, so that a lost worker is noticed a lease after its last sign.
        abandoned = {claim.name for state in states for claim in state.claims[-1:] if self._watch.is_abandoned(claim)}
        for state in sorted((state for state in states if state.is_ready), key=_attempts):
            if state.stage == "at work" and state.claims[-1].name not in abandoned:
                continue
            if _attempts(state) >= self._rules.attempts:
                self._give_up(state, state.claims[-1])
                continue
            claim = Claim.of_this_process(state.message.unit.digest, _attempts(state) + 1, self._rules.lease)
            if not self._queue.store.create(claim.name, claim.to_json()):
                continue  # another worker was faster
            if self._queue.is_done(state.message.unit):  # another worker has finished it since the messages were listed
                self._queue.forget_claims(claim.digest)
                continue
            return state, claim
        return None

    def _do(self, state: MessageState, claim: Claim) -> None:
        """Train the unit of a claimed message, and store what came of it."""
        name, start = _describe(state), time.monotonic()
        print(f"{name}: at work (attempt {claim.attempt} of {self._rules.attempts})", flush=True)
        try:
            with renewed(self._queue.store, claim):
                failure = self._attempt(state.message.unit)
        except BaseException:  # an interrupt
            self._queue.store.remove([claim.name])
            print(f"{name}: given back", flush=True)
            raise
        if failure is None:
            self._queue.forget_claims(claim.digest)
            self._tally["done"] += 1
            print(f"{name}: done in {time.monotonic() - start:.0f} s", flush=True)
        elif claim.attempt >= self._rules.attempts:
            self._give_up(state, replace(claim, failure=failure))
        else:
            self._queue.store.write(claim.name, replace(claim, failure=failure).to_json())
            print(f"{name}: attempt {claim.attempt} of {self._rules.attempts} failed: {failure}", flush=True)
            self._pause()  # a store or a disk that is away for a moment must not cost all attempts

    def _attempt(self, unit: TrainingUnit) -> str | None:
        """Train a unit; return the reason in one sentence if it fails."""
        try:
            outcome = run_unit(self._work, unit, self._rules.threads)
        except Exception as error:  # a bug of this package, or too little memory: the others of the queue go on
            traceback.print_exc()
            return one_line(f"{type(error).__name__}: {error}")
        for line in filter(None, outcome.printed):
            print(line, flush=True)
        return outcome.failure

    def _give_up(self, state: MessageState, last: Claim) -> None:
        reason = last.failure or f"its worker {last.worker} gave no sign for {last.lease:g} s"
        reason = f"{reason} (attempt {last.attempt} of {self._rules.attempts})"
        self._queue.give_up(state, reason)
        self._tally["failed"] += 1
        print(f"{_describe(state)}: failed: {one_line(reason)}", flush=True)

    def _pause(self) -> None:
        time.sleep(min(_LONGEST_PAUSE_S, self._rules.lease / _PAUSES_PER_LEASE))

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said:
            print(sentence, flush=True)
        self._said.add(sentence)


def _attempts(state: MessageState) -> int:
    return state.claims[-1].attempt if state.claims else 0


def _describe(state: MessageState) -> str:
    return f"{state.message.unit.label} ({state.message.experiment})"


def _is_of_others(state: MessageState) -> bool:
    return not state.message.is_for_this_version and state.stage in ("waiting", "at work")
