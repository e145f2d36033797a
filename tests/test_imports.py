import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ssl_behavior.__main__ import COMMANDS

PROJECT = Path(__file__).resolve().parent.parent
PACKAGE = PROJECT / "ssl_behavior"

# Commands that have other commands' work done by many workers.
OF_OTHER_COMMANDS = {"embed_many", "predict_many", "sweep"}

# Data runs one way: a module imports from lines above its own, or from its own package, and never from below.
ORDER = (
    {"digests", "errors", "interrupts", "memory", "progress"},
    {"options", "outputs", "plain_yaml", "versions"},
    {"validators"},
    {"recordings"},
    {"settings"},
    {"formats"},
    {"individuals", "simulation"},
    {"scoring"},
    {"decoding"},
    {"predictions", "figures"},
    {"review"},
    {"prediction_folder"},
    {"devices", "draws", "processes"},
    {"poses"},
    {"checks"},
    {"windows"},
    {"temporal"},
    {"transformer"},
    {"encoders"},
    {"objectives"},
    {"heads"},
    {"metrics"},
    {"training"},
    {"launching"},
    {"supervision"},
    {"sound_trees"},
    {"trees"},
    {"models"},
    {"validation"},
    {"learning"},
    {"checkpoints"},
    {"commands"},
    {"units"},
    {"inputs"},
    {"labelled", "embedded"},
    {"embeddings"},
    {"neighbours"},
    {"clusters"},
    {"clustered"},
    {"cards"},
    {"search"},
    {"explorer"},
    {"label_efficiency", "probing", "suggestions"},
    set(COMMANDS) - {"search"} - OF_OTHER_COMMANDS,
    OF_OTHER_COMMANDS,
    {"completion"},
    {"__main__"},
)
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}
WITHOUT_TORCH = [
    "outputs",
    "recordings",
    "formats",
    "settings",
    "scoring",
    "decoding",
    "predictions",
    "prediction_folder",
    "commands",
    "inputs",
    "simulate",
    "convert",
    "evaluate",
]


def parts() -> list[str]:
    return sorted({path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")})


def imports(source: str) -> Iterator[str]:
    """Dotted names of what a file imports, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def against_the_order(module: str, source: str) -> list[str]:
    """What a module of the given name may not import."""
    ours = [name.split(".")[1] for name in imports(source) if name.startswith("ssl_behavior.")]
    return [name for name in ours if name in RANK and name != module and RANK[name] >= RANK.get(module, len(ORDER))]


def test_every_module_has_a_place_in_the_order() -> None:
    assert set(parts()) - {"__init__"} - set(RANK) == set()


def test_every_folder_is_a_package() -> None:
    # One that is not would be left out of a built distribution without a word.
    assert [path for path in PACKAGE.rglob("*.py") if not path.with_name("__init__.py").exists()] == []


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_import_runs_back_up_the_order(path: Path) -> None:
    module = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if module != "__init__":
        assert against_the_order(module, path.read_text()) == []


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        ("poses", "from ssl_behavior.recordings import Recording", []),
        ("poses", "from ssl_behavior.poses.landmarks import LANDMARKS", []),
        ("poses", "from ssl_behavior import windows", ["windows"]),
        ("poses", "def f():\n    import ssl_behavior.training", ["training"]),
        ("predict", "from ssl_behavior.finetune import main", ["finetune"]),
        ("errors", "from ssl_behavior import __version__", []),
    ],
)
def test_the_check_sees_what_it_should(module: str, source: str, found: list[str]) -> None:
    assert against_the_order(module, source) == found


def loaded_after(code: str) -> set[str]:
    """Top-level modules in memory after the code ran in a fresh interpreter."""
    code = f"{code}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_else() -> None:
    assert loaded_after("import ssl_behavior") & {"torch", "numpy", "scipy", "matplotlib", "pandas", "yaml"} == set()


def test_what_needs_no_torch_does_not_load_it() -> None:
    # So that --help answers at once, and tracks can be read and scores made where torch is not wanted.
    there = [name for name in WITHOUT_TORCH if name in parts()]
    assert "torch" not in loaded_after("\n".join(f"import ssl_behavior.{name}" for name in there))


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["pretrian"], ["--print-completion", "fish"]])
def test_what_runs_no_command_loads_nothing_heavy(words: list[str]) -> None:
    call = f"from ssl_behavior.__main__ import main\ntry:\n    main({words})\nexcept SystemExit:\n    pass"
    assert loaded_after(call) & {"torch", "numpy", "jsonargparse", "shtab", "tqdm"} == set()


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
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9.+!]+", line)] == []
    assert declared()[0] - {normal(line) for line in lines} == set()
