"""Claims: the file by which a worker takes a message, and renews while it works on it.

Several workers try to create the same file, and one succeeds. Clocks of machines differ, so no worker compares a time
in a claim with its own clock. A claim is abandoned if a worker, by its own clock, has watched it for as long as the
lease and has seen no change.
"""

from __future__ import annotations

import json
import math
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from threading import Event, Thread

from ssl_behavior.errors import InputError, one_line
from ssl_behavior.storage.object_store import Store

CLAIMS = "claims"
LEASE_S = 120.0
"""By default, a worker counts as lost after this time without a sign. Loading a library may take half a minute."""
_RENEWALS_PER_LEASE = 4
_NAME = re.compile(rf"{CLAIMS}/(?P<digest>[0-9a-f]{{16}})\.(?P<attempt>[1-9][0-9]{{0,5}})\.json")


@dataclass(frozen=True)
class Claim:
    """An attempt of a worker at a message.

    Attributes:
        digest: of the message's training.
        attempt: number of the attempt, from 1.
        worker: machine and process.
        lease: seconds after which the worker counts as lost if the claim has not changed.
        since: start of the work, by the worker's clock (ISO 8601, UTC); for people.
        renewed: time of the last renewal, by the same clock.
        failure: reason why the attempt has failed in one sentence; None while the worker works.
    """

    digest: str
    attempt: int
    worker: str = "a worker that has just started"
    lease: float = LEASE_S
    since: str = ""
    renewed: str = ""
    failure: str | None = None

    @property
    def name(self) -> str:
        """Name of the claim's file."""
        return f"{CLAIMS}/{self.digest}.{self.attempt}.json"

    @classmethod
    def of_this_process(cls, digest: str, attempt: int, lease: float) -> Claim:
        """Return a claim that this process makes now."""
        return cls(digest, attempt, f"{socket.gethostname()}:{os.getpid()}", lease, _now(), _now())

    @classmethod
    def parse(cls, name: str, content: bytes) -> Claim | None:
        """Read a claim; None if the name is not that of a claim.

        A file without sense is a claim as well: its worker may not have written it yet, or may have died as it did.
        """
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        claim = cls(match["digest"], int(match["attempt"]))
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            fields = json.loads(content)
            lease, failure = float(fields["lease"]), fields["failure"]
            worker, since, renewed_at = (one_line(str(fields[name])) for name in ("worker", "since", "renewed"))
            if lease > 0 and math.isfinite(lease):
                failure = None if failure is None else one_line(str(failure))
                return cls(claim.digest, claim.attempt, worker, lease, since, renewed_at, failure)
        return claim

    def to_json(self) -> bytes:
        """Return the content of the claim's file."""
        fields = {name: value for name, value in asdict(self).items() if name not in ("digest", "attempt")}
        return json.dumps(fields, indent=1).encode()


@contextmanager
def renewed(store: Store, claim: Claim) -> Iterator[None]:
    """Renew a claim from a thread during a ``with`` block."""
    has_ended = Event()

    def renew() -> None:
        while not has_ended.wait(claim.lease / _RENEWALS_PER_LEASE):
            with suppress(InputError):  # the store may answer the next time
                store.write(claim.name, replace(claim, renewed=_now()).to_json())

    thread = Thread(target=renew, daemon=True, name="renews a claim")
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()


class ClaimWatch:
    """The claims that this worker has seen, and when each has last changed.

    Args:
        clock: seconds since any moment, which only this process reads.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[Claim, float]] = {}

    def is_abandoned(self, claim: Claim) -> bool:
        """Return whether the claim, as the store holds it now, has been the same for its lease."""
        now = self._clock()
        known, since = self._seen.get(claim.name, (None, now))
        if known != claim:
            since = now
        self._seen[claim.name] = (claim, since)
        return now - since >= claim.lease


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
