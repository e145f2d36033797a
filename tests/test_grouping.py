"""Tests that share a fixture of their module run in one process, which makes it once."""

import os

import pytest


@pytest.fixture(scope="module")
def shared() -> None:
    """A fixture of the module, which groups the tests that use it."""


@pytest.mark.usefixtures("shared")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="the tests run in a single process")
def test_tests_with_a_fixture_of_their_module_are_grouped(request: pytest.FixtureRequest) -> None:
    # Versions of pytest and pytest-xdist that do not fit together ignore groups without a word.
    assert request.node.nodeid.endswith("@tests/test_grouping.py")
