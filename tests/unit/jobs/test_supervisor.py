"""Parts under a real supervisord: they come up, are restarted, changed, told and stopped."""

from __future__ import annotations

import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appanalytics.errors import AppAnalyticsError
from appanalytics.jobs.parts import Part, Supervisor

#: Writes its secret into a file, then goes on.
PROGRAM = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(os.environ['WORD']); time.sleep(300)"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "parts % of 'a'")
    yield made
    made.stop()


def part(
    folder: Path, name: str = "one", word: str = 'a "b" %(c)s, д', program: str = PROGRAM, patience: float = 30
) -> Part:
    out = folder / f"{name}.out"
    command = (sys.executable, "-c", program, str(out))
    return Part(
        name, command, folder, lambda: out.is_file() and out.read_text() == word, {"WORD": word}, patience=patience
    )


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_parts_run_until_they_are_stopped(supervisor: Supervisor, tmp_path: Path) -> None:
    assert supervisor.states() == []
    assert supervisor.stop() == []
    supervisor.start([part(tmp_path)])
    (state,) = supervisor.states()
    assert (state.name, state.runs, state.restarts) == ("one", True, 0)

    # Nothing that was said in private can be read by others.
    for file in supervisor.folder.iterdir():
        if file.suffix in (".json", ".conf"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "a" not in Path(f"/proc/{state.pid}/cmdline").read_text().split("\0")

    # A second start changes nothing; another part joins the first.
    supervisor.start([part(tmp_path)])
    supervisor.start([part(tmp_path, "two")])
    assert [(each.name, each.runs) for each in supervisor.states()] == [("one", True), ("two", True)]
    assert supervisor.states()[0].pid == state.pid

    # What dies is restarted, and told.
    os.kill(state.pid, signal.SIGKILL)
    until(lambda: supervisor.states()[0].runs and supervisor.states()[0].pid != state.pid)
    assert supervisor.states()[0].restarts == 1

    # What changed is started anew, the rest is left alone.
    other = supervisor.states()[1].pid
    supervisor.start([part(tmp_path, word="changed"), part(tmp_path, "two")])
    assert supervisor.states()[1].pid == other
    assert (tmp_path / "one.out").read_text() == "changed"

    pids = [each.pid for each in supervisor.states()]
    assert supervisor.stop() == ["one", "two"]
    assert supervisor.states() == []
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_part_that_does_not_come_up_is_told_with_its_log(supervisor: Supervisor, tmp_path: Path) -> None:
    broken = part(tmp_path, program="raise SystemExit('no such port')", patience=4)
    with pytest.raises(AppAnalyticsError, match="no such port"):
        supervisor.start([broken])
