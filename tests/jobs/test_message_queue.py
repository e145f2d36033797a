from collections import Counter
from pathlib import Path

import pytest

from ssl_behavior.jobs.claims import Claim
from ssl_behavior.jobs.message_queue import MessageQueue
from ssl_behavior.jobs.messages import Message
from ssl_behavior.jobs.results import Results
from ssl_behavior.jobs.training_units import training_unit
from ssl_behavior.storage.object_store import Store

ENCODER = training_unit("e" * 16, None)
MODELS = [training_unit(letter * 16, ENCODER) for letter in "ab"]
MESSAGES = [Message("dropout", unit) for unit in (ENCODER, *MODELS)]


@pytest.fixture(params=["disk", "s3"])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> MessageQueue:
    pytest.importorskip("fsspec", reason="fsspec is not installed")
    if request.param == "disk":
        return MessageQueue(Store(str(tmp_path / "store")))
    return MessageQueue(Store(f"{request.getfixturevalue('s3')}/{tmp_path.name}/store"))


def stages(queue: MessageQueue) -> dict[str, str]:
    return {state.message.unit.digest[0]: state.stage for state in queue.states()}


def finish(queue: MessageQueue, number: int) -> None:
    Results(queue.store).put(MESSAGES[number].unit, {}, {"scores": {}})


def test_posting_twice_adds_nothing_and_experiments_share_messages(queue: MessageQueue) -> None:
    assert queue.post(MESSAGES[:2]) == Counter(new=2)
    assert queue.post([Message("other", message.unit) for message in MESSAGES]) == {"posted before": 2, "new": 1}
    assert {state.message.unit.digest[0]: state.message.experiment for state in queue.states()} == {
        "e": "dropout", "a": "dropout", "b": "other"
    }  # fmt: skip
    finish(queue, 0)
    assert queue.post(MESSAGES) == {"done": 1, "posted before": 2}


def test_a_message_waits_is_at_work_and_done_and_a_model_waits_for_its_encoder(queue: MessageQueue) -> None:
    queue.post(MESSAGES)
    assert [state.is_ready for state in queue.states()] == [True, False, False]
    claim = Claim.of_this_process(ENCODER.digest, 1, 30.0)
    queue.store.create(claim.name, claim.to_json())
    assert stages(queue) == {"e": "at work", "a": "waiting", "b": "waiting"}
    assert queue.states()[0].claims == (claim,)
    finish(queue, 0)
    assert queue.is_done(ENCODER)
    queue.forget_claims(ENCODER.digest)
    assert stages(queue) == {"e": "done", "a": "waiting", "b": "waiting"}
    assert [state.is_ready for state in queue.states()] == [False, True, True]
    assert queue.store.names("claims") == []


def test_models_of_an_encoder_that_was_given_up_have_failed_until_it_is_posted_again(queue: MessageQueue) -> None:
    queue.post(MESSAGES)
    queue.give_up(queue.states()[0], "a.csv: expected tracks\nand \x1b found none")
    assert [state.stage for state in queue.states()] == ["failed"] * 3
    assert queue.states()[1].reason == r"its encoder failed: a.csv: expected tracks and \x1b found none"
    assert queue.post(MESSAGES) == {"tried again": 1, "posted before": 2}
    assert set(stages(queue).values()) == {"waiting"}


def test_a_model_whose_encoder_has_no_message_does_not_wait_for_ever(queue: MessageQueue) -> None:
    queue.post(MESSAGES[1:])
    assert {state.reason for state in queue.states()} == {"its encoder has no message: post the experiment again"}
    finish(queue, 0)
    assert stages(queue) == {"a": "waiting", "b": "waiting"}


def test_a_damaged_message_is_named_and_posting_again_repairs_it(queue: MessageQueue) -> None:
    queue.post(MESSAGES)
    name = f"messages/{MODELS[0].digest}.json"
    queue.store.write(name, b'{"digest": ')
    other = MessageQueue(queue.store)
    assert stages(other) == {"e": "waiting", "b": "waiting"}
    (sentence,) = other.damaged
    assert sentence.startswith(f"{queue.store.address}/{name}: expected a message")
    assert other.post(MESSAGES) == {"posted before": 2, "new": 1}
    assert stages(other) == {"e": "waiting", "a": "waiting", "b": "waiting"}
    assert other.damaged == []


def test_a_result_counts_though_its_message_was_given_up(queue: MessageQueue) -> None:
    queue.post(MESSAGES)
    queue.give_up(queue.states()[0], "its worker gave no sign")
    finish(queue, 0)  # the worker was slow
    assert stages(queue) == {"e": "done", "a": "waiting", "b": "waiting"}
