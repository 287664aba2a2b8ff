"""Report tables of others: the defects are found, and agree with an independent computation in pandas."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from appanalytics.warehouse.checks import CheckReport, Limits, Status, check_report_table, read_report_table
from appanalytics.warehouse.checks.volume import expect, judge

pytestmark = pytest.mark.real
MEASURES = ["views", "likes", "messages_sent", "users_sent", "messages_received", "users_received"]


def names(report: CheckReport, status: Status) -> set[str]:
    return {each.name for each in report.checks if each.status is status}


def test_both_defects_of_the_defective_table(real_data: Path) -> None:
    file = real_data / "etl" / "report_table_defective.csv"
    report = check_report_table(read_report_table(file))
    assert names(report, Status.FAILED) == {"identical_columns", "dimension_totals"}

    frame = pd.read_csv(file)
    assert (frame["views"] == frame["likes"]).all()
    (same,) = [each for each in report.failed if each.name == "identical_columns"]
    assert same.found == "views = likes in all 1,000 rows"

    totals = frame.groupby(["event_date", "dimension"])[MEASURES].sum().unstack()
    unequal = pd.concat([totals[each].nunique(axis=1) > 1 for each in MEASURES], axis=1).any(axis=1)
    days = sorted(pd.to_datetime(unequal[unequal].index, format="%d/%m/%y").date)
    share = len(days) / len(unequal)
    assert share == pytest.approx(0.07, abs=0.005)
    summary, *each_day = [each for each in report.failed if each.name == "dimension_totals"]
    assert summary.found == f"{len(days)} of {len(unequal)} days ({share:.0%})"
    assert sorted({each.day for each in each_day}) == days == [date(2023, 2, 16)]


def test_what_else_is_odd_in_the_defective_table(real_data: Path) -> None:
    """Its first day was appended twice, and its last one is cut off in the middle of the ages."""
    file = real_data / "etl" / "report_table_defective.csv"
    report = check_report_table(read_report_table(file))
    frame = pd.read_csv(file)
    copied = frame[frame.duplicated()]["event_date"].unique()
    assert list(copied) == ["03/02/23"]
    assert {(each.name, each.day) for each in report.warnings} == {
        ("copies", date(2023, 2, 3)),
        ("partial_days", date(2023, 2, 16)),
    }


def test_nothing_contradicts_itself_in_the_sample(real_data: Path) -> None:
    """No failure, but the file is not spotless: a day twice, a day without the feed, a fifth of receivers lost."""
    file = real_data / "etl" / "report_table_sample.csv"
    report = check_report_table(read_report_table(file))
    assert report.failed == ()
    assert names(report, Status.WARNING) == {"copies", "partial_days", "sent_received"}

    frame = pd.read_csv(file, parse_dates=["event_date"], date_format="%d/%m/%y %H:%M")
    twice = frame[frame.duplicated()]["event_date"].dt.date.unique()
    assert [each.day for each in report.warnings if each.name == "copies"] == list(twice) == [date(2022, 5, 17)]
    sums = frame.groupby(frame["event_date"].dt.date)[MEASURES].sum()
    assert {each.day for each in report.warnings if each.name == "partial_days"} == set(
        sums[sums["views"] == 0].index
    )
    assert (sums["messages_sent"] > sums["messages_received"]).all()


@pytest.mark.parametrize("name", ["social_app_daily_metrics.csv", "social_app_daily_metrics_flashmob.csv"])
def test_the_real_app_has_one_failure_and_it_is_the_outage(real_data: Path, name: str) -> None:
    """Views of the app this system was first built for: day 49 is its known outage, and no other day fails."""
    limits = Limits()
    views = [int(count) for count in pd.read_csv(real_data / "daily" / name)["views"]]
    guesses = {day: expect(views[:day], limits) for day in range(30, len(views))}
    failed = [
        day
        for day, guess in guesses.items()
        if guess and (verdict := judge(views[day], guess, limits)) and verdict[0] is Status.FAILED
    ]
    assert failed == [49]
