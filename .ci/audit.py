"""Known faults of the pinned versions, as far as the service that knows them answers, and secrets in tracked files."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

_PATIENCE_S = 300


def judged(report: dict[str, Any]) -> tuple[str, bool]:
    """What a report of pip-audit comes to, in words, and whether it is to fail."""
    packages = report["dependencies"]
    known = [one for one in packages if "skip_reason" not in one]
    faults = [(one["name"], one["version"], fault) for one in known for fault in one["vulns"]]
    if faults:
        told = [f"{name} {version}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version'}"
                for name, version, fault in faults]  # fmt: skip
        return "\n".join(told), True
    if not known:
        return "pip-audit: the service knows none of the packages, as behind a mirror: nothing was audited", False
    return f"pip-audit: no known faults in {len(known)} of {len(packages)} packages", False


def audited() -> bool:
    """Whether the pinned versions have known faults."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", "constraints.txt", "--no-deps", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", "15"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
        told, has_faults = judged(json.loads(done.stdout))
    except (subprocess.TimeoutExpired, ValueError) as error:
        last = "" if isinstance(error, subprocess.TimeoutExpired) else (done.stderr.strip().splitlines() or [""])[-1]
        told, has_faults = f"pip-audit: the service was not reached ({last or 'no answer'}): nothing was audited", False
    print(told)
    return has_faults


def leaking() -> bool:
    """Whether tracked files hold secrets that the baseline does not know."""
    files = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
    # Hostile files are none to be parsed by those who have no bounds.
    looked_at = [name for name in files.split("\0") if name and not name.startswith("tests/corpus/")]
    command = [sys.executable, "-m", "detect_secrets.pre_commit_hook", "--baseline", ".secrets.baseline"]
    done = subprocess.run([*command, *looked_at], check=False)
    print("detect-secrets: found what is listed above" if done.returncode else "detect-secrets: no secrets")
    return done.returncode != 0


if __name__ == "__main__":
    sys.exit(any([audited(), leaking()]))
