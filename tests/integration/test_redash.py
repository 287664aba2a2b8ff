"""The report tables in Redash: planned, put there, put there again, and the queries really run on our server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appanalytics.app import open_app
from appanalytics.cli.main import run
from appanalytics.jobs.redash import change_redash
from appanalytics.settings import Loaded, load_settings
from appanalytics.simulate import World, simulate

from .redash_emulator import KEY, Redash, start
from .served import Served, served

USERS = {"admin": {"role": "admin"}, "reader": {"role": "reader", "max_seconds": 20}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("redash") / "warehouse", USERS) as running:
        yield running


@pytest.fixture
def redash() -> Iterator[Redash]:
    state = Redash()
    web = start(state)
    yield state
    web.shutdown()
    web.server_close()


@pytest.fixture(scope="module")
def filled(server: Served) -> Served:
    from datetime import date

    url = f"chdb://{server.folder}"
    with open_app(url) as app:
        simulate(app.engine, World(users=200, days=10, seed=3, until=date(2026, 11, 20), zone=app.zone))
        app.rollup()
        from appanalytics.jobs.registry import run_job

        run_job(app, date(2026, 11, 19), "daily_tables")
    return server


def settings(server: Served, redash: Redash, **others: str) -> Loaded:
    given = {"url": redash.url, "key": KEY, "password": "secret", **others}
    variables = {f"APPANALYTICS_REDASH__{name.upper()}": value for name, value in given.items()}
    return load_settings(
        environ={"APPANALYTICS_WAREHOUSE__URL": f"chdb://{server.folder}", **variables}, folder=Path("/nowhere")
    )


def test_apply_twice_and_the_queries_run(filled: Served, redash: Redash) -> None:
    loaded = settings(filled, redash)
    planned, _ = change_redash(loaded, dry=True)
    assert planned
    assert not redash.writes
    done, rows = change_redash(loaded)
    assert {str(change) for change in planned} <= {str(change) for change in done}
    assert rows["Report: totals by day"] == 1
    assert rows["Report: by gender"] == 2
    assert rows["Data quality: checks of the newest day"] > 5
    assert rows["Experiments: decisions"] == 0
    assert not any(query["is_draft"] for query in redash.queries.values())
    (dashboard,) = redash.dashboards.values()
    assert len(redash.shown_dashboard(dashboard["id"])["widgets"]) == len(rows) + 1

    redash.writes.clear()
    assert change_redash(loaded)[0] == []
    assert redash.writes == []


def test_what_was_changed_by_hand_is_brought_back_and_others_are_left_alone(filled: Served, redash: Redash) -> None:
    loaded = settings(filled, redash)
    change_redash(loaded, check=False)
    theirs = redash.new(redash.queries, name="Report: by gender", query="SELECT 1", tags=["theirs"], version=1)
    ours = next(each for each in redash.queries.values() if "appanalytics" in each["tags"])
    ours["query"] = "SELECT 2"
    gone = next(number for number, widget in redash.widgets.items() if widget["visualization_id"])
    del redash.widgets[gone]
    assert [(each.action, each.kind, each.fields) for each in change_redash(loaded)[0]] == [
        ("change", "query", ("query",)),
        ("create", "widget", ()),
    ]
    assert theirs["query"] == "SELECT 1"


def test_another_address_is_a_change_of_the_data_source(filled: Served, redash: Redash) -> None:
    change_redash(settings(filled, redash), check=False)
    changes, _ = change_redash(settings(filled, redash, warehouse="http://db.internal:8123/other"), dry=True)
    assert [(each.kind, each.fields) for each in changes] == [("data source", ("url", "dbname"))]


def test_russian_titles(filled: Served, redash: Redash, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPANALYTICS_REPORTING__LOCALE", "ru")
    for name, value in {"URL": redash.url, "KEY": KEY, "PASSWORD": "secret"}.items():
        monkeypatch.setenv(f"APPANALYTICS_REDASH__{name}", value)
    assert run(["redash", "apply", "--no-check", "--warehouse", f"chdb://{filled.folder}"]) == 0
    assert "Отчёт: итоги по дням" in {each["name"] for each in redash.queries.values()}


@pytest.mark.parametrize(
    ("given", "said", "code"),
    [
        ({"KEY": "wrong"}, "refuses the key", 2),
        ({"URL": "http://127.0.0.1:9"}, "no Redash answers", 2),
        ({"PASSWORD": "wrong"}, "cannot run query", 1),
    ],
)
def test_mistakes(
    filled: Served,
    redash: Redash,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: dict[str, str],
    said: str,
    code: int,
) -> None:
    for name, value in {"URL": redash.url, "KEY": KEY, "PASSWORD": "secret", **given}.items():
        monkeypatch.setenv(f"APPANALYTICS_REDASH__{name}", value)
    assert run(["redash", "apply", "--warehouse", f"chdb://{filled.folder}"]) == code
    told = capsys.readouterr().err
    assert said in told
    assert len(told.strip().splitlines()) <= 3
    assert KEY not in told
