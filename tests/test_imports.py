"""The layout of the package: commands at the top, rooms in an order, imports that run one way."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Set
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ssl_behavior.__main__ import COMMANDS

PROJECT = Path(__file__).resolve().parent.parent
PACKAGE = PROJECT / "ssl_behavior"

# From raw data to screen. A room imports from rooms above it, and never from rooms below it.
ROOMS = (
    "errors",
    "storage",
    "compute",
    "recordings",
    "formats",
    "tracking",
    "simulation",
    "scoring",
    "decoding",
    "cli",
    "poses",
    "plots",
    "quality",
    "models",
    "training",
    "predictions",
    "atlas",
    "cluster_cards",
    "active_learning",
    "learning_curve",
    "probing",
    "explorer",
    "jobs",
    "commands",
    "commands of commands",
    "api",
    "__main__",
)
# These run other commands, on many workers.
OF_OTHER_COMMANDS = {"embed_many", "predict_many", "sweep", "experiments"}
LONGEST_CHAIN = 15
WITHOUT_TORCH = [
    "storage.run_folder",
    "storage.cache",
    "recordings.recording",
    "recordings.matching",
    "formats",
    "scoring",
    "decoding",
    "plots.ethogram",
    "predictions.tables",
    "predictions.folder",
    "cli.run",
    "cli.inputs",
    "simulate",
    "convert",
    "assemble",
    "track",
    "evaluate",
]


def room(module: str) -> str:
    """The room of a module, named by its dotted path within the package."""
    top = module.split(".")[0]
    if top in OF_OTHER_COMMANDS:
        return "commands of commands"
    return "commands" if top in COMMANDS else top


def modules() -> dict[str, Path]:
    """Dotted path within the package -> file; the package's own ``__init__`` is left out."""
    files = {path.relative_to(PACKAGE).with_suffix(""): path for path in PACKAGE.rglob("*.py")}
    named = {".".join(path.parts).removesuffix(".__init__"): file for path, file in files.items()}
    return {name: file for name, file in named.items() if name != "__init__"}


def imports(source: str) -> Iterator[str]:
    """Dotted names of what a file imports, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_modules(source: str, known: Set[str]) -> set[str]:
    """The modules of the package that a file imports, itself or a name from them."""
    names = [name.removeprefix("ssl_behavior.") for name in imports(source) if name.startswith("ssl_behavior.")]
    return {name if name in known else name.rpartition(".")[0] for name in names} - {""}


def against_the_order(module: str, source: str) -> list[str]:
    """The rooms that a module may not import from, and does."""
    names = [name.split(".")[1] for name in imports(source) if name.startswith("ssl_behavior.")]
    rooms = [room(name) for name in names]
    own = ROOMS.index(room(module))
    return [name for name in rooms if name in ROOMS and name != room(module) and ROOMS.index(name) >= own]


def graph() -> dict[str, set[str]]:
    """Module -> the modules it imports."""
    files = modules()
    return {name: imported_modules(file.read_text(), files.keys()) - {name} for name, file in files.items()}


def longest_chain(edges: Mapping[str, Set[str]]) -> list[str]:
    """The longest path along imports.

    Raises:
        AssertionError: the imports run in a circle.
    """
    best: dict[str, list[str]] = {}

    def follow(module: str, path: tuple[str, ...]) -> list[str]:
        assert module not in path, f"a circle of imports: {' > '.join([*path, module])}"
        if module not in best:
            below = [follow(name, (*path, module)) for name in sorted(edges.get(module, set()))]
            best[module] = [module, *max(below, key=len, default=[])]
        return best[module]

    return max((follow(module, ()) for module in sorted(edges)), key=len)


def test_a_file_at_the_top_is_a_command_and_a_folder_is_a_room() -> None:
    files = {path.stem for path in PACKAGE.glob("*.py")}
    assert files - set(COMMANDS) == {"__init__", "__main__", "errors"}
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= set(ROOMS)


def test_every_folder_is_a_package() -> None:
    # One that is not would be left out of a built distribution without a word.
    assert [path for path in PACKAGE.rglob("*.py") if not path.with_name("__init__.py").exists()] == []


@pytest.mark.parametrize("module", sorted(modules()))
def test_no_import_runs_back_up_the_order(module: str) -> None:
    assert against_the_order(module, modules()[module].read_text()) == []


def test_imports_make_no_circle_and_no_long_chain() -> None:
    chain = longest_chain(graph())
    assert len(chain) <= LONGEST_CHAIN, " > ".join(chain)


@pytest.mark.parametrize(
    ("module", "source", "rooms"),
    [
        ("poses.prepare", "from ssl_behavior.recordings.recording import Recording", []),
        ("poses.prepare", "from ssl_behavior.poses.landmarks import LANDMARKS", []),
        ("poses.prepare", "from ssl_behavior import training", ["training"]),
        ("poses.prepare", "def f():\n    import ssl_behavior.training.loop", ["training"]),
        ("predict", "from ssl_behavior.finetune import main", []),
        ("training.loop", "from ssl_behavior.finetune import main", ["commands"]),
        ("embed", "from ssl_behavior.sweep import main", ["commands of commands"]),
    ],
)
def test_the_check_sees_what_it_should(module: str, source: str, rooms: list[str]) -> None:
    assert against_the_order(module, source) == rooms


def test_circles_and_chains_are_seen() -> None:
    assert longest_chain({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == ["a", "b", "c"]
    with pytest.raises(AssertionError, match="a > b > a"):
        longest_chain({"a": {"b"}, "b": {"a"}})


def loaded_after(code: str) -> set[str]:
    """Top-level modules in memory after the code ran in a fresh interpreter."""
    code = f"{code}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_else() -> None:
    assert loaded_after("import ssl_behavior") & {"torch", "numpy", "scipy", "matplotlib", "pandas", "yaml"} == set()


def test_what_needs_no_torch_does_not_load_it() -> None:
    # So that --help answers at once, and tracks can be read and scores made where torch is not wanted.
    assert "torch" not in loaded_after("\n".join(f"import ssl_behavior.{name}" for name in WITHOUT_TORCH))


def declared() -> tuple[set[str], set[str]]:
    """Distributions that pyproject.toml requires on this platform, and those of its extras for users."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    required = [one for one in project["dependencies"] if (m := Requirement(one).marker) is None or m.evaluate()]
    extras = [entry for name, entries in project["optional-dependencies"].items() if name != "dev" for entry in entries]
    return {normal(entry) for entry in required}, {normal(entry) for entry in extras}


def normal(requirement: str) -> str:
    name = re.split(r"[\[<>=!~; ]", requirement)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def test_dependencies_are_those_that_are_imported() -> None:
    distributions = packages_distributions()
    tops = {name.split(".")[0] for path in PACKAGE.rglob("*.py") for name in imports(path.read_text())}
    third = {top for top in tops if top not in sys.stdlib_module_names and top != "ssl_behavior"}
    used = {normal(distributions[top][0] if top in distributions else top) for top in third}
    required, extras = declared()
    assert used - required - extras == set()
    assert required - used == set()


def test_locked_versions_hold_every_dependency_and_no_place() -> None:
    lines = [line for line in (PROJECT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert [
        line
        for line in lines
        if not re.fullmatch(r'[A-Za-z0-9_.-]+==[A-Za-z0-9.+!]+(; python_version < "[0-9.]+")?', line)
    ] == []
    assert declared()[0] - {normal(line) for line in lines} == set()
