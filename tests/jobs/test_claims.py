import time
from dataclasses import replace
from pathlib import Path

import pytest

from ssl_behavior.jobs.claims import LEASE_S, Claim, ClaimWatch, renewed
from ssl_behavior.storage.object_store import Store

CLAIM = Claim.of_this_process("d" * 16, 2, 30.0)


class Clock:
    """A clock that stands still until it is set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_claim_is_read_as_it_was_written() -> None:
    failed = replace(CLAIM, failure="a.csv: expected tracks")
    for claim in (CLAIM, failed):
        assert Claim.parse(claim.name, claim.to_json()) == claim


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"lease": -1}', b'{"lease": "nan", "failure": 0}'])
def test_a_claim_without_sense_is_that_of_a_worker_which_has_just_made_it(content: bytes) -> None:
    assert Claim.parse(CLAIM.name, content) == Claim("d" * 16, 2, lease=LEASE_S)


@pytest.mark.parametrize("name", ["claims/notes.txt", "claims/../x.1.json", f"claims/{'d' * 16}.0.json"])
def test_another_file_is_no_claim(name: str) -> None:
    assert Claim.parse(name, CLAIM.to_json()) is None


def test_a_claim_that_stays_the_same_for_its_lease_is_abandoned_whatever_time_it_states() -> None:
    clock = Clock()
    watch = ClaimWatch(clock)
    ancient = replace(CLAIM, since="1970-01-01", renewed="1970-01-01")
    assert not watch.is_abandoned(ancient)
    clock.now += 29
    assert not watch.is_abandoned(ancient)
    clock.now += 1
    assert watch.is_abandoned(ancient)
    assert not watch.is_abandoned(replace(ancient, renewed="1970-01-02"))
    clock.now += 29
    assert not watch.is_abandoned(replace(ancient, renewed="1970-01-02"))
    assert not watch.is_abandoned(replace(ancient, renewed="1970-01-02", worker="another one"))
    assert not watch.is_abandoned(replace(ancient, attempt=3))


def test_a_claim_is_renewed_while_its_worker_works_and_not_after(tmp_path: Path) -> None:
    pytest.importorskip("fsspec", reason="fsspec is not installed")
    store, claim = Store(str(tmp_path)), replace(CLAIM, lease=0.08)
    store.create(claim.name, claim.to_json())

    def renewals() -> str:
        read = Claim.parse(claim.name, store.read([claim.name])[claim.name])
        assert read is not None
        return read.renewed

    with renewed(store, claim):
        end = time.monotonic() + 20
        while renewals() == claim.renewed:
            assert time.monotonic() < end
            time.sleep(0.01)
    last = renewals()
    time.sleep(0.1)
    assert renewals() == last > claim.renewed
