"""Checks of a report table, and reading one from a file."""

from __future__ import annotations

import gzip
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from appanalytics.errors import FileError
from appanalytics.warehouse.checks import Check, CheckReport, Status, check_report_table, read_report_table

Row = dict[str, Any]
SLICES = {"gender": ["male", "female"], "os": ["iOS", "Android"]}


def row(day: int, dimension: str, value: str, share: int) -> Row:
    counts = {"views": 100 * share, "likes": 21 * share, "messages_sent": 30 * share, "users_sent": 9 * share}
    received = {"messages_received": 30 * share, "users_received": 9 * share}
    when = date(2026, 3, 1) + timedelta(days=day)
    return {"event_date": when, "dimension": dimension, "dimension_value": value, **counts, **received}


def sound() -> list[Row]:
    """Four days; the values of each dimension take 2 and 3, and on the first day 3 and 2, of five parts."""
    rows = [
        row(day, name, value, 2 + (place + day + 1) % 2 if name == "os" else 2 + (place + day) % 2)
        for day in range(4)
        for name, values in SLICES.items()
        for place, value in enumerate(values)
    ]
    for each in rows:  # received by other people than those who sent
        each["messages_received"] = 150 - each["messages_sent"]
        each["users_received"] = 45 - each["users_sent"]
    return rows


def check(rows: list[Row]) -> CheckReport:
    return check_report_table(pa.Table.from_pylist(rows))


def found(report: CheckReport, status: Status) -> set[str]:
    return {each.name for each in report.checks if each.status is status}


def test_a_sound_table_passes() -> None:
    report = check(sound())
    assert found(report, Status.OK) == {each.name for each in report.checks}
    assert len(report.checks) == 9
    assert report.status is Status.OK


def change(place: int, **values: object) -> list[Row]:
    rows = sound()
    rows[place].update(values)
    return rows


@pytest.mark.parametrize(
    ("rows", "failed", "warned"),
    [
        ([{**each, "likes": each["views"]} for each in sound()], {"identical_columns"}, set()),
        ([{**each, "likes": 2 * each["views"]} for each in sound()], {"likes_above_views"}, {"likes_above_views"}),
        (change(0, views=-1), {"values", "dimension_totals"}, {"likes_above_views"}),
        (change(0, users_sent=1000), {"people", "dimension_totals"}, set()),
        (sound()[1:], {"dimension_totals"}, {"sent_received"}),
        ([*sound(), *sound()[:4]], set(), {"copies"}),
        ([*sound(), {**sound()[0], "views": 7, "likes": 1}], {"copies", "dimension_totals"}, {"sent_received"}),
        (sound()[:4] + sound()[8:], set(), {"missing_days"}),
        (sound()[:12] + [{**each, "views": 0, "likes": 0} for each in sound()[12:]], set(), {"partial_days"}),
        ([{**each, "messages_received": 10, "users_received": 10} for each in sound()], set(), {"sent_received"}),
    ],
)  # fmt: skip
def test_each_defect_is_found(rows: list[Row], failed: set[str], warned: set[str]) -> None:
    report = check(rows)
    assert (found(report, Status.FAILED), found(report, Status.WARNING)) == (failed, warned), str(report)


def test_findings_say_where() -> None:
    (check_,) = [each for each in check(change(0, views=None)).failed if each.name == "values"]
    assert (check_.day, check_.where) == (date(2026, 3, 1), "2026-03-01, gender male views")
    assert check_.found == "nothing"


def test_many_findings_are_counted() -> None:
    rows = [{**each, "users_sent": 1000} for each in sound()]
    report = check(rows)
    listed = [each for each in report.failed if each.name == "people"]
    assert len(listed) == 11
    assert listed[-1].hint == "and 6 more of this kind"


def test_a_check_prints_itself() -> None:
    given = Check("values", Status.FAILED, "ages", 0.25, "at most 120", date(2026, 3, 1), "feed", "look")
    assert (
        str(given) == "failed  values            ages; at 2026-03-01, feed; found 0.25; expected at most 120 (look)"
    )
    assert str(CheckReport((given,), (date(2026, 3, 1),))).endswith(
        "1 results: 1 failed\nevents read in full: 2026-03-01"
    )


def write(tmp_path: Path, text: str, name: str = "table.csv") -> Path:
    file = tmp_path / name
    file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return file


@pytest.mark.parametrize("name", ["table.csv", "table.csv.gz"])
@pytest.mark.parametrize("day", ["2026-03-04", "04/03/26", "04/03/2026 00:00", "2026-03-04T00:00:00"])
def test_dates_of_several_kinds(tmp_path: Path, day: str, name: str) -> None:
    table = read_report_table(
        write(tmp_path, f"\ufeffevent_date,OS,views,likes\n{day},iOS,10,\n{day},,7.0,2\n", name)
    )
    assert table.to_pylist() == [
        {"event_date": date(2026, 3, 4), "os": "iOS", "views": 10, "likes": None},
        {"event_date": date(2026, 3, 4), "os": "", "views": 7, "likes": 2},
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,value\n1,2\n", "no column 'event_date'"),
        ("event_date,os,views\n2026-03-04,iOS,1\n", "no column 'likes'"),
        ("event_date,views,likes\n2026-03-04,1,1\n", "nothing to slice by"),
        ("event_date,os,views,likes\n", "has no rows"),
        (
            "event_date,os,views,likes\n2026-03-04,iOS,1,1\n13/13/26,iOS,1,1\n",
            "row 3: cannot read '13/13/26' as a date",
        ),
        ("event_date,os,views,likes\n2026-03-04,iOS,many,1\n", "row 2: views is 'many', not a whole number"),
        ("event_date,os,views,likes\n2026-03-04,iOS,1.5,1\n", "not a whole number"),
        ("event_date,os,views,likes\n2026-03-04,iOS,1\n", "cannot read"),
        ("", "cannot read"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FileError, match=message.replace("'", ".")):
        read_report_table(write(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="there is no file"):
        read_report_table(tmp_path / "none.csv")
    with pytest.raises(FileError):
        read_report_table(write(tmp_path, "\x00\x01PAR1" * 50))
