"""What our Airflow is told by variables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appanalytics.jobs.parts.airflow import Airflow
from appanalytics.settings import load_settings

_DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def told(folder: Path, **settings: str) -> dict[str, str]:
    environ = {f"APPANALYTICS_AIRFLOW__{name.upper()}": value for name, value in settings.items()}
    return Airflow(load_settings(environ=environ, folder=folder)).environment()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_metadata_in_postgres_by_the_driver_that_airflow_knows(tmp_path: Path, scheme: str) -> None:
    found = told(tmp_path, database=f"{scheme}://airflow:secret@db/airflow")
    assert found[_DATABASE] == "postgresql+psycopg2://airflow:secret@db/airflow"


def test_metadata_without_a_setting_are_in_the_folder_and_secrets_stay_the_same(tmp_path: Path) -> None:
    first = told(tmp_path)
    assert first[_DATABASE] == f"sqlite:///{tmp_path}/data/airflow/airflow.db"
    assert first == told(tmp_path)
    assert len(first["AIRFLOW__API_AUTH__JWT_SECRET"]) >= 64
    assert (tmp_path / "data/airflow/secrets.json").stat().st_mode & 0o077 == 0


def test_own_dags_and_executor_are_passed_on(tmp_path: Path) -> None:
    found = told(tmp_path, dags="team/dags", executor="CeleryExecutor", parallelism="8")
    bundles = json.loads(found["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
    assert [each["name"] for each in bundles] == ["appanalytics", "own"]
    assert bundles[1]["kwargs"]["path"] == str(tmp_path / "team" / "dags")
    assert (found["AIRFLOW__CORE__EXECUTOR"], found["AIRFLOW__CORE__PARALLELISM"]) == ("CeleryExecutor", "8")
