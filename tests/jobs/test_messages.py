import json
import subprocess
from pathlib import Path

import pytest

from ssl_behavior import __version__
from ssl_behavior.errors import InputError
from ssl_behavior.jobs.messages import Message
from ssl_behavior.jobs.training_units import TrainingUnit, training_unit
from ssl_behavior.storage.object_store import InputFile

ENCODER = training_unit("e" * 16, None, (InputFile("s3://bucket/7.csv", "stamp"),), "steps: 2\n")
MODEL = training_unit("d" * 16, training_unit("e" * 16, None), (), "seed: 1\n")


def fields(unit: TrainingUnit = MODEL) -> dict[str, object]:
    content: dict[str, object] = json.loads(Message.of_this_version("dropout", unit).to_json())
    return content


def read(content: object, digest: str = "d" * 16) -> Message:
    return Message.from_json(json.dumps(content).encode(), digest, "store/messages/d.json")


@pytest.mark.parametrize("unit", [ENCODER, MODEL])
def test_a_message_holds_all_that_a_worker_needs(unit: TrainingUnit) -> None:
    message = read(fields(unit), unit.digest)
    assert message == Message.of_this_version("dropout", unit)
    assert (message.unit.section, message.unit.inputs) == (unit.section, unit.inputs)
    assert (message.unit.mark, message.unit.folder) == (unit.mark, unit.folder)
    assert message.version == __version__
    assert message.is_for_this_version


def test_a_message_of_another_version_is_not_for_this_one() -> None:
    assert not read({**fields(), "version": "0.3.0"}).is_for_this_version


def test_the_commit_of_a_checkout_is_in_its_messages() -> None:
    git = subprocess.run(["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True)
    if git.returncode:
        pytest.skip("the source is no checkout that git reads")
    assert str(fields()["commit"]).removesuffix("-dirty") == git.stdout.strip()


@pytest.mark.parametrize(
    "changed",
    [
        {"digest": "e" * 16},
        {"digest": "../../../../x"},
        {"encoder": "../../../../x"},
        {"encoder": 3},
        {"inputs": [{"address": "a.csv"}]},
        {"inputs": 3},
        {"settings": ["steps"]},
        {"experiment": "a\nb"},
        {"version": None},
    ],
)
def test_a_message_with_other_fields_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"store/messages/d\.json: expected a message .* post the experiment again"):
        read({**fields(), **changed})


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"3", b"{}", b"[" * 100_000])
def test_a_damaged_message_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match=r"store/messages/d\.json: expected a message"):
        Message.from_json(content, "d" * 16, "store/messages/d.json")
