"""Parts kept running by supervisord: start, wait, look, stop. Everything it keeps is in one folder of mode 700."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from appanalytics.errors import AppAnalyticsError, UserError
from appanalytics.jobs.parts.part import Part, write_private
from appanalytics.progress import Progress, silent

_PAUSE = 0.25
#: The longest address of a Unix socket, with room for supervisord's own suffix.
_LONGEST_SOCKET = 90


@dataclass(frozen=True, slots=True)
class PartState:
    """How a part is: ``state`` is supervisord's word (RUNNING, STARTING, BACKOFF, FATAL, STOPPED, EXITED)."""

    name: str
    state: str
    pid: int
    seconds: int
    restarts: int

    @property
    def runs(self) -> bool:
        """True while its process is there."""
        return self.state == "RUNNING"


class Supervisor:
    """The supervisord of one folder. Making the object starts nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, parts: Sequence[Part], progress: Progress = silent) -> None:
        """Have these parts run, besides those that run already; returns when each of them answers.

        A part that runs and has not changed is left alone. Raises `AppAnalyticsError` with the end of its log when a
        part does not come up in time.
        """
        self._write(parts)
        if self.alive():
            self._take_up(parts)
        else:
            self._spawn()
        waiting = list(parts)
        began = time.monotonic()
        while waiting:
            progress(
                "start", len(parts) - len(waiting), len(parts), ", ".join(part.title or part.name for part in waiting)
            )
            waiting = [part for part in waiting if not self._is_up(part, time.monotonic() - began)]
            if waiting:
                time.sleep(_PAUSE)
        if parts:
            progress("start", len(parts), len(parts), "parts")

    def states(self) -> list[PartState]:
        """All parts, in the order of their names; none when nothing runs."""
        if not self.alive():
            return []
        log = self._read(self.folder / "supervisord.log")
        found = []
        for row in self._call("getAllProcessInfo"):
            ended = len(re.findall(rf"exited: {re.escape(row['name'])} \(", log))
            since = row["now"] - row["start"] if row["statename"] == "RUNNING" else 0
            found.append(PartState(row["name"], row["statename"], row["pid"], since, ended))
        return sorted(found, key=lambda state: state.name)

    def stop(self, patience: float = 90) -> list[str]:
        """Stop all parts and supervisord; returns the names of those that ran. Harmless when nothing runs."""
        if not self.alive():
            return []
        names = [state.name for state in self.states() if state.runs]
        pid = int(self._call("getPID"))
        with contextlib.suppress(OSError):
            self._call("shutdown")
        end = time.monotonic() + patience
        while _exists(pid):
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
                raise AppAnalyticsError(
                    f"supervisord (process {pid}) did not stop in {patience:.0f} s", hint=str(self.folder)
                )
            time.sleep(_PAUSE)
        return names

    def pause(self, name: str) -> None:
        """Stop one part; `start` brings it back."""
        self._call("stopProcess", name)

    def alive(self) -> bool:
        """True while this folder's supervisord answers."""
        if not self._socket.exists():
            return False  # without asking: a plain installation has no supervisor
        try:
            return bool(self._call("getState")["statename"])
        except (OSError, Fault):
            return False

    def log(self, name: str) -> Path:
        """The log file of a part."""
        return self.folder / f"{name}.log"

    def log_end(self, name: str, lines: int = 12) -> str:
        """The last lines of a part's log."""
        return "\n".join(self._read(self.log(name)).rstrip().splitlines()[-lines:])

    @cached_property
    def _socket(self) -> Path:
        """In the folder, unless its name is longer than the system allows."""
        near = self.folder / "supervisor.sock"
        if len(str(near)) <= _LONGEST_SOCKET:
            return near
        name = hashlib.sha256(str(self.folder).encode()).hexdigest()[:16]
        far = Path(tempfile.gettempdir()) / f"appanalytics-{os.getuid()}-{name}"
        far.mkdir(mode=0o700, exist_ok=True)
        if far.stat().st_uid != os.getuid():
            raise UserError(f"{far} belongs to another account", hint="choose a folder with a shorter name")
        return far / "supervisor.sock"

    def _call(self, method: str, *arguments: Any) -> Any:
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        try:
            return getattr(ServerProxy("http://127.0.0.1", transport), f"supervisor.{method}")(*arguments)
        finally:
            transport.close()

    def _write(self, parts: Iterable[Part]) -> None:
        """Supervisord's settings and the sheets of the parts; those of other parts that run are kept."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)
        sections = {}
        file = self.folder / "supervisord.conf"
        if self.alive():
            sections = dict(
                re.findall(r"^\[program:(.+?)\]\n(.*?)(?=^\[|\Z)", self._read(file), re.MULTILINE | re.DOTALL)
            )
        for part in parts:
            sheet = self.folder / f"{part.name}.{part.fingerprint()}.json"
            write_private(sheet, part.sheet())
            sections[part.name] = self._section(part, sheet)
        text = _HEAD.format(folder=_escaped(self.folder), socket=_escaped(self._socket))
        text += "".join(f"[program:{name}]\n{body}" for name, body in sections.items())
        write_private(file, text)

    def _section(self, part: Part, sheet: Path) -> str:
        command = f'"{_escaped(sys.executable)}" -m appanalytics.jobs.parts.launch "{_escaped(sheet)}"'
        return _PROGRAM.format(command=command, log=self.log(part.name).name, stop=part.stop_seconds)

    def _spawn(self) -> None:
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.folder / "supervisord.conf")]
        done = subprocess.run(
            command,
            cwd=self.folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise AppAnalyticsError(f"supervisord did not start: {(done.stdout + done.stderr).strip()[-400:]}")
        end = time.monotonic() + 20
        while not self.alive():
            if time.monotonic() > end:
                raise AppAnalyticsError(
                    "supervisord does not answer", hint=f"look into {self.folder}/supervisord.log"
                )
            time.sleep(_PAUSE)

    def _take_up(self, parts: Iterable[Part]) -> None:
        """Bring what changed into a supervisord that runs."""
        added, changed, removed = self._call("reloadConfig")[0]
        for name in [*changed, *removed]:
            self._call("stopProcessGroup", name)
            self._call("removeProcessGroup", name)
        for name in [*added, *changed]:
            self._call("addProcessGroup", name)
        down = {state.name for state in self.states() if state.state in ("STOPPED", "EXITED", "FATAL")}
        for part in parts:
            if part.name in down:
                self._call("startProcess", part.name, False)

    def _is_up(self, part: Part, seconds: float) -> bool:
        state = next((each for each in self.states() if each.name == part.name), None)
        if state is None or state.state == "FATAL" or seconds > part.patience:
            why = "keeps ending" if state and state.state == "FATAL" else f"does not answer after {seconds:.0f} s"
            raise AppAnalyticsError(
                f"{part.title or part.name} {why}:\n{self.log_end(part.name)}", hint=f"its log: {self.log(part.name)}"
            )
        return state.runs and part.ready()

    def _read(self, file: Path) -> str:
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A child of this process that ended and was not waited for does not count.
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    return True


def _escaped(path: Path | str) -> str:
    """Supervisord expands ``%(name)s`` in its settings."""
    return str(path).replace("%", "%%")


_HEAD = """\
[supervisord]
logfile={folder}/supervisord.log
logfile_maxbytes=5MB
logfile_backups=1
pidfile={folder}/supervisord.pid
childlogdir={folder}
identifier=appanalytics
[unix_http_server]
file={socket}
chmod=0600
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{socket}
"""

# A log's name is relative to the folder: it would be expanded twice. `stopasgroup`: Airflow and Superset have
# children that would keep their ports.
_PROGRAM = """\
command={command}
autorestart=true
startsecs=2
startretries=5
stopasgroup=true
killasgroup=true
stopwaitsecs={stop}
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=1
"""
