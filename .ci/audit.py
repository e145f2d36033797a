"""Looks for known vulnerabilities of the pinned versions, and for secrets in tracked files.

Exit codes: 0 where both were looked for and neither was found; 1 where something was found; 3 where nothing could be
audited, because the service that knows vulnerabilities did not answer. ``--accept-no-service`` makes 0 of 3, for
machines without network, and says loudly that nothing was audited.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

_TIMEOUT_S = 300


NOT_AUDITED = 3
VERSIONS = Path("constraints.txt")
ACCEPT = "--accept-no-service"


class Audit(NamedTuple):
    """The outcome of an audit.

    Attributes:
        text: what was found.
        code: 0, 1 or ``NOT_AUDITED``.
    """

    text: str
    code: int


def judge(report: dict[str, Any]) -> Audit:
    """Summarise a report of pip-audit."""
    packages = report["dependencies"]
    audited = [package for package in packages if "skip_reason" not in package]
    lines = [
        f"{package['name']} {package['version']}: {fault['id']}, fixed in "
        f"{', '.join(fault['fix_versions']) or 'no version'}"
        for package in audited
        for fault in package["vulns"]
    ]
    if lines:
        return Audit("\n".join(lines), 1)
    if not audited:
        return Audit("pip-audit: the service knows none of the packages, as behind a mirror", NOT_AUDITED)
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    unknown = f"; it does not know {', '.join(skipped)}" if skipped else ""
    return Audit(f"pip-audit: no known vulnerabilities in {len(audited)} of {len(packages)} packages{unknown}", 0)


def audit_versions() -> Audit:
    """Look for known vulnerabilities of the pinned versions."""
    if importlib.util.find_spec("pip_audit") is None or not VERSIONS.is_file():
        return Audit(f"pip-audit: expected pip-audit and {VERSIONS}; one is missing: run make install", 1)
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(VERSIONS), "--no-deps", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", "15"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return Audit(f"pip-audit: the service did not answer within {_TIMEOUT_S} s", NOT_AUDITED)
    try:
        return judge(json.loads(done.stdout))
    except (ValueError, LookupError, TypeError):
        reason = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        return Audit(f"pip-audit: the service was not reached ({reason})", NOT_AUDITED)


def exit_code(audit: Audit, found_secrets: bool, accept_no_service: bool) -> int:
    """Print the outcome, and return the exit code."""
    print(audit.text)
    code = audit.code
    if code == NOT_AUDITED:
        print("NOTHING WAS AUDITED: it is not known whether the pinned versions have known vulnerabilities")
        if accept_no_service:
            print(f"{ACCEPT} accepts this; run make audit on a machine that reaches https://pypi.org before a release")
            code = 0
        else:
            print(f"run make audit where https://pypi.org is reached, or make audit AUDIT={ACCEPT} to accept this")
    return 1 if found_secrets else code


def has_secrets() -> bool:
    """Whether tracked files contain secrets that are not in the baseline; prints the result."""
    files = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
    # The hostile files of tests/corpus would take a parser without limits all memory. The files that released versions
    # wrote hold digests, which look like keys.
    left_out = ("tests/corpus/", "tests/versions/")
    scanned = [name for name in files.split("\0") if name and not name.startswith(left_out)]
    if not scanned:
        print("detect-secrets: expected tracked files; found none, so nothing was scanned")
        return True
    command = [sys.executable, "-m", "detect_secrets.pre_commit_hook", "--baseline", ".secrets.baseline"]
    done = subprocess.run([*command, *scanned], check=False)
    print("detect-secrets: found what is listed above" if done.returncode else "detect-secrets: no secrets")
    return done.returncode != 0


if __name__ == "__main__":
    if set(sys.argv[1:]) - {ACCEPT}:
        sys.exit(f"usage: audit.py [{ACCEPT}]")
    sys.exit(exit_code(audit_versions(), has_secrets(), ACCEPT in sys.argv))
