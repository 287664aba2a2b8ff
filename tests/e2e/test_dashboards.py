"""Dashboards in a real Superset: charts answer with the numbers of `query`; apply and prune do what they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import Stand
from tests.e2e.oracle import Oracle

from appanalytics.app import App
from appanalytics.catalog import load_catalog
from appanalytics.dashboards import DashboardSpec, load_specs
from appanalytics.dashboards.client import Superset
from appanalytics.dashboards.names import uuid_of
from appanalytics.dashboards.plan import apply, make_plan, prune
from appanalytics.dashboards.queries import query_specs
from appanalytics.dashboards.roles import READER, ensure_reader_role
from appanalytics.dashboards.spec import ChartSpec
from appanalytics.errors import AccessDenied, DashboardError
from appanalytics.jobs.dashboards import bundle_of, connection_of, log_in, state_file
from appanalytics.settings import Loaded, load_settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]
SPECS = {each.spec.name: each.spec for each in load_specs()}
CHARTS = [(spec, chart) for spec in SPECS.values() for chart in spec.charts]
CATALOG = load_catalog()
FILTERS: list[dict[str, str]] = [{}, {"gender": "female"}, {"country": "Russia", "os": "iOS"}, {"city": "Moscow"}]


def key(value: object) -> str:
    return f"{value.name}" if isinstance(value, DashboardSpec | ChartSpec) else str(value)


@pytest.fixture(scope="module")
def superset(stand: Stand) -> Iterator[Superset]:
    with stand.log_in() as session:
        yield session


@pytest.fixture(scope="module")
def app(stand: Stand) -> Iterator[App]:
    with stand.open() as opened:
        yield opened


@pytest.fixture(scope="module")
def contexts(superset: Superset) -> dict[str, dict[str, Any]]:
    """The stored query of each chart by UUID."""
    found = {}
    for chart in superset.listed("chart"):
        result = superset.get(f"/api/v1/chart/{chart['id']}", "read a chart")["result"]
        found[chart["uuid"]] = json.loads(result["query_context"]) | {"number": chart["id"]}
    return found


def asked(
    superset: Superset, context: dict[str, Any], where: dict[str, str], when: str | None = None
) -> list[dict[str, Any]]:
    """A chart's rows under filters, as its dashboard asks for them."""
    query = json.loads(json.dumps(context["queries"][0]))
    for each in query["filters"]:
        if each["op"] == "TEMPORAL_RANGE" and when:
            each["val"] = when
    query["filters"] += [{"col": name, "op": "IN", "val": [value]} for name, value in where.items()]
    body = {**context, "queries": [query], "force": True}
    body.pop("number")
    (result,) = superset.ask(body)
    assert not result["error"]
    return list(result["data"])


def day_of(value: float) -> date:
    return datetime.fromtimestamp(value / 1000, UTC).date()


@pytest.mark.parametrize(("spec", "chart"), CHARTS, ids=key)
def test_every_chart_answers(
    superset: Superset, contexts: dict[str, dict[str, Any]], spec: DashboardSpec, chart: ChartSpec
) -> None:
    number = contexts[uuid_of("chart", f"{spec.name}/{chart.name}")]["number"]
    for result in superset.chart_data(number):
        assert result["error"] is None
        assert result["rowcount"] > 0
        assert not result["rejected_filters"]


#: Charts whose numbers are those of the catalog; the others are compared with the plain Python of the oracle below.
COMPARED = [
    (spec, chart)
    for spec, chart in CHARTS
    if set(chart.metrics) <= {each.name for each in CATALOG.quantities()}
    and {chart.x, *chart.by} <= {*CATALOG.dimensions, "time"}
    and chart.data in (None, "users", "active")
    and not chart.cumulative
    and spec.name != "today"
]


@pytest.mark.parametrize("where", FILTERS, ids=str)
@pytest.mark.parametrize(("spec", "chart"), COMPARED, ids=key)
def test_numbers_are_those_of_query(
    superset: Superset,
    contexts: dict[str, dict[str, Any]],
    app: App,
    spec: DashboardSpec,
    chart: ChartSpec,
    where: dict[str, str],
) -> None:
    """Every number of the chart, unfiltered and filtered, over all days and over some."""
    days = app.days_with_events()
    assert days is not None
    end = app.today()
    if "post" in chart.by:
        where = {name: value for name, value in where.items() if name != "city"}
    for since in (days.first_day + timedelta(days=40), *([] if where else [days.first_day])):
        by = [*chart.by, *([chart.x] if chart.x != "time" else [])]
        answer = app.query(
            chart.metrics, by=by, where=where, since=since, until=end, grain="day" if chart.is_timed else "total"
        )
        wanted = {
            tuple([day_part(row["time"])] if chart.is_timed else []) + tuple(str(row[name]) for name in by): row
            for row in answer.records
        }
        rows = asked(superset, contexts[uuid_of("chart", f"{spec.name}/{chart.name}")], where, f"{since} : {end}")
        assert rows
        for row in rows:
            place = tuple([day_of(row["date"])] if chart.is_timed else []) + tuple(str(row[name]) for name in by)
            for metric in chart.metrics:
                assert row[metric] == pytest.approx(wanted[place][metric], abs=1e-9), (place, metric)
        if "post" not in chart.by:
            shown = {place for place, row in wanted.items() if any(row[metric] for metric in chart.metrics)}
            assert len(rows) >= len(shown)


def day_part(value: Any) -> date:
    return value.date() if isinstance(value, datetime) else date.fromisoformat(str(value)[:10])


@pytest.mark.parametrize("where", [{}, {"gender": "female"}, {"city": "Moscow"}], ids=str)
def test_analyses_are_those_of_plain_python(
    superset: Superset, contexts: dict[str, dict[str, Any]], oracle: Oracle, where: dict[str, str]
) -> None:
    def rows(name: str) -> list[dict[str, Any]]:
        return asked(superset, contexts[uuid_of("chart", name)], where)

    some = oracle.where(**where)
    weekdays = {int(row["weekday"][0]): row["feed_users"] for row in rows("main/users-by-weekday")}
    assert weekdays == some.weekdays()

    for source in ("ads", "organic"):
        wanted = some.where(source=source).retention(20)
        wanted = {
            place: cell for place, cell in wanted.items() if (oracle.last - date.fromisoformat(place[0])).days < 20
        }
        found = {(row["cohort"], row["days_since"]): row["users"] for row in rows(f"retention/{source}-users")}
        shares = {(row["cohort"], row["days_since"]): row["share"] for row in rows(f"retention/{source}")}
        assert {place: users for place, users in found.items() if place in wanted} == {
            place: users for place, (users, _) in wanted.items()
        }
        assert all(shares[place] == pytest.approx(users / size) for place, (users, size) in wanted.items())

    wanted_weeks = some.audience()
    for name in ("gone", "returning"):
        for row in rows(f"audience/{name}"):
            week = wanted_weeks[day_of(row["date"])]
            assert {each: row[each] for each in week if each in row} == {
                each: week[each] for each in week if each in row
            }

    cohort = some.cohort(oracle.spike())
    views = {day_of(row["date"]): row["views"] for row in rows("adhoc-campaign/cohort-views")}
    assert views == dict(cohort.by_day("views"))

    hole = oracle.hole()
    absent = some.absent(hole)
    assert rows("adhoc-outage/absent") == [{"users": len(absent.days_of)}]
    later = {day_of(row["date"]): row["users"] for row in rows("adhoc-outage/absent-later")}
    assert later == dict(absent.by_day())


def test_stored_results_are_those_of_their_tables(
    superset: Superset, contexts: dict[str, dict[str, Any]], app: App
) -> None:
    def rows(name: str) -> list[dict[str, Any]]:
        return asked(superset, contexts[uuid_of("chart", name)], {})

    methods = {row["effect"] for row in rows("experiment/methods")}
    stored = app.engine.rows("SELECT effect FROM experiment_results WHERE part = 'total' AND role = 'primary'")
    assert methods == {row["effect"] for row in stored}
    (decided,) = rows("experiment/decisions")
    outcome = app.engine.scalar("SELECT decision FROM decisions")
    assert decided["decision"] == str(outcome).replace("_", " ")
    arms = {row["check_name"]: row["arm_users"] for row in rows("experiment/arms")}
    found = app.engine.rows("SELECT check, users FROM experiment_checks WHERE part = 'arm'")
    assert arms == {row["check"]: row["users"] for row in found}
    (opened,) = rows("alerts/open")
    states = "SELECT countIf(state IN ('firing', 'recovering')) FROM incidents FINAL"
    assert opened["open_incidents"] == app.engine.scalar(states) >= 1
    listed = [(row["value"], row["expected"], row["change"]) for row in rows("alerts/list")]
    assert (50, 100, -0.5) in listed  # the stand's own one; those that the demo's history holds stand beside it
    band = rows("alerts/band")
    assert all(row["lower"] <= row["expected"] <= row["upper"] for row in band)
    newest = app.engine.scalar("SELECT count() FROM quality WHERE day = (SELECT max(day) FROM quality)")
    assert sum(row["findings"] for row in rows("alerts/checks")) == newest


def test_today(superset: Superset, contexts: dict[str, dict[str, Any]], app: App) -> None:
    """Today's quarter hours are those of the events, the day is padded to its end, yesterday lies beside it whole."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = asked(superset, contexts[uuid_of("chart", "today/views-likes")], {})
    assert len(rows) == 96
    found = app.engine.rows(
        "SELECT toUnixTimestamp(toStartOfFifteenMinutes(time)) AS bin, countIf(action = 'view') AS n"
        " FROM feed_actions"
        " WHERE time >= {since:DateTime64(3, 'UTC')} GROUP BY bin",
        {"since": midnight},
    )
    wanted = {row["bin"]: row["n"] for row in found}
    shown = {row["time"] / 1000: row["views"] for row in rows if row["views"]}
    assert shown == {moment: n for moment, n in wanted.items() if n}
    beside = asked(superset, contexts[uuid_of("chart", "today/events")], {})
    assert len(beside) == 96
    before = app.query("views", since=midnight.date() - timedelta(days=1), until=midnight.date()).value()
    messages = app.query("messages", since=midnight.date() - timedelta(days=1), until=midnight.date()).value()
    likes = app.query("likes", since=midnight.date() - timedelta(days=1), until=midnight.date()).value()
    assert sum(row["events__1 day ago"] or 0 for row in beside) == before + messages + likes


def test_apply_twice_changes_nothing(stand: Stand, superset: Superset) -> None:
    bundle = bundle_of(stand.loaded)
    assert not make_plan(superset, bundle, state_file(stand.loaded)).changes
    assert apply(superset, bundle, connection_of(stand.loaded), state_file(stand.loaded)).is_empty


def test_an_edit_by_hand_is_shown_and_undone(stand: Stand, superset: Superset) -> None:
    bundle, state = bundle_of(stand.loaded), state_file(stand.loaded)
    (number,) = [each["id"] for each in superset.listed("chart") if each["uuid"] == uuid_of("chart", "main/views")]
    superset._send("PUT", f"/api/v1/chart/{number}", json={"slice_name": "Mine"})
    (change,) = make_plan(superset, bundle, state).changes
    assert (change.verb, change.name, change.field, change.now) == ("edited", "main/views", "slice_name", "Mine")
    apply(superset, bundle, connection_of(stand.loaded), state)
    assert not make_plan(superset, bundle, state).changes


def settings_with(stand: Stand, folder: Path, more: str) -> Loaded:
    config = folder / "appanalytics.toml"
    config.touch(mode=0o600)
    config.write_text(stand.config.read_text() + more)
    return load_settings(config, environ={})


def test_prune_removes_what_left_the_specs_and_only_that(stand: Stand, superset: Superset, tmp_path: Path) -> None:
    page = "name: extra\ntitle: {en: Extra}\nrows:\n  - charts:\n"
    chart = "      - {{name: {0}, title: {{en: {0}}}, chart: number, metrics: [views], width: 6}}\n"
    specs = tmp_path / "specs"
    specs.mkdir()
    (specs / "extra.yaml").write_text(page + chart.format("one") + chart.format("two"))
    loaded = settings_with(stand, tmp_path, f'[dashboards]\nspecs = "{specs}"\n')
    state = tmp_path / "state.json"
    apply(superset, bundle_of(loaded), connection_of(loaded), state)
    before = {each["uuid"] for each in superset.listed("chart")}
    (specs / "extra.yaml").write_text(page + chart.format("one"))
    done = prune(superset, bundle_of(loaded), connection_of(loaded), state)
    assert [(kind, name) for kind, _, name in done.surplus] == [("chart", "extra/two")]
    assert before - {each["uuid"] for each in superset.listed("chart")} == {uuid_of("chart", "extra/two")}
    (specs / "extra.yaml").unlink()
    done = prune(superset, bundle_of(loaded), connection_of(loaded), state)
    assert sorted((kind, name) for kind, _, name in done.surplus) == [("chart", "extra/one"), ("dashboard", "extra")]
    assert not make_plan(superset, bundle_of(stand.loaded)).changes


def test_a_metric_renamed_in_the_catalog_reaches_superset(stand: Stand, superset: Superset, tmp_path: Path) -> None:
    own = tmp_path / "catalog.yaml"
    own.write_text("metrics:\n  ctr: {ratio: [likes, views], unit: share, labels: {en: Click rate}}\n")
    loaded = settings_with(stand, tmp_path, f'[catalog]\nfile = "{own}"\n')
    changed = apply(superset, bundle_of(loaded), connection_of(loaded)).changes
    assert {each.wanted for each in changed if each.field.endswith("metrics[ctr].verbose_name")} == {"Click rate"}
    assert not make_plan(superset, bundle_of(loaded)).changes
    apply(superset, bundle_of(stand.loaded), connection_of(stand.loaded), state_file(stand.loaded))


def test_mistakes_are_one_clear_line(stand: Stand, tmp_path: Path) -> None:
    with pytest.raises(AccessDenied, match="refused the user 'admin' or the password"):
        log_in(wrong_password(stand, tmp_path))
    with pytest.raises(DashboardError, match="does not answer at http"):
        Superset("http://127.0.0.1:9", "admin", "x")
    with pytest.raises(DashboardError, match="Superset"):
        Superset(f"http://127.0.0.1:{stand.server.port}", "admin", "x")


def wrong_password(stand: Stand, folder: Path) -> Loaded:
    config = folder / "wrong.toml"
    config.touch(mode=0o600)
    config.write_text(stand.config.read_text() + 'password = "wrong"\n')
    return load_settings(config, environ={})


def test_saved_queries_run_as_they_are(stand: Stand, superset: Superset) -> None:
    (database,) = [
        each["id"] for each in superset.listed("database") if each["uuid"] == uuid_of("database", "AppAnalytics")
    ]
    found = superset.get("/api/v1/saved_query/", "list saved queries", q="(page_size:100)")["result"]
    assert len(found) == len(query_specs())
    for each in found:
        body = {
            "database_id": database,
            "sql": each["sql"],
            "queryLimit": 1000,
            "runAsync": False,
            "client_id": f"q{each['id']}",
        }
        answer = superset.post("/api/v1/sqllab/execute/", body, f"run {each['label']}")
        assert answer["status"] == "success", each["label"]
        assert answer["data"], each["label"]


def test_readers_see_and_change_nothing(stand: Stand, superset: Superset) -> None:
    assert ensure_reader_role(superset)
    assert not ensure_reader_role(superset)
    roles = {each["name"]: each["id"] for each in superset.get("/api/v1/security/roles/", "list roles")["result"]}
    person = {"username": "ann", "first_name": "Ann", "last_name": "A", "email": "ann@localhost", "active": True}
    superset.post("/api/v1/security/users/", person | {"password": "ann-ann", "roles": [roles[READER]]}, "add a user")
    with Superset(stand.url, "ann", "ann-ann") as ann:
        assert len(ann.listed("dashboard")) == len(SPECS)
        chart = next(each["id"] for each in ann.listed("chart") if each["uuid"] == uuid_of("chart", "main/views"))
        assert ann.chart_data(chart)[0]["rowcount"] == 1
        with pytest.raises(DashboardError):
            ann.delete("chart", chart)
