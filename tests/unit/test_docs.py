"""What the documents say is true: generated pages, links, tables, the worked example, and the tour, which is run."""

from __future__ import annotations

import ast
import csv
import doctest
import gzip
import importlib.util
import re
import shlex
import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import typer
from docs import reference_pages

from appanalytics.catalog import Active, load_catalog
from appanalytics.cli.main import cli, run
from appanalytics.engine import Engine
from appanalytics.errors import QuestionError
from appanalytics.query import Question, ask
from appanalytics.settings import Settings, names, variable
from appanalytics.warehouse.load import load_files
from appanalytics.warehouse.migrate import migrations
from appanalytics.warehouse.rollup import Layout, rollup
from appanalytics.warehouse.rollup.layout import TABLES
from appanalytics.window import Window

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "README.ru.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CATALOG = load_catalog()
UTC_ZONE = ZoneInfo("UTC")
COMMANDS: Any = typer.main.get_command(cli)
LINKS = "Links: how users are counted without counting them again"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def section(text: str, title: str) -> str:
    """What stands below a heading, up to the next one of its level or above."""
    level = next(line for line in text.splitlines() if line.lstrip("#") == f" {title}").count("#")
    after = text.partition(f"{'#' * level} {title}\n")[2]
    return re.split(rf"^#{{1,{level}}} ", after, flags=re.MULTILINE)[0]


def cells(text: str) -> list[list[str]]:
    """Rows of the tables of a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {place - 1 for place, line in enumerate(lines) if set(line) <= set("|- ")}
    rows = [line for place, line in enumerate(lines) if place not in heads and place - 1 not in heads]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


# --- the generated page ---


def test_the_metrics_page_is_what_the_generator_makes() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert page == generator().page(CATALOG), "run: make docs"


def test_the_reference_is_what_the_generator_makes(engine: Engine) -> None:
    made = reference_pages.pages(engine)
    assert sorted(made) == sorted(path.name for path in reference_pages.FOLDER.iterdir())
    for name, text in made.items():
        assert (reference_pages.FOLDER / name).read_text(encoding="utf-8") == text, f"{name}: run make docs"


def test_every_entry_of_the_catalog_has_an_anchor() -> None:
    found = anchors(ROOT / "docs" / "metrics.md")
    assert {each.name for each in CATALOG.quantities()} <= found
    assert {f"source-{name}" for name in CATALOG.sources} <= found
    assert {f"dimension-{name}" for name in CATALOG.dimensions} <= found


def test_the_page_allows_the_slices_that_questions_allow() -> None:
    allowed = generator().allowed_dimensions
    window = Window.of("2026-01-01", "2026-01-02", UTC_ZONE)
    for quantity in CATALOG.quantities():
        for dimension in CATALOG.dimensions:
            if dimension in allowed(CATALOG, quantity.name):
                Question.of(CATALOG, quantity.name, window, by=dimension)
            elif not isinstance(quantity, Active):
                with pytest.raises(QuestionError, match="cannot be sliced"):
                    Question.of(CATALOG, quantity.name, window, by=dimension)


# --- links ---


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Anchors as GitHub makes them of headings, and those written out."""
    text = without_code(page.read_text(encoding="utf-8"))
    found = set(re.findall(r'<a id="([^"]+)">', text))
    seen: Counter[str] = Counter()
    for title in re.findall(r"^#+ +(.+?) *$", text, flags=re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[(.+?)\]\(.+?\)", r"\1", title).lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = without_code(page.read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'<img src="([^"]+)"', text)
    for link in links:
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


def test_pictures_are_small_and_shown() -> None:
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for picture in (ROOT / "docs" / "pictures").iterdir():
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size <= 150_000, picture.name
        assert picture.name in shown, picture.name


# --- the architecture page ---


def test_rooms_and_floors() -> None:
    tree = ast.parse((ROOT / "tests" / "architecture" / "test_layers.py").read_text(encoding="utf-8"))
    (held,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FLOORS"
    ]
    there = {path.name.removesuffix(".py") for path in (ROOT / "src" / "appanalytics").glob("[a-z]*")}
    told = {room: int(row[0]) for row in cells(section(ARCHITECTURE, "Rooms and floors")) for room in quoted(row[1])}
    assert told == {room: floor for room, floor in held.items() if room in there}


def test_tables() -> None:
    made = {name for _, sql in migrations() for name in re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", sql)}
    told = [name for row in cells(section(ARCHITECTURE, "Tables")) for name in quoted(row[0])]
    assert sorted(told) == sorted({*made, *TABLES, "schema_migrations"})


def test_settings() -> None:
    defaults = {name: getattr(getattr(Settings(), name.split(".")[0]), name.split(".")[1]) for name in names()}
    told = [[*quoted(row[0]), *quoted(row[1]), *quoted(row[2])] for row in cells(section(ARCHITECTURE, "Settings"))]
    assert told == [[name, variable(name), *([str(value)] if value else [])] for name, value in defaults.items()]


def test_the_worked_example(engine: Engine, tmp_path: Path) -> None:
    """Anna and Boris through the real roll-up: their links, their changes and the running sum are as written."""
    rows = cells(section(ARCHITECTURE, LINKS))
    rules = [row for row in rows if "(" in row[0]]
    sums = [row for row in rows if row[0].isdigit()]
    users = [row for row in rows if row not in (*rules, *sums)]
    path = tmp_path / "events.csv"
    days = {row[0]: [int(day) for day in row[1].split(", ")] for row in users}
    lines = [f"2026-03-{day:02} 10:00:00,{user},1,view" for user, row in enumerate(days.values()) for day in row]
    path.write_text("\n".join(["time,user_id,post_id,action", *lines]), encoding="utf-8")
    load_files(engine, "feed", [path])
    rollup(engine, CATALOG, UTC_ZONE)

    links = engine.rows("SELECT day, prev_day FROM active_link WHERE service = 'any' ORDER BY day")
    written = [pair for row in users for pair in re.findall(r"\((\d+), (\d+|–)\)", row[2])]
    assert sorted((int(day), 0 if before == "–" else int(before)) for day, before in written) == [
        (row["day"].day, 0 if row["prev_day"].year == 1970 else row["prev_day"].day) for row in links
    ]
    changes: Counter[int] = Counter()
    for row in rules:
        for day, change in re.findall(r"(\d+): ([+−]1)", row[2]):
            changes[int(day)] += int(change.replace("−", "-"))
    stored = engine.rows(
        "SELECT day, sum(delta) AS delta FROM active_delta WHERE service = 'any' AND days = 7"
        " GROUP BY day ORDER BY day"
    )
    told = [(int(row[0]), int(row[1].replace("−", "-"))) for row in sums]
    assert told == [(row["day"].day, row["delta"]) for row in stored]
    assert told == sorted((day, change) for day, change in changes.items() if change)

    layout = Layout.read(engine, CATALOG, UTC_ZONE)
    window = Window.of("2026-03-01", "2026-03-20", UTC_ZONE)
    answer = ask(engine, layout, Question.of(CATALOG, "wau", window, grain="day"), prefer="rollups")
    levels = {int(row[0]): int(row[2]) for row in sums}
    expected = [levels[max(day for day in levels if day <= number)] for number in range(1, 20)]
    assert answer.column("wau") == expected


# --- the tour ---


def commands(text: str) -> list[tuple[str, list[str]]]:
    """Commands after a ``$`` in the console blocks of a text, each with the lines that it printed."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```console\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


TOUR = [(command, printed) for command, printed in commands(README) if command.startswith("appanalytics ")]
PYTHON = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_shown_exists_with_its_options(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:console|text|bash)?\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    shown = [line for block in blocks for line in re.findall(r"^\$? ?(appanalytics .*)", block, flags=re.MULTILINE)]
    shown += [code for code in quoted(without_code(text)) if code.startswith("appanalytics ")]
    common = {"--format", "--warehouse", "--config", "--debug", "--version", "--help", "--install-completion"}
    for line in shown:
        command, words = COMMANDS, re.split(r"  +| # ", line)[0].split()[1:]
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        if command.name == "airflow":  # its words are Airflow's own
            continue
        assert not words or words[0].startswith(("-", "COMMAND", "…", "[")) or command.params, line
        taken = {name for each in command.params for name in [*each.opts, *each.secondary_opts]} | common
        assert {word.split("=")[0].rstrip("…,") for word in words if word.startswith("--")} <= taken, line


def test_the_russian_readme_shows_the_same() -> None:
    """What is printed in both is the same; words are translated by people."""
    russian = (ROOT / "README.ru.md").read_text(encoding="utf-8")
    blocks = [re.findall(r"^```.*?^```", text, flags=re.DOTALL | re.MULTILINE) for text in (README, russian)]
    assert blocks[0] == blocks[1]
    assert re.findall(r"<img src=\S+ width=\S+", README) == re.findall(r"<img src=\S+ width=\S+", russian)


def test_the_other_commands_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    text = README + contributing
    for target in re.findall(r"(?:^\$ |`)make ([a-z0-9-]+)", text, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
    for name in re.findall(r"\b(APPANALYTICS_\w+)=", README):
        assert name in {variable(each) for each in names()}
    plain = [command for command, _ in commands(text) if not command.startswith("appanalytics ")]
    assert {command.split()[0] for command in plain} == {"make", ".", "export"}
    assert len(TOUR) >= 10


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warehouse_url: str, engine: Engine) -> Path:
    """A working folder as the tour begins with, and a warehouse of its own (held open: opening takes a second)."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("APPANALYTICS_WAREHOUSE__URL", warehouse_url)
    return tmp_path


def printed_by(command: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    code = run(shlex.split(command)[1:])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    text = (out or err).replace("\N{NO-BREAK SPACE}", " ")
    return code, [line.rstrip() for line in text.rstrip().splitlines()]


def test_the_tour_runs_on_a_small_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_deskdrop(folder / "users_interactions.csv")
    for command, printed in TOUR:
        code, lines = printed_by(command, capsys)
        assert code == (2 if printed[0].startswith("error:") else 0), (command, lines)
        if "load" not in command and "rollup" not in command:
            assert lines[0].split() == printed[0].split(), command
    known: dict[str, object] = {}
    for example in doctest.DocTestParser().get_examples(PYTHON[0]):
        exec(compile(example.source, "README.md", "single"), known)
    assert (folder / "wau.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.real
def test_the_tour_prints_what_the_readme_says(
    folder: Path, real_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = gzip.decompress((real_data / "feed" / "deskdrop_interactions.csv.gz").read_bytes())
    (folder / "users_interactions.csv").write_bytes(content)
    for command, printed in TOUR:
        _, lines = printed_by(command, capsys)
        assert fits("\n".join(printed), "\n".join(lines)), "\n".join([command, *lines])
    test = doctest.DocTest(doctest.DocTestParser().get_examples(PYTHON[0]), {}, "README.md", None, None, None)
    said: list[str] = []
    result = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
    assert (result.failed, result.attempted > 5) == (0, True), "".join(said)


def fits(written: str, printed: str) -> bool:
    """True when they are equal, where an ellipsis in what is written stands for anything (alone: for any lines)."""
    pattern = re.escape(written).replace(re.escape("…"), ".*")
    return re.fullmatch(re.sub(r"^\.\*$", r"[\\s\\S]*", pattern, flags=re.MULTILINE), printed) is not None


def small_deskdrop(path: Path) -> None:
    """Rows of Deskdrop's form, made up: three people, the days that the tour asks for."""
    head = ["timestamp", "eventType", "contentId", "personId", "sessionId", "userAgent", "userRegion", "userCountry"]
    agents = ["Mozilla/5.0 (Windows NT 6.1)", "Mozilla/5.0 (X11; Linux x86_64)", "Android - Native Mobile App"]
    days = [(2016, 3, 14), (2016, 6, 30), *((2016, 8, day) for day in range(22, 32)), (2016, 9, 1), (2016, 9, 3)]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(head)
        for year, month, day in days:
            time = int(datetime(year, month, day, 12, tzinfo=UTC).timestamp())
            for person, agent in enumerate(agents):
                place = [agent, "SP", "BR"] if person else [agent, "NY", "US"]
                writer.writerow([time + person, "VIEW", -day, person - 1, 1, *place])
                writer.writerow([time + person + 60, "LIKE" if person else "BOOKMARK", -day, person - 1, 1, *place])
