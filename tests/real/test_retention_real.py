"""Retention and audience of real files of others against an independent computation with pandas.

A company's feed, students' messages, and the purchases of a shop as a third source that the catalog maps.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest

from appanalytics.audience import AudienceQuestion, audience
from appanalytics.catalog import Catalog, load_catalog
from appanalytics.engine import Engine
from appanalytics.query import default_window, read_coverage
from appanalytics.retention import RetentionQuestion, Triangle, retention
from appanalytics.warehouse.load import load_files, read_mapping
from appanalytics.warehouse.rollup import Layout, rollup
from appanalytics.window import Window

pytestmark = pytest.mark.real

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
UTC = ZoneInfo("UTC")
AFTER = date(2026, 1, 1)
SHOP = """
sources:
  purchases: {table: purchases, columns: {discs: discs}}
measures:
  purchases: {source: purchases, count: {}, unit: purchases}
  discs: {source: purchases, sum: discs, unit: discs}
"""

Cells = dict[tuple[str, int], tuple[int, int]]


def ask(engine: Engine, catalog: Catalog, window: Window | None = None, **how: object) -> Triangle:
    layout = Layout.read(engine, catalog, UTC)
    coverage = read_coverage(engine, layout)
    question = RetentionQuestion.of(catalog, window or default_window(coverage, layout), **how)
    return retention(engine, layout, coverage, question, today=AFTER)


def cells(found: Triangle, *, curve: bool = False) -> Cells:
    """Users by cohort and offset, of cells with users."""
    return {(r["cohort"], r["offset"]): (r["size"], r["users"]) for r in found.records if r["users"]}


def expected(frame: pd.DataFrame, freq: str) -> Cells:
    """The classic cohort table: first period of each user, periods between, different users."""
    period = frame["day"].dt.to_period(freq)
    first = period.groupby(frame["user"]).transform("min")
    offset = period.astype("int64") - first.astype("int64")
    table = frame.assign(first=first, offset=offset).groupby(["first", "offset"])["user"].nunique()
    sizes = frame.assign(first=first).groupby("first")["user"].nunique()
    return {
        (cohort.start_time.date().isoformat(), int(step)): (int(sizes[cohort]), int(users))
        for (cohort, step), users in table.items()
    }


def unbounded(frame: pd.DataFrame, freq: str) -> Cells:
    """Users whose last period is the offset or later."""
    period = frame["day"].dt.to_period(freq).astype("int64").groupby(frame["user"])
    life = pd.DataFrame({"first": period.min(), "length": period.max() - period.min()})
    starts = (
        frame["day"].dt.to_period(freq).groupby(frame["user"]).min().map(lambda p: p.start_time.date().isoformat())
    )
    found: Cells = {}
    for cohort, group in life.groupby(starts):
        for step in range(int(group["length"].max()) + 1):
            found[str(cohort), step] = (len(group), int((group["length"] >= step).sum()))
    return found


def test_a_company_feed(feed_year: Engine, real_data: Path) -> None:
    file = real_data / "feed" / "deskdrop_interactions.csv.gz"
    engine, catalog = feed_year, load_catalog()
    frame = pd.read_csv(file, keep_default_na=False, dtype={"userCountry": str})
    frame = frame[frame["eventType"].isin(["VIEW", "LIKE"])]
    frame["day"] = pd.to_datetime(frame["timestamp"], unit="s")
    frame["user"] = frame["personId"]
    found = ask(engine, catalog)
    assert found.relation == "retention_day"
    assert cells(found) == expected(frame, "D")
    assert cells(ask(engine, catalog, service="feed")) == expected(frame, "D")  # through the users' days
    assert cells(ask(engine, catalog, grain="week")) == expected(frame, "W-SUN")
    assert cells(ask(engine, catalog, grain="month", kind="unbounded")) == unbounded(frame, "M")

    born = frame.groupby("user")["day"].transform("min").dt.normalize()
    liked = frame[frame["eventType"] == "LIKE"].assign(offset=(frame["day"].dt.normalize() - born).dt.days)
    back = liked[liked["offset"] == 1].groupby(born.dt.date)["user"].nunique()
    likes = {
        cohort: users
        for (cohort, step), (_, users) in cells(ask(engine, catalog, event="likes")).items()
        if step == 1
    }
    assert likes == {day.isoformat(): int(users) for day, users in back.items()}

    # By the country of the first event; ties of one second are told apart by the loader's order alone.
    first = frame.sort_values("day", kind="stable").drop_duplicates("user")
    times = frame.groupby("user")["day"].transform("min") == frame["day"]
    clear = frame[times].groupby("user")["userCountry"].nunique().eq(1)
    sizes: dict[str, int] = {}
    for record in ask(engine, catalog, by="country", periods=1).records:
        sizes[record["country"]] = sizes.get(record["country"], 0) + record["size"] * (record["offset"] == 0)
    counted = first["userCountry"].replace("", "unknown").value_counts()
    assert sum(sizes.values()) == counted.sum() == 1_894
    assert sum(abs(sizes.get(name, 0) - n) for name, n in counted.items()) <= 2 * int((~clear).sum())
    check_weeks(engine, catalog, frame)


def check_weeks(engine: Engine, catalog: Catalog, frame: pd.DataFrame) -> None:
    layout = Layout.read(engine, catalog, UTC)
    coverage = read_coverage(engine, layout)
    question = AudienceQuestion.of(catalog, default_window(coverage, layout), grain="week")
    found = audience(engine, layout, coverage, question, today=AFTER)
    weeks = frame.groupby(frame["day"].dt.to_period("W-SUN"))["user"].agg(set)
    known: set[int] = set()
    then: set[int] = set()
    for split, (week, now) in zip(found.splits, weeks.items(), strict=True):
        assert split.start == week.start_time.date()
        assert (split.new, split.retained, split.returning, split.gone) == (
            len(now - known), len(now & then), len((now & known) - then), len(then - now)
        )  # fmt: skip
        known, then = known | now, now


def test_students_messages(engine: Engine, real_data: Path) -> None:
    file = real_data / "messages" / "college_messages.txt.gz"
    load_files(engine, "messages", [file], read_mapping(EXAMPLES / "college_messages.yaml"))
    catalog = load_catalog()
    rollup(engine, catalog, UTC)
    frame = pd.read_csv(file, sep=" ", names=["user", "receiver", "time"])
    frame["day"] = pd.to_datetime(frame["time"], unit="s")
    assert cells(ask(engine, catalog)) == expected(frame, "D")
    assert cells(ask(engine, catalog, grain="week", service="messages")) == expected(frame, "W-SUN")
    assert cells(ask(engine, catalog, grain="month")) == expected(frame, "M")
    assert not ask(engine, catalog, service="feed").records


def test_a_shop_as_a_third_source(engine: Engine, real_data: Path, tmp_path: Path) -> None:
    names = ["user", "date", "discs", "dollars"]
    frame = pd.read_csv(
        real_data / "cohorts" / "cdnow_master.txt.gz", sep=r"\s+", names=names, skiprows=1, dtype={"date": str}
    )
    frame["day"] = pd.to_datetime(frame["date"], format="%Y%m%d")
    engine.execute(
        """
        CREATE TABLE purchases (time DateTime64(3, 'UTC'), user_id UInt64, discs UInt32, gender Int8 DEFAULT -1,
            age UInt8, country LowCardinality(String), city LowCardinality(String), os LowCardinality(String),
            source LowCardinality(String), exp_group Int8 DEFAULT -1)
        ENGINE = MergeTree ORDER BY (time, user_id)
        """
    )
    rows = {
        "time": pa.array(frame["day"], pa.timestamp("ms", "UTC")),
        "user_id": pa.array(frame["user"], pa.uint64()),
        "discs": pa.array(frame["discs"], pa.uint32()),
    }
    engine.insert("purchases", pa.table(rows))
    (tmp_path / "catalog.yaml").write_text(SHOP, encoding="utf-8")
    catalog = load_catalog(tmp_path / "catalog.yaml")
    rollup(engine, catalog, UTC)
    found = ask(engine, catalog, grain="month", service="purchases")
    assert cells(found) == expected(frame, "M")
    sizes = {r["cohort"]: r["size"] for r in found.records if r["offset"] == 0}
    # Customers of the first quarter of 1997: the cohorts that Fader and Hardie describe, 23,570 in all.
    assert sizes == {"1997-01-01": 7_846, "1997-02-01": 8_476, "1997-03-01": 7_248}
    assert cells(ask(engine, catalog, grain="month", service="purchases", kind="unbounded")) == unbounded(frame, "M")
    last = {r["cohort"]: r["complete"] for r in found.records if r["offset"] == 15}
    assert last == {"1997-01-01": True, "1997-02-01": True, "1997-03-01": True}
    assert len(found.curve()) == 18
