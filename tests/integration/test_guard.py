"""What whole-product tests start dies with them: a real supervisord under a test process that is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.e2e.guard import named

ROOT = Path(__file__).resolve().parents[2]
#: Starts a part as a test would, tells its process, and waits to be killed.
STARTED = """
import sys, time
from pathlib import Path
from appanalytics.jobs.parts import Part, Supervisor
from tests.e2e.guard import guarded

folder = Path(sys.argv[1])
with guarded(folder):
    supervisor = Supervisor(folder / "parts")
    sleeper = (sys.executable, "-c", "import time; time.sleep(300)")
    supervisor.start([Part("one", sleeper, folder, lambda: True, {"HOME_OF_PART": str(folder)}, patience=30)])
    print(*[state.pid for state in supervisor.states()], flush=True)
    if sys.stdin.read():
        supervisor.stop()
"""


def started(folder: Path) -> subprocess.Popen[str]:
    folder.mkdir()
    return subprocess.Popen(
        [sys.executable, "-c", STARTED, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are told by Linux's /proc")
def test_parts_die_with_a_killed_test_and_those_of_others_do_not(tmp_path: Path) -> None:
    with started(tmp_path / "killed") as killed, started(tmp_path / "other") as other:
        assert killed.stdout is not None
        assert other.stdout is not None
        pid, kept = int(killed.stdout.readline()), int(other.stdout.readline())
        assert pid in named(f"{tmp_path}/killed")
        killed.kill()
        end = time.monotonic() + 30
        while named(f"{tmp_path}/killed"):
            assert time.monotonic() < end, "what the killed test started goes on"
            time.sleep(0.1)
        os.kill(kept, 0)
        assert kept in named(f"{tmp_path}/other")
        other.communicate("stop", timeout=60)
    assert not named(f"{tmp_path}/other")
