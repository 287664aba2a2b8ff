"""DAGs that come by git: a real repository, really cloned by Airflow's own bundle, and a push that arrives."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from appanalytics.jobs.parts.airflow import Airflow
from appanalytics.settings import load_settings, system_environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "src" / "appanalytics" / "dags"


@dataclass
class Team:
    """A team's repository and an Airflow that reads it."""

    airflow: Airflow
    repository: Path
    clones: Path

    def git(self, *words: str) -> None:
        names = ["-c", "user.name=Team", "-c", "user.email=team@example.org"]
        subprocess.run(["git", *names, *words], cwd=self.repository, check=True, capture_output=True, timeout=60)

    def dags(self) -> set[str]:
        """Read the bundle anew; the DAGs that Airflow then knows."""
        arguments = {"repo_url": str(self.repository), "tracking_ref": "main", "subdir": "dags"}
        bundle = [
            {"name": "team", "classpath": "airflow.providers.git.bundles.git.GitDagBundle", "kwargs": arguments}
        ]
        environment = {
            **system_environment(),
            **self.airflow.environment(),
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundle),
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(self.clones),
        }

        def run(*words: str) -> str:
            program = str(self.airflow.program)
            done = subprocess.run(
                [program, *words], env=environment, capture_output=True, text=True, timeout=240, check=False
            )
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
            return done.stdout

        run("dags", "reserialize", "--bundle-name", "team")
        told = run("dags", "list", "--output", "json")
        return {each["dag_id"] for each in json.loads(told[told.index("[{") :])}


@pytest.fixture
def team(tmp_path: Path) -> Team:
    loaded = load_settings(environ={"APPANALYTICS_AIRFLOW__VENV": str(ROOT / ".venv-airflow")}, folder=tmp_path)
    airflow = Airflow(loaded)
    airflow.prepare()
    made = Team(airflow, tmp_path / "repository", tmp_path / "clones")
    shutil.copytree(DAGS, made.repository / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    made.git("init", "--initial-branch", "main")
    made.git("add", "-A")
    made.git("commit", "-m", "DAGs of the product")
    return made


def test_dags_come_by_git_and_a_push_arrives(team: Team) -> None:
    product = {path.stem for path in DAGS.glob("*.py")} - {"__init__"}
    assert team.dags() == product
    assert list(team.clones.rglob("daily_tables.py")), "it was cloned, not read in place"
    text = (team.repository / "dags" / "data_quality.py").read_text()
    (team.repository / "dags" / "ours.py").write_text(
        text.replace("within=", 'name="ours", within=')
        .replace("def data_quality", "def ours")
        .replace("\n\ndata_quality()", "\n\nours()")
    )
    team.git("add", "-A")
    team.git("commit", "-m", "A DAG of our own")
    assert team.dags() == product | {"ours"}
