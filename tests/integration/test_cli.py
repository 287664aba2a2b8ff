"""The command line as a user meets it: right answers, one clear line for each mistake, nothing changed by it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from appanalytics.catalog import load_catalog
from appanalytics.cli.main import run
from appanalytics.engine import Engine
from appanalytics.warehouse.rollup import rollup

from .one_database import one_database
from .oracle import Event, insert
from .served import Served
from .test_rollups_exact import at


class Cli:
    """Run commands against one warehouse."""

    def __init__(self, url: str, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self.url = url
        self.capsys = capsys
        self.folder = folder

    def __call__(self, *words: str, url: str | None = None) -> tuple[int, str, str]:
        code = run([*words, "--warehouse", url or self.url])
        out, err = self.capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    def records(self, *words: str) -> list[dict]:
        code, out, err = self(*words, "--format", "json")
        assert code == 0, err
        return json.loads(out)

    def refused(self, *words: str, said: str, url: str | None = None) -> None:
        """A mistake: exit code 2, one line that says what, nothing on the standard output."""
        code, out, err = self(*words, url=url)
        assert code == 2, out + err
        assert not out
        assert said in err
        assert err.strip().startswith("error: ")
        assert len(err.strip().splitlines()) <= 2


def fill(engine: Engine) -> None:
    """Three days of events, rolled up."""
    loaded = [Event(at(day), user, action="like" if user == 1 else "view") for day in range(3) for user in (1, 2, 3)]
    insert(engine, [*loaded, Event(at(1), 9, post=0, country="Cyprus")])
    rollup(engine, load_catalog(), ZoneInfo("UTC"))


def held(engine: Engine) -> list[dict]:
    """How many rows every table has, and which tables there are."""
    return engine.rows("SELECT name, total_rows FROM system.tables WHERE database = currentDatabase() ORDER BY name")


@pytest.fixture(scope="module")
def filled(engine_folder: Path) -> Iterator[Engine]:
    """One warehouse for all tests that only read, and for mistakes; neither may change anything."""
    with one_database(engine_folder, "cli") as engine:
        fill(engine)
        before = held(engine)
        yield engine
        assert held(engine) == before


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def cli(filled: Engine, engine_folder: Path, capsys: pytest.CaptureFixture[str], folder: Path) -> Cli:
    """The shared warehouse, and a working folder of the test's own."""
    return Cli(f"chdb://{engine_folder}?database={filled.database}", capsys, folder)


@pytest.fixture
def own_cli(engine: Engine, warehouse_url: str, capsys: pytest.CaptureFixture[str], folder: Path) -> Cli:
    """The same with a warehouse that the test may change."""
    fill(engine)
    return Cli(warehouse_url, capsys, folder)


def test_the_report_table_of_a_day(own_cli: Cli) -> None:
    rows = own_cli.records("report", "table", "--day", "2026-01-02")
    assert {row["dimension"] for row in rows} == {"gender", "age", "os"}
    assert sum(row["views"] for row in rows if row["dimension"] == "os") == 2
    code, out, err = own_cli("report", "table", "--since", "2026-01-01", "--until", "2026-01-04")
    assert code == 0, err
    assert "report_daily: " in out


def test_a_slice_that_fell_to_nothing_is_shown(cli: Cli) -> None:
    words = ("query", "messages", "--by", "country", "--since", "2026-01-03", "--compare", "previous")
    assert [(row["country"], row["messages"], row["messages_before"]) for row in cli.records(*words)] == [
        ("Cyprus", 0, 1)
    ]


def test_nothing_is_compared_with_days_before_all_events(cli: Cli) -> None:
    rows = cli.records("query", "views", "--until", "2026-01-03", "--grain", "day", "--compare", "previous")
    assert [(row["views"], row["views_before"], row["views_change"]) for row in rows] == [(2, None, None)] * 2


def test_days_after_the_last_event_are_not_known_to_be_zero(cli: Cli) -> None:
    rows = cli.records("query", "dau", "--since", "2026-01-03", "--until", "2026-01-05", "--grain", "day")
    assert [(row["dau"], row["complete"]) for row in rows] == [(3, True), (0, False)]


def test_renamed_values_do_not_use_old_rollups(own_cli: Cli) -> None:
    (own_cli.folder / "own.yaml").write_text("dimensions:\n  gender: {column: gender, values: {0: man, 1: woman}}\n")
    (own_cli.folder / "appanalytics.toml").write_text('[catalog]\nfile = "own.yaml"\n')
    words = ("query", "views", "--where", "gender=woman")
    assert [row["views"] for row in own_cli.records(*words)] == [6]
    assert own_cli("rollup")[0] == 0
    assert [row["views"] for row in own_cli.records(*words)] == [6]


def test_query_in_three_formats(cli: Cli) -> None:
    words = ("query", "views", "ctr", "--grain", "day", "--since", "2026-01-01", "--until", "2026-01-03")
    assert cli.records(*words) == [
        {"time": "2026-01-01", "views": 2, "ctr": 0.5, "complete": True},
        {"time": "2026-01-02", "views": 2, "ctr": 0.5, "complete": True},
    ]
    _, out, _ = cli(*words, "--format=csv")
    assert out.splitlines() == ["time,views,ctr,complete", "2026-01-01,2,0.5,true", "2026-01-02,2,0.5,true"]
    _, out, _ = cli(*words)
    assert [line.split() for line in out.splitlines()] == [
        ["time", "views", "ctr"], ["2026-01-01", "2", "50.00%"], ["2026-01-02", "2", "50.00%"],
    ]  # fmt: skip


def test_common_options_stand_anywhere(cli: Cli) -> None:
    before = run(["--format", "json", f"--warehouse={cli.url}", "query", "users"])
    assert before == 0
    assert json.loads(cli.capsys.readouterr().out)[0]["users"] == 4


def test_null_never_inf(cli: Cli) -> None:
    (record,) = cli.records("query", "ctr,likes_per_post", "--since", "2026-02-01", "--until", "2026-02-02")
    assert record["ctr"] is None
    assert record["likes_per_post"] is None


def test_comparisons(cli: Cli) -> None:
    words = ("query", "users", "--since", "2026-01-02", "--until", "2026-01-03", "--compare")
    (previous,) = cli.records(*words, "previous")
    assert (previous["users"], previous["users_before"], previous["users_change"]) == (4, 3, pytest.approx(1 / 3))
    (week,) = cli.records(*words, "week")
    assert (week["users_before"], week["users_change"]) == (None, None)


def test_gaps_are_filled_and_periods_marked(cli: Cli) -> None:
    words = ("query", "views", "--grain", "week", "--since", "2025-12-30", "--until", "2026-01-20")
    records = cli.records(*words)
    assert [(record["time"], record["views"], record["complete"]) for record in records] == [
        ("2025-12-29", 6, False), ("2026-01-05", 0, False), ("2026-01-12", 0, False), ("2026-01-19", 0, False),
    ]  # fmt: skip
    _, out, err = cli(*words)
    assert "2025-12-29 *" in out
    assert "* incomplete period" in out + err


def test_the_same_numbers_from_rollups_events_and_python(cli: Cli) -> None:
    import appanalytics

    words = ("query", "views,users,mau", "--by", "country", "--grain", "day")
    rolled, raw = cli.records(*words), cli.records(*words, "--from", "events")
    assert rolled == raw
    with appanalytics.open(cli.url) as app:
        answer = app.query(["views", "users", "mau"], by="country", grain="day")
        assert list(answer.records) == rolled
        assert answer.to_pandas()["views"].sum() == 6
        assert answer.to_arrow().column_names == list(rolled[0])
        assert "Cyprus" in repr(answer)
        assert "<td>Cyprus</td>" in answer._repr_html_()


def test_explain_shows_plan_and_sql(cli: Cli) -> None:
    _, out, _ = cli("query", "users", "--by", "os", "--explain")
    assert out.startswith("-- users from active_link")
    assert "FROM active_link" in out


def test_metrics(cli: Cli) -> None:
    names = {record["metric"] for record in cli.records("metrics", "list")}
    assert {"views", "ctr", "mau"} <= names
    (record,) = cli.records("metrics", "explain", "ctr")
    assert record["definition"] == "likes / views; nothing where views is 0"
    cli.refused("metrics", "explain", "ctrr", said="did you mean ctr?")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["query", "vews"], "did you mean views?"),
        (["query", "views", "--by", "contry"], "did you mean country?"),
        (["query", "views", "--where", "country=Rusia"], "did you mean Russia?"),
        (["query", "views", "--where", "gender=femal"], "did you mean female?"),
        (["query", "views", "--where", "post=999999"], "post has no value '999999'"),
        (["query", "views", "--where", "post=first"], "post is a number"),
        (["query", "views", "--where", "country"], "cannot read the filter"),
        (["query", "views", "--since", "2026-01-02", "--until", "2026-01-01"], "before it starts"),
        (["query", "views", "--since", "2026-01-02", "--until", "2026-01-02"], "before it starts"),
        (["query", "views", "--since", "soon"], "cannot read 'soon'"),
        (["query", "views", "--grain", "weak"], "did you mean week?"),
        (["query", "views", "--compare", "yesterday"], "unknown comparison"),
        (["query", "views", "--grain", "month", "--compare", "week"], "months cannot be compared"),
        (["query", "messages", "--by", "post"], "messages cannot be sliced by post"),
        (["query", "feed_dau", "--by", "post"], "feed_dau cannot be sliced by post"),
        (["query", "views", "--limit", "0"], "leaves nothing"),
        (["query", "views", "--from", "rolups"], "did you mean rollups?"),
        (["query", "views", "--grain", "15m", "--from", "rollups"], "rollups cannot answer"),
        (["query", "views", "--format", "jsn"], "did you mean json?"),
        (["query"], "Missing argument"),
        (["qery", "views"], "No such command"),
        (["query", "views", "--no"], "No such option"),
        (["rollup", "--force"], "give --since and --until"),
        (["rollup", "--since", "2026-01-03", "--until", "2026-01-01"], "before it starts"),
        (["load", "fed", "x.csv"], "did you mean feed?"),
        (["load", "feed", "nothing.csv"], "nothing.csv"),
        (["load", "feed", "x.csv", "--map", "no.yaml"], "no.yaml"),
        (["report", "daily", "--day", "soon"], "cannot read 'soon'"),
        (["report", "daily", "--locale", "de"], "unknown language"),
        (["report", "table", "--day", "2026-01-01", "--since", "2026-01-01"], "not both"),
        (["simulate", "--users", "1"], "users"),
        (["query", "views", "--config", "no.toml"], "there is no settings file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes(cli: Cli, words: list[str], said: str) -> None:
    cli.refused(*words, said=said)


def test_a_mapping_to_a_missing_column_changes_nothing(cli: Cli, filled: Engine) -> None:
    (cli.folder / "x.csv").write_text("when,who,what\n1,2,view\n")
    (cli.folder / "x.yaml").write_text(
        "source: feed\ncolumns:\n  time: {column: wen, as: unix_s}\n  user_id: who\n  post_id: who\n  action: what\n"
    )
    before = held(filled)
    cli.refused("load", "feed", "x.csv", "--map", "x.yaml", said="when")
    assert held(filled) == before


def test_a_catalog_with_a_mistake(cli: Cli) -> None:
    (cli.folder / "catalog.yaml").write_text("metrics: {a: {ratio: [a, views]}}")
    (cli.folder / "appanalytics.toml").write_text('[catalog]\nfile = "catalog.yaml"\n')
    cli.refused("query", "views", said="goes in a circle: a → a")


def test_a_projects_own_metric(own_cli: Cli) -> None:
    (own_cli.folder / "catalog.yaml").write_text(
        "measures: {ios_views: {source: feed, count: {action: view, os: iOS}}}\n"
        "metrics: {ios_share: {ratio: [ios_views, views]}}"
    )
    (own_cli.folder / "appanalytics.toml").write_text('[catalog]\nfile = "catalog.yaml"\n')
    assert own_cli.records("query", "ios_share")[0]["ios_share"] == 1.0
    code, _, _ = own_cli("rollup")
    assert code == 0
    assert own_cli.records("query", "ios_share", "--from", "rollups")[0]["ios_share"] == 1.0


def test_servers(cli: Cli, server: Served) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cli.refused("query", "views", url=f"http://127.0.0.1:{port}/x", said="no ClickHouse answers")
    cli.refused("query", "views", url=server.url("me", password="wr0ng"), said="refused the user 'me'")
    cli.refused("query", "views", url=f"chdb://{cli.folder}/nothing", said="there is no warehouse")
    cli.refused("query", "views", url="ftp://x", said="cannot read the warehouse URL")


def test_a_folder_of_another_process(cli: Cli) -> None:
    program = "import sys; from appanalytics.cli import main; main(['query', 'views', '--warehouse', sys.argv[1]])"
    ended = subprocess.run(
        [sys.executable, "-c", program, cli.url], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert "another process owns the folder" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_debug_shows_the_traceback(cli: Cli) -> None:
    with pytest.raises(Exception, match="vews"):
        run(["query", "vews", "--warehouse", cli.url, "--debug"])


def test_init_and_config(cli: Cli) -> None:
    code, _, _ = cli("init", "--timezone", "Europe/Moscow", "--locale", "ru")
    assert code == 0
    file = cli.folder / "appanalytics.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    rows = {row["setting"]: row for row in cli.records("config", "show")}
    assert rows["reporting.timezone"]["value"] == "Europe/Moscow"
    assert rows["reporting.timezone"]["origin"].endswith("appanalytics.toml")
    cli.refused("init", said="is there already")
    cli.refused("init", "--force", "--timezone", "Mars/Olympus", said="unknown time zone")


def test_an_empty_warehouse(cli: Cli, filled: Engine, engine_folder: Path) -> None:
    filled.execute("CREATE DATABASE cli_empty ENGINE = Atomic")
    url = f"chdb://{engine_folder}?database=cli_empty"
    cli.refused("query", "views", url=url, said="holds no events yet")
    assert cli("rollup", url=url)[0] == 0
    filled.execute("DROP DATABASE cli_empty SYNC")


def test_doctor(cli: Cli) -> None:
    states = {row["check"]: row["state"] for row in cli.records("doctor")}
    assert states["warehouse"] == states["rollups"] == "ok"
    code, out, _ = cli("doctor", url="http://127.0.0.1:9/x")
    assert code == 1
    assert "no ClickHouse answers" in out


@pytest.mark.parametrize(
    "words", [[], ["query"], ["load"], ["simulate"], ["rollup"], ["check"], ["report"], ["report", "daily"], ["up"]]
)
def test_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--help"]) == 0
    assert "--warehouse URL" in " ".join(capsys.readouterr().out.split())


def test_help_is_quick_because_nothing_heavy_is_loaded() -> None:
    program = (
        "import sys; from appanalytics.cli.main import run; run(['--help']);"
        "sys.exit(any(name in sys.modules for name in ('chdb', 'clickhouse_connect', 'numpy', 'matplotlib')))"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False).returncode == 0
    )
