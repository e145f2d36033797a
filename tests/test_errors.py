import pytest

from ssl_behavior.errors import InputError, count_of, error_message, list_names, natural_key, with_path


@pytest.mark.parametrize(("number", "words"), [(0, "0 videos"), (1, "1 video"), (1200, "1,200 videos")])
def test_a_count_has_a_plural_and_separates_thousands(number: int, words: str) -> None:
    assert count_of(number, "video") == words


def test_an_error_is_one_line_that_names_the_file() -> None:
    assert error_message(InputError("choose another")) == "choose another"
    assert error_message(FileNotFoundError(2, "No such file", "a.csv")) == "a.csv: No such file"
    assert error_message(OSError("the disk is gone")) == "the disk is gone"


def test_a_message_that_quotes_a_file_is_one_line_of_bounded_length_without_control_characters() -> None:
    assert str(InputError("a\n\x1b[2Jb")) == "a \\x1b[2Jb"
    message = str(InputError("a.csv: found " + "x" * 10_000 + "; export it again"))
    assert len(message) < 1010
    assert message.startswith("a.csv: found x")
    assert message.endswith("x; export it again")


def test_names_are_listed_in_natural_order_up_to_a_limit() -> None:
    assert sorted(["5²", "10", "2"], key=natural_key) == ["2", "5²", "10"]
    assert list_names({"10", "9", "1"}) == "1, 9, 10"
    assert list_names((str(i) for i in range(30)), limit=3) == "0, 1, 2 and 27 more"
    assert list_names(()) == "none"


def test_a_path_is_added_once(tmp_path) -> None:
    error = with_path(InputError("expected tracks"), tmp_path)
    assert str(error) == f"{tmp_path}: expected tracks"
    assert with_path(error, tmp_path) is error
