"""One worker, with trainings that are a line of Python each; ``test_experiments`` has several, and real trainings."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.jobs.claims import Claim
from ssl_behavior.jobs.message_queue import MessageQueue
from ssl_behavior.jobs.message_worker import MessageWorker, Rules
from ssl_behavior.jobs.messages import Message
from ssl_behavior.jobs.results import Results, Unit
from ssl_behavior.jobs.training_units import training_unit
from ssl_behavior.storage.object_store import Store

RULES = Rules(attempts=2, lease=0.2, wait=False, threads=1)
ENCODERS = [training_unit(letter * 16, None) for letter in "ef"]
MODELS = [training_unit(letter * 16, encoder) for letter, encoder in zip("ab", ENCODERS, strict=True)]
UNITS = [*MODELS, *ENCODERS]


@pytest.fixture
def queue(tmp_path: Path) -> MessageQueue:
    pytest.importorskip("fsspec", reason="fsspec is not installed")
    queue = MessageQueue(Store(str(tmp_path / "store")))
    queue.post([Message("dropout", unit) for unit in UNITS])
    return queue


def finish(queue: MessageQueue, unit: Unit) -> None:
    Results(queue.store).put(unit, {}, {"scores": {}})


def work(queue: MessageQueue, training: Callable[[Unit], None], rules: Rules = RULES) -> Counter[str]:
    return MessageWorker(queue, training, rules).run()


def stages(queue: MessageQueue) -> dict[str, str]:
    return {state.message.unit.digest[0]: state.stage for state in queue.states()}


def test_every_message_is_done_once_and_models_after_their_encoders(queue: MessageQueue) -> None:
    order: list[Unit] = []

    def train(unit: Unit) -> None:
        order.append(unit)
        finish(queue, unit)

    assert work(queue, train) == {"done": 4}
    assert [unit.digest[0] for unit in order] == ["e", "f", "a", "b"]
    assert queue.store.names("claims") == []
    assert work(queue, train) == {}
    assert len(order) == 4


def test_a_message_that_fails_is_tried_again_after_the_others_and_then_given_up(
    queue: MessageQueue, capsys: pytest.CaptureFixture[str]
) -> None:
    order: list[str] = []

    def train(unit: Unit) -> None:
        order.append(unit.digest[0])
        if unit == ENCODERS[0]:
            raise InputError("7.csv: expected tracks")
        finish(queue, unit)

    assert work(queue, train) == {"done": 2, "failed": 1}
    assert order == ["e", "f", "b", "e"]
    assert {state.message.unit.digest[0]: state.reason for state in queue.states() if state.stage == "failed"} == {
        "e": "7.csv: expected tracks (attempt 2 of 2)",
        "a": "its encoder failed: 7.csv: expected tracks (attempt 2 of 2)",
    }
    assert "attempt 1 of 2 failed: 7.csv: expected tracks" in capsys.readouterr().out
    queue.post([Message("dropout", unit) for unit in UNITS])
    assert work(queue, lambda unit: finish(queue, unit)) == {"done": 2}


def test_a_bug_fails_its_message_and_no_other(queue: MessageQueue, capsys: pytest.CaptureFixture[str]) -> None:
    def train(unit: Unit) -> None:
        finish(queue, unit) if unit != MODELS[0] else 1 / 0

    assert work(queue, train) == {"done": 3, "failed": 1}
    assert "ZeroDivisionError: division by zero" in queue.states()[2].reason
    assert "Traceback" in capsys.readouterr().err


def test_the_message_of_a_lost_worker_is_delivered_again_after_its_lease(queue: MessageQueue) -> None:
    lost = Claim(ENCODERS[0].digest, 1, "another machine:7", lease=0.3)
    queue.store.create(lost.name, lost.to_json())
    seen: dict[str, int] = {}

    def train(unit: Unit) -> None:
        (claim,) = [state.claims[-1] for state in queue.states() if state.message.unit == unit]
        seen[unit.digest[0]] = claim.attempt
        finish(queue, unit)

    assert work(queue, train) == {"done": 4}
    assert seen == {"f": 1, "b": 1, "e": 2, "a": 1}
    assert list(seen)[-2:] == ["e", "a"]


def test_a_message_whose_workers_are_lost_again_and_again_is_given_up(queue: MessageQueue) -> None:
    for attempt in (1, 2):
        lost = Claim(ENCODERS[0].digest, attempt, f"machine:{attempt}", lease=0.3)
        queue.store.create(lost.name, lost.to_json())
    assert work(queue, lambda unit: finish(queue, unit)) == {"done": 2, "failed": 1}
    assert queue.states()[0].reason == "its worker machine:2 gave no sign for 0.3 s (attempt 2 of 2)"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_gives_the_message_back_at_once(queue: MessageQueue, stop: type[BaseException]) -> None:
    def train(_: Unit) -> None:
        assert stages(queue)["e"] == "at work"
        raise stop

    with pytest.raises(stop):
        work(queue, train)
    assert stages(queue)["e"] == "waiting"
    assert queue.store.names("claims") == []


def test_messages_of_another_version_are_left_with_a_sentence(
    queue: MessageQueue, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.post([Message("later", training_unit("9" * 16, None), version="9.0.0")])
    assert work(queue, lambda unit: finish(queue, unit)) == {"done": 4}
    assert "left 1 message to workers of ssl_behavior 9.0.0" in capsys.readouterr().out
    assert stages(queue)["9"] == "waiting"


def test_a_message_that_another_worker_finished_just_now_is_not_done_again(queue: MessageQueue) -> None:
    states = queue.states()
    worker = MessageWorker(queue, lambda unit: finish(queue, unit), RULES)
    finish(queue, ENCODERS[0])  # after the states were listed
    taken = worker._take(states)
    assert taken is not None
    assert taken[0].message.unit == ENCODERS[1]
    assert [name.split("/")[1][0] for name in queue.store.names("claims")] == ["f"]


def test_a_worker_that_waits_does_what_is_posted_later(queue: MessageQueue) -> None:
    later = training_unit("7" * 16, None)
    order: list[str] = []

    def train(unit: Unit) -> None:
        order.append(unit.digest[0])
        finish(queue, unit)
        if len(order) == 4:
            queue.post([Message("later", later)])
        if unit == later:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work(queue, train, Rules(attempts=2, lease=0.2, wait=True, threads=1))
    assert order == ["e", "f", "a", "b", "7"]
