"""The C library gives memory back that threads took for a moment."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_PROGRAM = """
import hashlib, sys, threading
from pathlib import Path
from appanalytics.server.allocator import bound_pools

def anonymous():
    return int(Path("/proc/self/status").read_text().partition("RssAnon:")[2].split()[0]) / 1024

if sys.argv[1] == "bounded":
    assert bound_pools()
gate = threading.Barrier(8)
def work():
    gate.wait(20)  # eight threads at once, so that each has a pool of its own
    for _ in range(2):
        hashlib.scrypt(b"x", salt=b"y", n=2**14, r=8, p=1)
before = anonymous()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(anonymous() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library is left as it is")
def test_memory_of_a_moment_is_given_back() -> None:
    left = {}
    for how in ("as it is", "bounded"):
        command = [sys.executable, "-c", _PROGRAM, how]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        left[how] = float(done.stdout)
    assert left["bounded"] < 16  # MB: less than one password
    assert left["as it is"] > 2 * left["bounded"] + 16  # what it is there for
