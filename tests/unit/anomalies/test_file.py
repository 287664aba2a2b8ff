"""Plain files replayed: alerts as records, and how good they are by labels."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from appanalytics.anomalies import replay_file
from appanalytics.cli.main import run
from appanalytics.errors import QuestionError

ZONE = ZoneInfo("UTC")
START = datetime(2026, 3, 2, tzinfo=UTC)


def write(path: Path, values: np.ndarray, minutes: int = 15) -> Path:
    lines = [
        f"{(START + timedelta(minutes=minutes * at)).isoformat()},{'' if np.isnan(value) else value}"
        for at, value in enumerate(values)
    ]
    path.write_text("\n".join(["time,value", *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def values() -> np.ndarray:
    at = np.arange(20 * 96)
    rate = 500 * np.exp(0.4 * np.sin(2 * np.pi * at / 96))
    drawn = np.random.default_rng(8).poisson(rate).astype(float)
    drawn[18 * 96 : 18 * 96 + 12] = 20
    return drawn


def test_an_outage_is_found_and_told_as_the_contract_says(tmp_path: Path, values: np.ndarray) -> None:
    start = START + timedelta(days=18)
    labels = tmp_path / "labels.csv"
    labels.write_text(f"start,end\n{start.isoformat()},{(start + timedelta(hours=3)).isoformat()}\n")
    replay = replay_file(write(tmp_path / "logins.csv", values), labels, "seasonal", ZONE)
    (alert,) = replay.alerts
    assert list(alert) == ["start", "end", "metric", "slice", "direction", "severity", "value", "expected"]
    assert (alert["start"], alert["metric"], alert["direction"]) == (start.isoformat(), "logins", "down")
    assert timedelta(hours=3) <= datetime.fromisoformat(alert["end"]) - start <= timedelta(hours=4)
    assert (alert["value"], alert["expected"]) == (20, pytest.approx(500, rel=0.1))
    assert (replay.precision, replay.recall, replay.delay) == (1.0, 1.0, 0.0)
    assert replay.rate == pytest.approx(7 / 20, rel=0.01)


def test_the_command_tells_how_good_they_are_where_labels_are_given(
    tmp_path: Path, values: np.ndarray, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "logins.csv", values)
    words = ["alerts", "backtest", "--series", "logins.csv", "--method", "seasonal"]
    assert run(words) == 0
    alone = capsys.readouterr()
    assert "1 alerts in 2.9 weeks: 0.35 a week" in alone.out + alone.err
    start = START + timedelta(days=18)
    Path("labels.csv").write_text(f"start,end\n{start.isoformat()},{(start + timedelta(hours=3)).isoformat()}\n")
    assert run([*words, "--labels", "labels.csv"]) == 0
    judged = capsys.readouterr()
    assert "precision" in judged.out + judged.err
    assert "precision" not in alone.out + alone.err


def test_labels_elsewhere_are_missed(tmp_path: Path, values: np.ndarray) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("start,end\n2026-03-18T00:00,2026-03-18T02:00\n")
    replay = replay_file(write(tmp_path / "logins.csv", values), labels, "seasonal", ZONE)
    assert (replay.precision, replay.recall, replay.delay) == (0.0, 0.0, None)


def test_gaps_and_empty_cells_are_no_anomalies(tmp_path: Path, values: np.ndarray) -> None:
    values = values[: 18 * 96]
    values[17 * 96 : 17 * 96 + 20] = np.nan
    path = write(tmp_path / "logins.csv", values)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[: 16 * 96] + lines[16 * 96 + 30 :]))
    replay = replay_file(path, None, "seasonal", ZONE)
    assert not replay.alerts
    assert replay.precision is None


def test_days_are_a_series_too(tmp_path: Path) -> None:
    drawn = np.random.default_rng(4).poisson(20000, 60).astype(float)
    drawn[50] = 9000
    replay = replay_file(write(tmp_path / "dau.csv", drawn, minutes=1440), None, "experts", ZONE)
    assert START + timedelta(days=50) in [datetime.fromisoformat(each["start"]) for each in replay.alerts]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,value\n2026-03-01,1\n2026-03-02,2\n", "fewer than three"),
        ("time,value\n2026-03-01,1\n2026-03-02,2\n2026-03-02,2\n", "does not come after"),
        ("time,value\n2026-03-01,1\n2026-03-02,much\n2026-03-03,2\n", "much"),
        ("time,value\n2026-03-01,1\n2026-03-02,inf\n2026-03-03,2\n", "infinite"),
        ("day,value\n2026-03-01,1\n", "no column 'time'"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(QuestionError, match=said):
        replay_file(path, None, "experts", ZONE)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="cannot read"):
        replay_file(tmp_path / "none.csv", None, "experts", ZONE)


def test_the_docs_example(
    tmp_path: Path, values: np.ndarray, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "anomalies.md").read_text(encoding="utf-8")
    pattern = re.compile(
        r"^```console\n\$ appanalytics (alerts backtest --series.*?)\n(.*?)^```", re.DOTALL | re.MULTILINE
    )
    (block,) = pattern.findall(page)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    start = START + timedelta(days=18)
    write(tmp_path / "logins.csv", values)
    (tmp_path / "labels.csv").write_text(
        f"start,end\n{start.isoformat()},{(start + timedelta(hours=3)).isoformat()}\n"
    )
    assert run(shlex.split(block[0])) == 0
    told, printed = block[1].splitlines(), capsys.readouterr().out.splitlines()
    assert printed[0].split() == told[0].split()
    assert [line.rstrip() for line in printed[-2:]] == told[-2:]


def test_mistakes_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    path = write(tmp_path / "logins.csv", np.arange(5.0))
    for words, said in ((["backtest", "--series", str(path), "--method", "magic"], "unknown detector 'magic'"),):
        assert run(["alerts", *words]) == 2
        assert said in capsys.readouterr().err
