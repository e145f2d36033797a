"""Looks for known vulnerabilities of the pinned versions, and for secrets in tracked files."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

_TIMEOUT_S = 300


def judge(report: dict[str, Any]) -> tuple[str, bool]:
    """Summarise a report of pip-audit; returns the text, and whether the audit fails."""
    packages = report["dependencies"]
    audited = [package for package in packages if "skip_reason" not in package]
    lines = [
        f"{package['name']} {package['version']}: {fault['id']}, fixed in "
        f"{', '.join(fault['fix_versions']) or 'no version'}"
        for package in audited
        for fault in package["vulns"]
    ]
    if lines:
        return "\n".join(lines), True
    if not audited:
        return "pip-audit: the service knows none of the packages, as behind a mirror; nothing was audited", False
    return f"pip-audit: no known vulnerabilities in {len(audited)} of {len(packages)} packages", False


def has_vulnerabilities() -> bool:
    """Whether the pinned versions have known vulnerabilities; prints the result."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", "constraints.txt", "--no-deps", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", "15"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        text, is_vulnerable = judge(json.loads(done.stdout))
    except (subprocess.TimeoutExpired, ValueError) as error:
        # A machine without network must pass: the audit is worth what the service answers.
        reason = "" if isinstance(error, subprocess.TimeoutExpired) else (done.stderr.strip().splitlines() or [""])[-1]
        text = f"pip-audit: the service was not reached ({reason or 'no answer'}); nothing was audited"
        is_vulnerable = False
    print(text)
    return is_vulnerable


def has_secrets() -> bool:
    """Whether tracked files contain secrets that are not in the baseline; prints the result."""
    files = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
    # The hostile files of tests/corpus would take a parser without limits all memory. The files that released versions
    # wrote hold digests, which look like keys.
    left_out = ("tests/corpus/", "tests/versions/")
    scanned = [name for name in files.split("\0") if name and not name.startswith(left_out)]
    command = [sys.executable, "-m", "detect_secrets.pre_commit_hook", "--baseline", ".secrets.baseline"]
    done = subprocess.run([*command, *scanned], check=False)
    print("detect-secrets: found what is listed above" if done.returncode else "detect-secrets: no secrets")
    return done.returncode != 0


if __name__ == "__main__":
    sys.exit(any([has_vulnerabilities(), has_secrets()]))
