"""The audit fails on a known vulnerability, and where nothing was audited unless that is accepted."""

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parent.parent
FAULT = {"id": "PYSEC-1", "fix_versions": ["1.2", "1.3"], "aliases": [], "description": ""}
SOUND = {"name": "sound", "version": "1.0", "vulns": []}
FAULTY = {"name": "faulty", "version": "1.1", "vulns": [FAULT]}
UNKNOWN = {"name": "unknown", "skip_reason": "Dependency not found on PyPI"}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", PROJECT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("packages", "text", "code"),
    [
        ([SOUND, UNKNOWN], "no known vulnerabilities in 1 of 2 packages; it does not know unknown", 0),
        ([SOUND, FAULTY], "faulty 1.1: PYSEC-1, fixed in 1.2, 1.3", 1),
        ([UNKNOWN, UNKNOWN], "the service knows none of the packages", 3),
        ([], "the service knows none of the packages", 3),
    ],
)
def test_a_report_is_judged_by_what_was_audited(
    packages: list[dict[str, Any]], text: str, code: int, audit: ModuleType
) -> None:
    judged = audit.judge({"dependencies": packages})
    assert text in judged.text
    assert judged.code == code


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        (
            subprocess.CompletedProcess([], 1, "", "Traceback\nConnectionError: no network"),
            "ConnectionError: no network",
        ),
        (subprocess.CompletedProcess([], 0, "", ""), "no answer"),
        (subprocess.CompletedProcess([], 0, "{}", ""), "no answer"),
        (subprocess.CompletedProcess([], 0, "[]", "odd"), "odd"),
        (subprocess.TimeoutExpired([], 300), "did not answer within 300 s"),
    ],
)
def test_a_service_that_does_not_answer_audits_nothing(
    output: Any, problem: str, audit: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: Any, **__: Any) -> Any:
        if isinstance(output, Exception):
            raise output
        return output

    monkeypatch.chdir(PROJECT)
    monkeypatch.setattr(audit.subprocess, "run", run)
    outcome = audit.audit_versions()
    assert problem in outcome.text
    assert outcome.code == 3


def test_missing_versions_are_no_missing_service(
    audit: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert audit.audit_versions().code == 1


def test_a_folder_without_tracked_files_is_not_free_of_secrets(
    audit: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    assert audit.has_secrets()


@pytest.mark.parametrize("code", [0, 1, 3])
@pytest.mark.parametrize("found_secrets", [True, False])
@pytest.mark.parametrize("accepts", [True, False])
def test_only_an_audit_that_found_nothing_ends_with_0(
    code: int, found_secrets: bool, accepts: bool, audit: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = audit.exit_code(audit.Audit("outcome", code), found_secrets, accepts)
    assert (ended == 0) == (not found_secrets and (code == 0 or (code == 3 and accepts)))
    assert ("NOTHING WAS AUDITED" in capsys.readouterr().out) == (code == 3)


def test_the_checks_of_a_change_say_that_they_accept_no_service(audit: ModuleType) -> None:
    assert f"export AUDIT={audit.ACCEPT}\n" in (PROJECT / ".ci" / "run").read_text()
    assert ".ci/audit.py $(AUDIT)\n" in (PROJECT / "Makefile").read_text()
