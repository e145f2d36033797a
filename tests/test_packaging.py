"""Files that describe the package agree, and its extras can be installed."""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import ssl_behavior

PROJECT = Path(__file__).resolve().parent.parent
METADATA: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = METADATA["optional-dependencies"]
OF_THIS_PROJECT = canonicalize_name(METADATA["name"])


def others(lines: list[str]) -> list[Requirement]:
    """Requirements of other projects that hold for this Python and system."""
    every = map(Requirement, lines)
    return [
        one
        for one in every
        if canonicalize_name(one.name) != OF_THIS_PROJECT and (one.marker is None or one.marker.evaluate())
    ]


def pins() -> dict[str, Requirement]:
    lines = (PROJECT / "constraints.txt").read_text().splitlines()
    return {canonicalize_name(pin.name): pin for pin in map(Requirement, (x for x in lines if not x.startswith("#")))}


@pytest.mark.parametrize("extra", ["movement", "cluster", "test"])
def test_an_extra_is_installed_in_versions_that_it_admits(extra: str) -> None:
    for requirement in others(EXTRAS[extra]):
        assert requirement.specifier.contains(version(requirement.name)), requirement


def test_every_requirement_is_pinned_to_a_version_that_it_admits() -> None:
    pinned = pins()
    for requirement in others(METADATA["dependencies"] + [line for lines in EXTRAS.values() for line in lines]):
        (pin,) = pinned[canonicalize_name(requirement.name)].specifier
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version), requirement


def test_the_classifiers_name_the_pythons_that_are_admitted() -> None:
    admitted = SpecifierSet(METADATA["requires-python"])
    named = {line.split(" :: ")[-1] for line in METADATA["classifiers"] if "Python :: 3." in line}
    assert named == {minor for minor in (f"3.{number}" for number in range(9, 30)) if admitted.contains(f"{minor}.1")}


def test_the_citation_agrees_with_the_package() -> None:
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert str(citation["version"]) == ssl_behavior.__version__
    assert citation["license"] == METADATA["license"]
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in METADATA["authors"]]
    assert citation["title"].startswith(METADATA["name"])
    assert citation["message"]
