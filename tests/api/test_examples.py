"""The examples in the docstrings of the public face run."""

import doctest
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

import ssl_behavior as sb
from ssl_behavior.formats.tracks import native

DOCUMENTED: list[Any] = [
    sb,
    sb.BehaviourEncoder,
    sb.Embeddings,
    sb.FinetunedModel.probabilities,
    sb.frame_table,
    sb.load_encoder,
    sb.load_model,
    sb.plots,
    sb.plots.ethogram,
    sb.plots.map,
    sb.plots.skeleton,
]
# Settings that take minutes, and those that take a second.
SHORT = {
    'output="encoder"': 'output="pretrained", steps=1, clip_seconds=5, architecture=sb.Architecture(8, 2)',
    "steps=1000": "steps=1, clip_seconds=5, architecture=sb.Architecture(8, 2)",
    "[8, 17]": "[4, 5]",
}


@pytest.fixture
def folder(
    tmp_path: Path,
    recordings: list[sb.Recording],
    encoder_folder: Path,
    model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """The working directory, with ``tracks``, ``encoder`` and ``model`` in it."""
    native.write(tmp_path / "tracks", recordings)
    shutil.copytree(encoder_folder, tmp_path / "encoder")
    shutil.copytree(model_folder, tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    yield
    plt.close("all")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("documented", DOCUMENTED, ids=lambda documented: documented.__name__)
def test_its_example_runs(documented: Any) -> None:
    examples = doctest.DocTestParser().get_examples(documented.__doc__)
    assert examples
    names: dict[str, Any] = {"sb": sb}
    for example in examples:
        source = example.source
        for long, short in SHORT.items():
            source = source.replace(long, short)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="sklearn")  # of a classifier that so little data fits badly
            exec(source, names)  # noqa: S102 - the package's own docstrings
    for number in plt.get_fignums():
        plt.figure(number).canvas.draw()
