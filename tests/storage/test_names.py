"""Names from files and people are short texts without control characters."""

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.storage.names import require_name, require_names


@pytest.mark.parametrize("name", ["nose", "linkes Ohr", "\u732b \u2192 \u9f20", "n" * 200, "a/b", ""])
def test_what_labs_call_things_can_be_a_name(name: str) -> None:
    require_name(name, "keypoint's name")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("n" * 201, "at most 200 characters for the keypoint's name; found 201"),
        ("no\0se", "without control characters"),
        ("\x1b[31mnose", "without control characters"),
        ("nose\n", "without control characters"),
        ("\ud800", "without control characters"),
        (7, "expected text for the keypoint's name; found 7"),
        (None, "expected text"),
    ],
)
def test_other_values_cannot(name: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        require_name(name, "keypoint's name")
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("names", ["nose", 5, None])
def test_a_single_text_is_not_several_names(names: object) -> None:
    with pytest.raises(InputError, match="several texts"):
        require_names(names, "keypoint's name")  # type: ignore[arg-type]
