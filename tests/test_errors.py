import pytest

from ssl_behavior.errors import how_many


@pytest.mark.parametrize(("number", "told"), [(0, "0 videos"), (1, "1 video"), (1200, "1,200 videos")])
def test_how_many(number: int, told: str) -> None:
    assert how_many(number, "video") == told
