"""A queue of messages: files in the store that holds the results, on a disk or in an object store.

::

    messages/DIGEST.json          what to do; the digest of the training is its name, so equal messages are one
    claims/DIGEST.ATTEMPT.json    a worker is at it, or its attempt has failed
    failures/DIGEST.txt           it is given up, and why
    units/LABEL.DIGEST.json       it is done (see ``Results``)

Claims are removed after the mark or the failure is written, and listed before these. So a message that is done is never
seen as waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, get_args

from ssl_behavior.errors import InputError, one_line
from ssl_behavior.jobs.claims import CLAIMS, Claim
from ssl_behavior.jobs.messages import Message
from ssl_behavior.jobs.results import Results, Unit
from ssl_behavior.storage.object_store import Store

MESSAGES, _FAILURES = "messages", "failures"
FOLDERS = (MESSAGES, CLAIMS, _FAILURES)
"""Folders of the queue."""
_PARALLEL_WRITES = 16  # a small file takes a round trip to the store, so the time is spent waiting

Stage = Literal["waiting", "at work", "done", "failed"]
STAGES = get_args(Stage)


@dataclass(frozen=True)
class MessageState:
    """Progress of a message.

    Attributes:
        message: the message.
        stage: waiting, at work, done or failed.
        claims: attempts that are running or have failed, the latest last; none if it is done or given up.
        reason: why it has failed or still waits, in one sentence; may be empty.
        is_ready: whether a worker may take it; a model waits for its encoder.
    """

    message: Message
    stage: Stage
    claims: tuple[Claim, ...] = ()
    reason: str = ""
    is_ready: bool = False


class MessageQueue:
    """The messages in a store.

    Args:
        store: folder of the results.

    Attributes:
        store: folder of the results.
        damaged: a sentence about each file that should be a message, and was none when ``states`` was last called.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.damaged: list[str] = []
        self._known: dict[str, Message] = {}

    def post(self, messages: Iterable[Message]) -> Counter[str]:
        """Add the messages that the queue lacks; a message that was given up is tried again.

        Returns:
            Number of messages that are ``new``, ``done``, ``tried again``, or ``posted before``.
        """
        outcomes = {state.message.unit.digest: state.stage for state in self.states()}
        given_up = set(self.store.names(_FAILURES))

        def post_one(message: Message) -> str:
            digest = message.unit.digest
            failure = _failure_of(digest)
            if outcomes.get(digest) == "done":
                return "done"
            if digest in outcomes and failure not in given_up:
                return "posted before"
            # The new message may name other addresses of the same files, which workers can read.
            self.store.write(_name_of(digest), message.to_json())
            if failure not in given_up:
                return "new"
            self.store.remove([failure])
            return "tried again"

        with ThreadPoolExecutor(_PARALLEL_WRITES) as pool:
            return Counter(pool.map(post_one, messages))

    def states(self) -> list[MessageState]:
        """Return what has become of each message that is not damaged: encoders first, in the order of their digests."""
        claim_names = self.store.names(CLAIMS)
        given_up = self.store.names(_FAILURES)
        marks = Results(self.store).marks()
        messages = sorted(self._read(), key=lambda message: (message.unit.encoder is not None, message.unit.digest))
        unfinished = {message.unit.digest for message in messages if message.unit.mark not in marks}
        claims = self._claims(name for name in claim_names if _digest_of(name) in unfinished)
        contents = self.store.read(name for name in given_up if _digest_of(name) in unfinished)
        failures = {_digest_of(name): one_line(text.decode(errors="replace")) for name, text in contents.items()}
        states: dict[str, MessageState] = {}
        for message in messages:
            digest = message.unit.digest
            states[digest] = _state(message, marks, claims.get(digest, ()), failures.get(digest), states)
        return list(states.values())

    def is_done(self, unit: Unit) -> bool:
        """Return whether the result of a unit is complete."""
        return bool(self.store.read([unit.mark]))

    def give_up(self, state: MessageState, reason: str) -> None:
        """Mark a message as failed for good: until it is posted again."""
        digest = state.message.unit.digest
        self.store.write(_failure_of(digest), reason.encode())
        self.forget_claims(digest)

    def forget_claims(self, digest: str) -> None:
        """Remove the claims of a message that is done or given up."""
        self.store.remove([name for name in self.store.names(CLAIMS) if _digest_of(name) == digest])

    def _read(self) -> list[Message]:
        names = self.store.names(MESSAGES)
        self.damaged = []
        for name, content in self.store.read(name for name in sorted(names) if name not in self._known).items():
            try:
                self._known[name] = Message.from_json(content, _digest_of(name), f"{self.store.address}/{name}")
            except InputError as error:
                self.damaged.append(str(error))
        return [self._known[name] for name in names if name in self._known]

    def _claims(self, names: Iterable[str]) -> Mapping[str, Sequence[Claim]]:
        """Return digest of a message -> its claims, in the order of their attempts."""
        claims: dict[str, list[Claim]] = {}
        for name, content in self.store.read(names).items():
            if (claim := Claim.parse(name, content)) is not None:
                claims.setdefault(claim.digest, []).append(claim)
        return {digest: sorted(several, key=lambda claim: claim.attempt) for digest, several in claims.items()}


def _state(
    message: Message,
    marks: set[str],
    claims: Sequence[Claim],
    failure: str | None,
    encoders: Mapping[str, MessageState],
) -> MessageState:
    encoder = message.unit.encoder
    if message.unit.mark in marks:
        return MessageState(message, "done")
    if failure is not None:
        return MessageState(message, "failed", reason=failure)
    if encoder is not None and encoder.mark not in marks:
        state = encoders.get(encoder.digest)
        if state is None:
            return MessageState(message, "failed", reason="its encoder has no message: post the experiment again")
        if state.stage == "failed":
            return MessageState(message, "failed", reason=f"its encoder failed: {state.reason}")
        return MessageState(message, "waiting", reason="waits for its encoder")
    if claims and claims[-1].failure is None:
        return MessageState(message, "at work", tuple(claims), is_ready=True)
    reason = f"attempt {claims[-1].attempt} failed: {claims[-1].failure}" if claims else ""
    return MessageState(message, "waiting", tuple(claims), one_line(reason), is_ready=True)


def _name_of(digest: str) -> str:
    return f"{MESSAGES}/{digest}.json"


def _failure_of(digest: str) -> str:
    return f"{_FAILURES}/{digest}.txt"


def _digest_of(name: str) -> str:
    """The digest in the name of a message, a claim or a failure."""
    return name.rpartition("/")[2].partition(".")[0]
