"""The daily report of a real feed, against pandas and against a text that a person read."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from tests.integration.report_numbers import assert_told_as_queried

from appanalytics.catalog import load_catalog
from appanalytics.engine import Engine
from appanalytics.reports import daily_report
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import parse_zone

pytestmark = pytest.mark.real

HERE = Path(__file__).parent
DAY = date(2016, 7, 20)
NOW = datetime(2016, 7, 21, 11, tzinfo=UTC)
UTC_ZONE = parse_zone("UTC")


@pytest.fixture
def layout(feed_year: Engine) -> Layout:
    return Layout.read(feed_year, load_catalog(), UTC_ZONE)


def by_pandas(file: Path, day: date) -> dict[str, float]:
    """The same numbers, computed without our code."""
    events = pd.read_csv(file, usecols=["timestamp", "eventType", "contentId", "personId"])
    events = events[events["eventType"].isin(["VIEW", "LIKE"])]
    events["day"] = pd.to_datetime(events["timestamp"], unit="s").dt.date
    first = events.groupby("personId")["day"].min()
    today = events[events["day"] == day]
    viewed = today[today["eventType"] == "VIEW"]
    views, likes, users = len(viewed), len(today) - len(viewed), today["personId"].nunique()
    posts = viewed["contentId"].nunique()
    born = first[first == day - timedelta(days=1)].index
    back = born.isin(today["personId"]).mean() if len(born) else None
    return {
        "retention_day_1": back,
        "dau": users, "new_users": int((first == day).sum()), "feed_dau": users, "views": views, "likes": likes,
        "ctr": likes / views, "likes_per_user": likes / users, "likes_per_post": likes / posts,
        "messenger_dau": 0, "messages": 0, "both_users": 0,
    }  # fmt: skip


def test_the_report_of_a_real_day(
    feed_year: Engine, layout: Layout, real_data: Path, engine_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = daily_report(feed_year, layout, DAY, as_of=NOW)
    file = real_data / "feed" / "deskdrop_interactions.csv.gz"
    for key, back in (("value", 0), ("day_before", 1), ("week_before", 7)):
        expected = by_pandas(file, DAY - timedelta(days=back))
        assert {each["metric"]: each[key] for each in report.figures} == pytest.approx(expected)
    golden = HERE / "golden" / "daily_report.deskdrop.txt"
    if os.environ.get("WRITE_GOLDEN"):
        golden.write_text(report.text, encoding="utf-8")
    assert report.text == golden.read_text(encoding="utf-8")
    url = f"chdb://{engine_folder}?database={feed_year.database}"
    assert assert_told_as_queried(report, layout.catalog, url, capsys) == 9
    assert "Messenger" not in report.html  # a service that is not in use is not reported
    assert len(report.picture()) < 300_000


def test_every_day_of_a_sparse_year_can_be_reported(feed_year: Engine, layout: Layout) -> None:
    """Nights and weekends of few events are not taken for missing data."""
    late = datetime(2017, 6, 1, tzinfo=UTC)
    first, days = date(2016, 3, 14), 352
    for number in range(0, days, 30):  # all days of the week
        report = daily_report(feed_year, layout, first + timedelta(days=number), as_of=late)
        assert report.complete or "There are no events of this day." in report.text
