"""How `appanalytics status` tells of parts, and of a warehouse that does not open."""

from __future__ import annotations

from pathlib import Path

import pytest

from appanalytics.errors import WarehouseUnavailable
from appanalytics.jobs import status
from appanalytics.jobs.parts.supervisor import PartState
from appanalytics.settings import load_settings


def test_parts_by_how_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    held = [
        PartState("airflow", "RUNNING", 17, 3700, 0), PartState("live", "RUNNING", 18, 5, 2),
        PartState("server", "FATAL", 0, 0, 4), PartState("superset", "STOPPED", 0, 0, 0),
    ]  # fmt: skip
    monkeypatch.setattr(status, "states", lambda loaded: held)
    found = list(status.parts(load_settings(environ={}, folder=tmp_path)))
    assert [each.state.value for each in found] == ["ok", "warning", "failed", "off"]
    assert found[0].detail == "process 17, up 1:01:40"
    assert found[1].detail == "process 18, up 0:00:05; ended and restarted 2 times"
    assert found[2].detail == "fatal; ended and restarted 4 times"
    assert [each.value for each in found] == [0, 2, 4, 0]


def test_a_warehouse_that_does_not_open_is_a_failure_of_its_own(tmp_path: Path) -> None:
    """Of a server elsewhere neither process nor disk can be told."""
    loaded = load_settings(environ={"APPANALYTICS_WAREHOUSE__URL": "http://10.0.0.1:8123"}, folder=tmp_path)
    (only,) = status.status(loaded, WarehouseUnavailable("nobody answers", hint="start it"))
    assert (only.check, only.state.value) == ("warehouse", "failed")
    assert "nobody answers" in only.detail
