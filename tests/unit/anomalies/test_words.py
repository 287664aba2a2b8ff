"""Messages of incidents: missing data, many members, known events, the dashboard's address, both languages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from appanalytics.anomalies.watch import Watch
from appanalytics.anomalies.words import Speaker, message
from appanalytics.catalog import load_catalog
from appanalytics.errors import QuestionError

CATALOG, ZONE = load_catalog(), ZoneInfo("UTC")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def row(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "metric", "metric": "views", "slice": "", "note": "", "severity": "critical", "direction": "down",
        "value": 60.0, "actual": 60.0, "expected": 100.0, "score": -4.2, "ticks": 3, "start": START,
        "end": START + timedelta(hours=26, minutes=15),
    } | changes  # fmt: skip


def told(given: dict[str, Any], others: int = 0, *, kind: str = "open", code: str = "en", **more: str) -> str:
    members = [given, *(row(slice=f"country=C{number}", ticks=2) for number in range(others))]
    return message(Speaker(CATALOG, ZONE, code), given, members, kind=kind, minutes=15, **more)


def test_data_that_do_not_come_are_told_by_their_service() -> None:
    given = row(kind="data", metric="feed")
    assert "News feed" in told(given)
    assert "Лента новостей" in told(given, code="ru")
    assert len({told(given, kind=kind).splitlines()[0] for kind in ("open", "still", "over")}) == 3
    over = told(given, kind="over")
    assert "1 d 2 h" in over
    assert len(over.splitlines()) == 2  # nothing is missing any more


def test_of_many_series_four_are_named_and_the_rest_is_counted() -> None:
    assert "C3" in told(row(), others=4)
    text = told(row(), others=7)
    assert "C3" in text
    assert "C4" not in text
    assert "3" in text.splitlines()[-1]


def test_what_is_known_and_where_to_look_stand_below() -> None:
    text = told(
        row(note="Fair & sale"), link="https://superset.example.com/?a=1&b=2", acknowledged="ann", why="os iOS"
    )
    assert "Fair &amp; sale" in text
    assert 'href="https://superset.example.com/?a=1&amp;b=2"' in text
    assert "ann" in text
    assert "os iOS" in text
    assert "os iOS" not in told(row(), kind="over", why="os iOS")


def test_nothing_expected_is_twice_as_much() -> None:
    assert "100" in told(row(direction="up", value=7.0, expected=0.0)).splitlines()[0]


@pytest.mark.parametrize(
    ("changes", "said", "hint"),
    [
        ({"minutes": 7}, "bins of 7 minutes", "15"),
        ({"metrics": ()}, "no metric is watched", ""),
        ({"dimensions": ("post",)}, "post cannot be watched", "every source"),
    ],
)
def test_what_cannot_be_watched_is_refused(changes: dict[str, Any], said: str, hint: str) -> None:
    given: dict[str, Any] = {"metrics": ("views",), "dimensions": ("os",)} | changes
    with pytest.raises(QuestionError) as caught:
        Watch(CATALOG, ZONE, **given)
    assert said in caught.value.message
    assert hint in (caught.value.hint or "")
