"""Run the integration suites that others wrote for ClickHouse's clients against our server.

    make conformance SUITE=<folder>    a checkout of ClickHouse/clickhouse-connect or ClickHouse/clickhouse-js

A fresh checkout is prepared first (`prepare.py`): its test requirements, its compiled parts, its packages. A failure
that is listed in ``expected.toml`` with its cause is accepted; one that is not listed makes the run fail, and so does
an entry that no longer fails.
"""

from __future__ import annotations

import fnmatch
import json
import os
import signal
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance.prepare import prepare_node, prepare_python

from appanalytics.engine.endpoint import find_endpoint

HERE = Path(__file__).parent
_PORT = 8123  # the suites' own
_USERS = '[default]\nrole = "admin"\n'
_SERVE = "import sys; from appanalytics.cli import main; main(['serve', '--config', sys.argv[1]])"
_GOAL = 0.97
#: Limits of one test and of a whole suite, in seconds.
_TEST_SECONDS = 300
_SUITE_SECONDS = 3600


@dataclass
class Outcome:
    """Names of tests by how they ended."""

    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: int = 0

    @property
    def share(self) -> float:
        """Passed of those that ran."""
        return len(self.passed) / max(1, len(self.passed) + len(self.failed))


@contextmanager
def serving(folder: Path) -> Iterator[None]:
    """Our server on the suites' port, with the admin ``default`` and no password, as the suites expect."""
    (folder / "users.toml").write_text(_USERS)
    (folder / "users.toml").chmod(0o600)
    config = folder / "appanalytics.toml"
    url = f"chdb://{folder}/data?database=conformance"
    config.write_text(f'[warehouse]\nurl = "{url}"\n[server]\nusers = "{folder}/users.toml"\nport = {_PORT}\n')
    with subprocess.Popen([sys.executable, "-c", _SERVE, str(config)], stderr=subprocess.DEVNULL) as process:
        try:
            while find_endpoint(folder / "data") is None:
                if process.poll() is not None:
                    raise SystemExit(f"the server did not start; is port {_PORT} free?")
            yield
        finally:
            process.terminate()


def run_python(suite: Path, folder: Path, chosen: list[str]) -> Outcome:
    """The suite of clickhouse-connect, with the Python of ``$CONFORMANCE_PYTHON`` (default: one in the checkout)."""
    report = folder / "report.xml"
    python = str(prepare_python(suite))
    words = [python, "-m", "pytest", "-o", "addopts=", "-o", "log_cli=false", "-p", "no:cacheprovider", "-q"]
    words += [f"--junit-xml={report}", f"--timeout={_TEST_SECONDS}", "--tb=short"]
    environment = os.environ | {"CLICKHOUSE_CONNECT_TEST_HOST": "127.0.0.1"}
    environment.pop("PYTHONPATH", None)
    _limited([*words, *(chosen or ["tests/integration_tests"])], suite, environment)
    outcome = Outcome()
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname', '').removeprefix('tests.integration_tests.')}::{case.get('name')}"
        bad = next((part for part in case if part.tag in ("failure", "error")), None)
        if bad is not None:
            outcome.failed[name] = (bad.get("message") or "").replace("\n", " ")[:200]
        elif any(part.tag == "skipped" for part in case):
            outcome.skipped += 1
        else:
            outcome.passed.append(name)
    return outcome


def run_node(suite: Path, folder: Path, chosen: list[str]) -> Outcome:
    """The suite of @clickhouse/client for Node."""
    prepare_node(suite)
    report = folder / "report.json"
    config = ["--config", "packages/client-node/vitest.config.ts"]
    words = ["npx", "--no-install", "vitest", "run", *config, "--reporter=json", f"--outputFile={report}"]
    words += [f"--testTimeout={_TEST_SECONDS * 1000}", *chosen]
    _limited(words, suite, os.environ | {"TEST_MODE": "integration"})
    outcome = Outcome()
    for file in json.loads(report.read_text())["testResults"]:
        for case in file["assertionResults"]:
            name = f"{Path(file['name']).name}::{case['fullName']}"
            if case["status"] == "passed":
                outcome.passed.append(name)
            elif case["status"] == "failed":
                outcome.failed[name] = (case["failureMessages"] or [""])[0].replace("\n", " ")[:200]
            else:
                outcome.skipped += 1
    return outcome


def _limited(words: list[str], suite: Path, environment: Mapping[str, str]) -> None:
    """Run a suite in a process group of its own, so that nothing of it outlives its time."""
    with subprocess.Popen(words, cwd=suite, env=environment, start_new_session=True) as process:
        try:
            process.wait(_SUITE_SECONDS)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise SystemExit(f"the suite took more than {_SUITE_SECONDS // 60} minutes") from None
            raise


def judge(outcome: Outcome, causes: dict[str, str], sometimes: dict[str, str], *, whole: bool) -> bool:
    """Print what was not expected; True if nothing was. What fails ``sometimes`` may pass."""
    print(
        f"{len(outcome.passed)} passed, {len(outcome.failed)} failed, {outcome.skipped} skipped by the suite itself"
    )
    print(f"share of those that ran: {outcome.share:.2%} (goal {_GOAL:.0%})")
    known = [*causes, *sometimes]
    surprises = {name: why for name, why in outcome.failed.items() if not any(_fits(name, each) for each in known)}
    stale = [each for each in causes if whole and not any(_fits(name, each) for name in outcome.failed)]
    for name, why in surprises.items():
        print(f"not expected: {name}\n    {why}")
    for each in stale:
        print(f"expected to fail, but does not: {each}")
    return not surprises and not stale and (not whole or outcome.share >= _GOAL)


def _fits(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def main() -> int:
    """Run one suite; the exit code is 0 when it ended as expected."""
    if len(sys.argv) < 2:
        raise SystemExit("which suite? make conformance SUITE=<checkout of clickhouse-connect or clickhouse-js>")
    suite, chosen = Path(sys.argv[1]).resolve(), sys.argv[2:]
    is_node = (suite / "packages" / "client-node").is_dir()
    name = "clickhouse-js" if is_node else "clickhouse-connect"
    listed = tomllib.loads((HERE / "expected.toml").read_text())
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)):
        outcome = (run_node if is_node else run_python)(suite, Path(folder), chosen)
    return 0 if judge(outcome, listed[name], listed["sometimes"], whole=not chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
