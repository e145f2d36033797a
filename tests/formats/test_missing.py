import pytest

from ssl_behavior.formats.missing import SPELLINGS, is_missing


@pytest.mark.parametrize("cell", [*SPELLINGS, "NaN ", " n/A"])
def test_cells_without_a_value(cell: str) -> None:
    assert is_missing(cell)


@pytest.mark.parametrize("cell", ["0", "no", "nano", "-1", "none of them"])
def test_cells_with_a_value(cell: str) -> None:
    assert not is_missing(cell)
    assert cell not in SPELLINGS
