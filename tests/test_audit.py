"""The audit fails on a known vulnerability, and passes where no service answers."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parent.parent
FAULT = {"id": "PYSEC-1", "fix_versions": ["1.2", "1.3"], "aliases": [], "description": ""}
SOUND = {"name": "sound", "version": "1.0", "vulns": []}
FAULTY = {"name": "faulty", "version": "1.1", "vulns": [FAULT]}
UNKNOWN = {"name": "unknown", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("packages", "text", "fails"),
    [
        ([SOUND, UNKNOWN], "no known vulnerabilities in 1 of 2 packages", False),
        ([SOUND, FAULTY], "faulty 1.1: PYSEC-1, fixed in 1.2, 1.3", True),
        ([UNKNOWN, UNKNOWN], "nothing was audited", False),
    ],
)
def test_an_audit_fails_only_on_a_known_vulnerability(packages: list[dict[str, Any]], text: str, fails: bool) -> None:
    spec = importlib.util.spec_from_file_location("audit", PROJECT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    audit = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(audit)
    summary, has_failed = audit.judge({"dependencies": packages})
    assert text in summary
    assert has_failed == fails
