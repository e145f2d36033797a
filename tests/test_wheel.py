"""The wheel, in an environment that has its dependencies and nothing else of this project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import ssl_behavior

PROJECT = Path(__file__).resolve().parent.parent
PACKAGE = PROJECT / "ssl_behavior"
SMALL = "--device cpu --architecture.channels 8 --architecture.blocks 1 --clip-seconds 2 --batch 2"
FEW = "--device cpu --supervision.clip-seconds 2 --supervision.steps 4 --supervision.trees 2 --supervision.folds 2"
DEMO = (
    "simulate --output data --train-videos 2 --test-videos 1 --unlabelled-videos 0 --min-frames 200 --max-frames 220",
    f"pretrain --recordings data/test.npy --output encoder --steps 3 {SMALL}",
    f"finetune --encoder encoder --recordings data/train.npy --output model {FEW}",
    "predict --model model --recordings data/test.npy --output submission.npy --device cpu",
    "predict --model model --recordings data/test.npy --output predictions --device cpu",
    "evaluate --predictions submission.npy --annotations data/truth.npy --bootstrap 20",
)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]


def bare() -> dict[str, str]:
    """The environment without the paths that this process was given, in which pip, too, would find this project."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@dataclass(frozen=True)
class Installed:
    """The wheel, and the Python of an environment that has it."""

    wheel: Path
    python: Path

    def run(self, program: str, *words: str, cwd: Path) -> str:
        """What a program of the environment prints."""
        line = [self.python.with_name(program), *words]
        done = subprocess.run(line, cwd=cwd, env=bare(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    # A copy, because setuptools builds inside the source and would take in what an older build left there.
    source = folder / "source"
    shutil.copytree(PACKAGE, source / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    offline = ["--quiet", "--no-deps", "--no-index"]
    build = ["wheel", *offline, "--no-build-isolation", "--wheel-dir", folder, source]
    subprocess.run([*pip, *build], env=bare(), check=True)
    (wheel,) = folder.glob("*.whl")

    venv.create(folder / "bare", with_pip=False)
    python = folder / "bare" / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", *offline, wheel], env=bare(), check=True)
    # The dependencies from where they are: gigabytes that need not be installed again. Python follows no .pth file that
    # lies there, so it does not come to this source.
    (site,) = (folder / "bare" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(f"{Path(np.__file__).parent.parent}\n")
    return Installed(wheel, python)


def test_all_files_of_the_package_and_no_others_are_in_the_wheel(installed: Installed) -> None:
    files = {path.relative_to(PROJECT).as_posix() for path in PACKAGE.rglob("*") if path.is_file()}
    files = {name for name in files if "__pycache__" not in name}
    packed = {name for name in zipfile.ZipFile(installed.wheel).namelist() if ".dist-info/" not in name}
    assert packed == files
    assert "ssl_behavior/py.typed" in packed


def test_the_demo_runs_from_another_folder(installed: Installed, tmp_path: Path) -> None:
    origin = installed.run("python", "-c", "import ssl_behavior; print(ssl_behavior.__file__)", cwd=tmp_path)
    assert Path(origin.strip()).is_relative_to(installed.python.parent.parent)
    # One process, so that torch and the rest are imported once.
    script = f"from ssl_behavior.__main__ import main\nfor line in {DEMO}:\n    main(line.split())"
    printed = installed.run("python", "-c", script, cwd=tmp_path)
    assert "macro F1" in printed
    assert (tmp_path / "submission.npy").is_file()
    assert list((tmp_path / "predictions").glob("*.csv"))


def test_the_command_is_installed(installed: Installed, tmp_path: Path) -> None:
    assert installed.run("ssl-behavior", "--version", cwd=tmp_path).strip().endswith(ssl_behavior.__version__)
