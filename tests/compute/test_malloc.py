import platform
import subprocess
import sys

import pytest

COUNTED = """
import resource
from ssl_behavior.memory import keep_freed_memory
if {kept}:
    keep_freed_memory()
for _ in range(20):
    b"x" * (1 << 26)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
def test_what_is_freed_is_used_again() -> None:
    given_back, kept = (
        int(subprocess.run([sys.executable, "-c", COUNTED.format(kept=one)], capture_output=True, check=True).stdout)
        for one in (False, True)
    )
    assert kept < given_back / 4
