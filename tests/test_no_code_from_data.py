"""No input can run code: checks calls beyond the rules of ruff (S102, S301, ...), and the files of old versions."""

import ast
import pickletools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent / "ssl_behavior"
# Only the reader of pickles, which checks every call, may touch pickle at all.
MAY_UNPICKLE = {"formats/untrusted/pickles.py"}
# Only the reader of YAML names a loader, one of the safe ones.
MAY_LOAD_YAML = {"storage/yaml_files.py"}
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "code", "runpy"}
FORBIDDEN_CALLS = {
    *("torch.load", "torch.jit.load", "torch.hub.load", "pd.read_pickle", "pd.read_hdf", "pd.eval", "yaml.load"),
    *("yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "__import__", "compile", "ray.cloudpickle.loads"),
}
LOADERS = {"np.load": "allow_pickle", "numpy.load": "allow_pickle", "np.fromfile": "allow_pickle"}


def name_of(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def faults(source: str, path: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom) and path not in MAY_UNPICKLE:
            modules = [name.name for name in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"{path}: imports {module}" for module in modules if module.split(".")[0] in FORBIDDEN_MODULES)
        if isinstance(node, ast.Call):
            name = name_of(node.func)
            if name in FORBIDDEN_CALLS and not (name == "yaml.load" and path in MAY_LOAD_YAML):
                yield f"{path}: calls {name}"
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            if name in LOADERS and "allow_pickle" in keywords and ast.unparse(keywords["allow_pickle"]) != "False":
                yield f"{path}: {name} with pickles"
            if "autoescape" in keywords and ast.unparse(keywords["autoescape"]) != "True":
                yield f"{path}: a template that does not escape"


def test_the_package_calls_nothing_that_runs_data() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 100
    assert [fault for path in files for fault in faults(path.read_text(), path.relative_to(PACKAGE).as_posix())] == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from pickle import loads", "import ray.cloudpickle as c\nray.cloudpickle.loads(x)",
        "torch.load(path, weights_only=True)", "np.load(path, allow_pickle=True)", "np.load(path, allow_pickle=trust)",
        "yaml.load(text, Loader)",
        "jinja2.Environment(autoescape=False)", "pd.read_pickle(path)",
    ],
)  # fmt: skip
def test_the_check_finds_forbidden_calls(source: str) -> None:
    assert list(faults(source, "some.py"))


def is_pickle(content: bytes) -> bool:
    """Whether the whole content is a pickle."""
    try:
        names = [operation.name for operation, _, _ in pickletools.genops(content)]
    except Exception:  # pickletools raises many kinds of errors
        return False
    return len(names) > 1 and names[-1] == "STOP"


def test_atlases_clusters_and_checkpoints_hold_no_pickle() -> None:
    """In the files of every released version."""
    files = [path for path in (HERE / "versions").rglob("*") if path.is_file() and path.suffix != ".py"]
    files = [path for path in files if "__pycache__" not in path.parts]
    kinds = {path.suffix for path in files}
    assert kinds == {".yaml", ".safetensors", ".json", ".parquet", ".npz", ".csv", ".boris", ".txt"}
    assert [path for path in files if is_pickle(path.read_bytes())] == []
    assert [path for path in files if b"\x80\x04\x95" in path.read_bytes() or b"cnumpy\n" in path.read_bytes()] == []
    for path in files:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                assert all(arrays[name].dtype != object for name in arrays)
