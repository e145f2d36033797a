import platform
import subprocess
import sys

import pytest

COUNTED = """
import resource
from ssl_behavior.compute.malloc import keep_freed_memory
if {kept}:
    keep_freed_memory()
for _ in range(20):
    b"x" * (1 << 26)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the settings are those of glibc")
def test_freed_memory_is_reused() -> None:
    returned, kept = (
        int(subprocess.run([sys.executable, "-c", COUNTED.format(kept=keep)], capture_output=True, check=True).stdout)
        for keep in (False, True)
    )
    assert kept < returned / 4
