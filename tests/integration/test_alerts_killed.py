"""``alerts check`` as a real process, killed with signal 9 in the middle of a tick, and run again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from appanalytics.app import App
from appanalytics.engine import Engine
from appanalytics.jobs.alerts import check_alerts
from appanalytics.settings import load_settings

from .test_alerts import DROP, HISTORY, hour

MADE = """
import sys
import pyarrow.parquet as pq
from appanalytics.engine import connect
from appanalytics.warehouse.migrate import migrate

engine = connect(sys.argv[1], create=True)
migrate(engine)
engine.insert("feed_actions", pq.read_table(sys.argv[2]))
"""
#: Everything that alerts keep, but for versions.
TABLES = {
    "points": "SELECT * FROM anomaly_points FINAL ORDER BY ALL",
    "incidents": "SELECT * EXCEPT version FROM incidents FINAL ORDER BY ALL",
    "state": "SELECT tick, base64Encode(state) AS state FROM anomaly_state ORDER BY version DESC LIMIT 1",
}
READ = """
import json, sys
from appanalytics.engine import connect

engine = connect(sys.argv[1])
print(json.dumps({name: engine.rows(sql) for name, sql in json.loads(sys.argv[2]).items()}, default=str))
"""
WATCHED = {
    "APPANALYTICS_ALERTS__METRICS": "views",
    "APPANALYTICS_ALERTS__DIMENSIONS": "os",
    "APPANALYTICS_ALERTS__MINUTES": "60",
}


class Warehouse:
    """An embedded warehouse in a folder, used by one process after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"chdb://{folder}/warehouse"

    def python(self, code: str, *arguments: str) -> str:
        """Run code with the address of the warehouse."""
        command = [sys.executable, "-c", code, self.url, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    def check(self, at: str) -> subprocess.Popen[str]:
        """Start ``alerts check`` as of a time."""
        environ = {key: value for key, value in os.environ.items() if not key.startswith("APPANALYTICS_")}
        environ |= WATCHED | {"APPANALYTICS_WAREHOUSE__URL": self.url}
        command = [sys.executable, "-m", "appanalytics", "alerts", "check", "--at", at]
        return subprocess.Popen(
            command, cwd=self.folder, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def finish(self, at: str) -> str:
        """Run ``alerts check`` to its end; returns what it printed."""
        with self.check(at) as process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return out

    def kill_after(self, parts: int, at: str) -> bool:
        """Kill ``alerts check`` when it has written so many parts of tables; False where it ended before."""
        before = self.parts()
        with self.check(at) as process:
            end = time.monotonic() + 120
            while process.poll() is None and time.monotonic() < end:
                if len(self.parts() - before) >= parts:
                    process.send_signal(signal.SIGKILL)
                    break
                time.sleep(0.005)
            process.communicate(timeout=120)
        return process.returncode == -signal.SIGKILL

    def parts(self) -> set[str]:
        """Parts of tables on the disk."""
        found = set()
        for table in (self.folder / "warehouse" / "store").glob("???/*"):
            try:
                found |= {each.path for each in os.scandir(table) if each.name[0] not in "dfmt"}
            except OSError:  # a folder that went away meanwhile
                continue
        return found

    def tables(self) -> dict[str, Any]:
        """What `TABLES` say."""
        found: dict[str, Any] = json.loads(self.python(READ, json.dumps(TABLES)))
        return found


#: Parts of tables that are written before each kill: of the verdicts of the first week, then of later ones.
KILLS = (1, 4)


def test_a_killed_tick_leaves_what_a_whole_one_leaves(engine: Engine, tmp_path: Path) -> None:
    """Killed while it writes, and again: the next run leaves the tables of a run that nobody killed."""
    pq.write_table(HISTORY, tmp_path / "history.parquet")
    killed = Warehouse(tmp_path)
    killed.python(MADE, str(tmp_path / "history.parquet"))
    now = hour(DROP + 3)
    assert [killed.kill_after(parts, now.isoformat()) for parts in KILLS] == [True] * len(KILLS)
    assert "firing" in killed.finish(now.isoformat())
    engine.insert("feed_actions", HISTORY)
    check_alerts(App(load_settings(environ=WATCHED, folder=tmp_path), engine), now)
    expected = {name: engine.rows(sql) for name, sql in TABLES.items()}
    assert killed.tables() == json.loads(json.dumps(expected, default=str))
    assert len(expected["incidents"]) == 1
