import pytest

from ssl_behavior.errors import InputError, how_many, sentence


@pytest.mark.parametrize(("number", "told"), [(0, "0 videos"), (1, "1 video"), (1200, "1,200 videos")])
def test_how_many(number: int, told: str) -> None:
    assert how_many(number, "video") == told


def test_sentence() -> None:
    assert sentence(InputError("give another")) == "give another"
    assert sentence(FileNotFoundError(2, "No such file", "a.csv")) == "a.csv: No such file"
    assert sentence(OSError("the disk is gone")) == "the disk is gone"
