"""Real files of others: a company's feed and students' messages, against an independent computation with pandas."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from appanalytics.engine import Engine, WarehouseUrl, connect
from appanalytics.errors import MappingError
from appanalytics.warehouse.load import ChunkSize, LoadReport, load_files, read_mapping
from appanalytics.warehouse.migrate import migrate

pytestmark = pytest.mark.real

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DESKDROP = read_mapping(EXAMPLES / "deskdrop.yaml")
COLLEGE = read_mapping(EXAMPLES / "college_messages.yaml")
SMALL = ChunkSize(text_bytes=4 << 20)


@pytest.fixture(scope="session")
def deskdrop(real_data: Path) -> Path:
    return real_data / "feed" / "deskdrop_interactions.csv.gz"


@pytest.fixture(scope="session")
def college(real_data: Path) -> Path:
    return real_data / "messages" / "college_messages.txt.gz"


@pytest.fixture(scope="session")
def frame(deskdrop: Path) -> pd.DataFrame:
    frame = pd.read_csv(deskdrop, dtype={"userCountry": str, "userRegion": str}, keep_default_na=False)
    frame["day"] = pd.to_datetime(frame["timestamp"], unit="s").dt.date
    frame["action"] = frame["eventType"].map({"VIEW": "view", "LIKE": "like"})
    frame["user"] = frame["personId"].map(lambda number: int(number) % 2**64)
    frame["post"] = frame["contentId"].map(lambda number: int(number) % 2**64)
    frame["os"] = frame["userAgent"].map(os_of)
    return frame[frame["action"].notna()]


def os_of(agent: str) -> str:
    """Operating system by the words of the agent's first parentheses; independent of the loader's rule."""
    if not agent:
        return "unknown"
    if agent.endswith("Native Mobile App"):
        return agent.split(" ", maxsplit=1)[0]
    words = agent.partition("(")[2].partition(")")[0]
    if "Android" in words:
        return "other" if "Windows" in words else "Android"
    if words.startswith(("iPhone", "iPad", "iPod")):
        return "iOS"
    for sign, name in (("Windows", "Windows"), ("Macintosh", "macOS"), ("CrOS", "other"), ("Linux", "Linux")):
        if sign in words:
            return name
    return "other"


def totals(engine: Engine) -> dict[str, Any]:
    return engine.rows(
        """
        SELECT countIf(action = 'view') AS views, countIf(action = 'like') AS likes, uniqExact(user_id) AS users,
               uniqExactIf(user_id, toDate(time) = '2016-09-01') AS dau, sum(cityHash64(*)) AS rows_hash
        FROM feed_actions
        """
    )[0]


@pytest.fixture(scope="module")
def engine(engine_folder: Path) -> Iterator[Engine]:
    """One database for the whole module: the tests that load into it empty what they need."""
    opened = connect(WarehouseUrl.parse(f"chdb://{engine_folder}?database=load_real"), create=True)
    migrate(opened)
    yield opened
    opened.execute("DROP DATABASE load_real SYNC")
    opened.close()


@pytest.fixture(scope="module")
def report(engine: Engine, deskdrop: Path) -> LoadReport:
    return load_files(engine, "feed", [deskdrop], DESKDROP)


@pytest.fixture(scope="module")
def whole(engine: Engine, report: LoadReport) -> dict[str, Any]:
    assert report.loaded
    return totals(engine)


def test_deskdrop(engine: Engine, deskdrop: Path, report: LoadReport, whole: dict[str, Any]) -> None:
    found = whole
    assert (report.rows, report.loaded, report.skipped, report.rejected) == (72_312, 66_831, 5_481, 0)
    assert (found["views"], found["likes"], found["users"], found["dau"]) == (61_086, 5_745, 1_894, 160)
    assert round(found["likes"] / found["views"], 4) == 0.0940
    again = load_files(engine, "feed", [deskdrop], DESKDROP)
    assert (again.loaded, again.already) == (0, 66_831)
    assert totals(engine) == found


def test_deskdrop_by_every_attribute(engine: Engine, whole: dict[str, Any], frame: pd.DataFrame) -> None:
    assert totals(engine) == whole
    for column, by in (("os", "os"), ("country", "userCountry"), ("city", "userRegion"), ("toDate(time)", "day")):
        compare(engine, frame, column, by)
    rows = engine.rows("SELECT user_id, post_id, count() AS n FROM feed_actions GROUP BY user_id, post_id")
    expected = frame.groupby(["user", "post"]).size()
    assert {(row["user_id"], row["post_id"]): row["n"] for row in rows} == expected.to_dict()


def compare(engine: Engine, frame: pd.DataFrame, column: str, by: str) -> None:
    rows = engine.rows(
        f"""
        SELECT {column} AS part, countIf(action = 'view') AS views, countIf(action = 'like') AS likes,
               uniqExact(user_id) AS users, uniqExact(post_id) AS posts
        FROM feed_actions GROUP BY part
        """
    )
    found = {row.pop("part"): row for row in rows}
    groups = frame.groupby(frame[by].replace("", "unknown") if by != "day" else frame[by])
    expected = {
        part: {
            "views": int((group["action"] == "view").sum()),
            "likes": int((group["action"] == "like").sum()),
            "users": group["user"].nunique(),
            "posts": group["post"].nunique(),
        }
        for part, group in groups
    }
    assert found == expected, by


def test_deskdrop_in_halves_in_reverse_and_in_small_chunks(
    engine: Engine, whole: dict[str, Any], deskdrop: Path, tmp_path: Path
) -> None:
    for table in ("feed_actions", "loads", "load_chunks"):
        engine.execute(f"TRUNCATE TABLE {table}")
    header, *lines = gzip.decompress(deskdrop.read_bytes()).splitlines(keepends=True)
    half = len(lines) // 2
    (tmp_path / "second.csv").write_bytes(header + b"".join(lines[half:]))
    (tmp_path / "first.csv.gz").write_bytes(gzip.compress(header + b"".join(reversed(lines[:half])), 1))
    paths = [tmp_path / "second.csv", tmp_path / "first.csv.gz"]
    report = load_files(engine, "feed", paths, DESKDROP, chunk_size=SMALL)
    assert report.loaded == 66_831
    assert totals(engine) == whole


def test_college_messages(engine: Engine, college: Path) -> None:
    frame = pd.read_csv(college, sep=" ", names=["sender", "receiver", "time"])
    report = load_files(engine, "messages", [college], COLLEGE, chunk_size=ChunkSize(text_bytes=300_000))
    assert (report.rows, report.loaded, report.rejected) == (59_835, 59_835, 0)
    assert report.first is not None
    assert report.last is not None
    assert (report.first.timestamp(), report.last.timestamp()) == (frame["time"].min(), frame["time"].max())
    assert load_files(engine, "messages", [college], COLLEGE).loaded == 0
    rows = engine.rows(
        """
        SELECT toDate(time) AS day, count() AS messages, uniqExact(user_id) AS senders,
               uniqExact(receiver_id) AS receivers
        FROM message_actions GROUP BY day
        """
    )
    days = frame.groupby(pd.to_datetime(frame["time"], unit="s").dt.date)
    expected = {
        day: {
            "day": day,
            "messages": len(group),
            "senders": group["sender"].nunique(),
            "receivers": group["receiver"].nunique(),
        }
        for day, group in days
    }
    assert {row["day"]: row for row in rows} == expected


def test_the_wrong_mapping_for_a_real_file(engine: Engine, deskdrop: Path) -> None:
    before = engine.scalar("SELECT count() FROM message_actions")
    with pytest.raises(MappingError, match="has no column"):
        load_files(engine, "messages", [deskdrop], COLLEGE.model_copy(update={"format": "csv", "names": None}))
    assert engine.scalar("SELECT count() FROM message_actions") == before
