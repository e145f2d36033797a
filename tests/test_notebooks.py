"""The notebooks as they are kept: they read well unexecuted, with outputs of a run that went through."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))


def code(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def test_there_are_four_in_order() -> None:
    assert [path.name[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_kept_of_a_run_from_top_to_bottom(path: Path) -> None:
    cells = code(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert [output for output in outputs if output["output_type"] == "error"] == []
    # Pictures throughout, and nothing of the machine that ran it.
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert re.findall(r"/(?:home|root|work|tmp)/\S+", json.dumps([output.get("text", "") for output in outputs])) == []
    assert path.stat().st_size < 1_000_000
