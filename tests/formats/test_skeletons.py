"""Skeleton files: keypoints and edges, and landmarks where names need them."""

from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats import skeletons


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "skeleton.yaml").write_text(text)
    return tmp_path / "skeleton.yaml"


def test_keypoints_are_the_ends_of_the_edges(tmp_path: Path) -> None:
    skeleton = skeletons.read(written(tmp_path, "edges:\n  - [neck, nose]\n  - [neck, 1]\nlandmarks:\n  nose: snout\n"))
    assert skeleton.keypoints == ("neck", "nose", "1")
    assert skeleton.edges == (("neck", "nose"), ("neck", "1"))
    assert skeleton.landmarks == {"nose": "snout"}


def test_json_is_read_as_well(tmp_path: Path) -> None:
    assert skeletons.read(written(tmp_path, '{"edges": [["a", "b"]]}')).keypoints == ("a", "b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nose: snout\n", "expected a skeleton with edges; found none: write 'edges:'"),
        ("- [a, b]\n", "expected a skeleton with edges"),
        ("edges: []\n", "pairs of keypoints"),
        ("edges: a-b\n", "pairs of keypoints; found 'a-b'"),
        ("edges:\n  - [a, b, c]\n", "pairs of keypoints"),
        ("edges:\n  - [a, true]\n", "pairs of keypoints"),
        ("edges:\n  - [a, b]\nnodes: [a]\n", "found nodes too"),
        ("edges:\n  - [a, b]\nlandmarks: [a]\n", "expected landmarks like"),
        ("edges:\n  - [a, b]\nlandmarks:\n  c: nose\n", r"\['c'\] are no keypoints"),
        ("edges: [", "expected YAML of plain values"),
    ],
)
def test_other_content_is_refused_with_what_to_write(text: str, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError, match=message) as error:
        skeletons.read(path)
    assert str(path) in str(error.value)
