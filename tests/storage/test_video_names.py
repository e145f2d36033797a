"""File names for ids: different ones for different ids, and such as every file system takes."""

import re
import unicodedata

import pytest

from ssl_behavior.storage.video_names import distinct_ids, file_stem, file_stems, unique_stem

# Ids that some disk cannot hold as they are, or not beside each other.
NASTY = (
    "m", "M", "a/b", "a\\b", "a_b", "A_B", "a", "a.bouts", "a.BOUTS", "a_annot", "a.analysis", " lead", "trail ",
    "end.", ".hidden", "two  words", "dots.in.it", "é", "e\u0301", "日本語", "🐭 1", "CON", "nul.txt", "com1", "DLC_x",
    "mDLC_resnet50", "m.csv", "x" * 255, "x" * 254, "é" * 200, 'q?*:<>|"', "it's", "[1]", "~user", "-option", "100%",
    "#1", "a, b", "$x$_{", "settings", "written",
    "videos", "a/b/c", "b/c", "task1/train/m1", "task1/test/m1", unique_stem("a/b"),
)  # fmt: skip


def test_stems_differ_on_every_disk_and_can_be_names_of_files() -> None:
    stems = file_stems(NASTY)
    on_disk = {unicodedata.normalize("NFD", stem).casefold() for stem in stems.values()}
    assert list(stems) == list(NASTY)
    assert len(on_disk) == len(NASTY)
    for stem in stems.values():
        assert len(stem.encode()) <= 200
        assert not re.search(r'[/\\<>:"|?*]', stem)
        assert stem == stem.strip().strip(" .")
        assert not stem.lower().endswith(".bouts")
        assert not re.fullmatch(r"(con|nul|com1)(\..*)?", stem, re.IGNORECASE)


@pytest.mark.parametrize("name", ["m", "two words", "dots.in.it", "é", "日本語", "[1]", "a_annot", "task1_m.csv"])
def test_an_id_that_can_name_a_file_does_so(name: str) -> None:
    assert file_stem(name) == name


def test_a_stem_does_not_depend_on_the_order_and_an_existing_one_is_kept() -> None:
    assert file_stems(NASTY) == file_stems(NASTY[::-1])
    assert file_stems(["a/b", "a_b"], {"a_b": "a/b"}) == {"a/b": "a_b", "a_b": unique_stem("a_b")}


def test_files_of_one_name_get_their_folders() -> None:
    assert distinct_ids(["s3://x/a/m.csv", "s3://x/b/mDLC_1.csv", "n.csv"]) == ["a/m", "b/m", "n"]
    assert distinct_ids(["t/m.csv", "t/m.h5"]) == ["m", "m"]
    assert distinct_ids(["m.csv", "b/m.csv"]) == ["m", "b/m"]
