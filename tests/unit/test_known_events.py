"""The calendar of known events: reading it, what touches a window, and errors that name file, entry and key."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from appanalytics.catalog import load_catalog
from appanalytics.errors import CalendarError
from appanalytics.known_events import Kind, KnownEvents, load_known_events, parse_known_events
from appanalytics.window import Window

CATALOG = load_catalog()
MOSCOW = ZoneInfo("Europe/Moscow")
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "events.yaml"


def parse(text: str) -> KnownEvents:
    return parse_known_events(text, CATALOG, MOSCOW)


def test_the_example() -> None:
    events = list(load_known_events(EXAMPLE, CATALOG, MOSCOW))
    assert [each.kind for each in events] == [Kind.CAMPAIGN, Kind.RELEASE, Kind.HOLIDAY]
    ads, release, _ = events
    assert (ads.start, ads.end) == (datetime(2016, 9, 4, 21, tzinfo=UTC), datetime(2016, 9, 11, 21, tzinfo=UTC))
    assert ads.days(MOSCOW) == (date(2016, 9, 5), date(2016, 9, 11))
    assert (ads.metrics, ads.where) == (("dau", "new_users"), {"country": ("BR",)})
    assert (ads.label("ru"), ads.label(), release.label("ru")) == ("Осенняя реклама", "Autumn ads", "App 2.0")
    # A time without an end: to the end of its day, in the reporting time zone.
    assert (release.start.hour, release.end) == (12, datetime(2016, 10, 11, 21, tzinfo=UTC))


def test_during_is_half_open_and_ordered() -> None:
    events = parse(
        "events: [{name: late, start: 2026-03-05, end: 2026-03-07}, {name: early, start: 2026-03-01, metrics: [ctr]}]"
    )
    assert [each.name for each in events] == ["early", "late"]

    def during(first: str, until: str, **more: list[str]) -> list[str]:
        return [each.name for each in events.during(Window.of(first, until, MOSCOW), **more)]

    assert during("2026-03-02", "2026-03-05") == []
    assert during("2026-03-06", "2026-03-07") == ["late"]
    assert during("2026-03-07", "2026-03-08") == []
    assert during("2026-03-01", "2026-03-06") == ["early", "late"]
    assert during("2026-03-01", "2026-03-06", metrics=["dau"]) == ["late"]
    assert during("2026-03-01", "2026-03-06", metrics=["dau", "ctr"]) == ["early", "late"]


@pytest.mark.parametrize("text", ["", "events:", "events: []", "# nothing yet"])
def test_an_empty_calendar(text: str) -> None:
    assert len(parse(text)) == 0


@pytest.mark.parametrize(
    ("entry", "said", "hint"),
    [
        ("{name: a, start: 2026-03-05, knd: release}", "events[0]: unknown key 'knd'", "did you mean kind?"),
        ("{name: a, start: 2026-03-05, kind: releas}", "events[0] (a): kind: unknown kind", "did you mean release?"),
        ("{name: a, start: soon}", "events[0] (a): start: cannot read 'soon'", "write 2026-11-22"),
        ("{name: a, start: 2026-03-05, end: 2026-03-05}", "(a): end: 2026-03-05 is not after", "leave it out"),
        ("{name: a, start: 2026-03-05, metrics: [dua]}", "events[0] (a): metrics: unknown metric", "dau"),
        ("{name: a, start: 2026-03-05, where: {contry: BR}}", "(a): where: unknown", "did you mean country?"),
        ("{name: a, start: 2026-03-05, where: {gender: mail}}", "gender has no value 'mail'", "did you mean male?"),
        ("{name: a, start: 2026-03-05, labels: {de: x}}", "events[0]: labels: labels are in 'en' and 'ru'", ""),
        ("{name: a}", "events[0]: start: field required", "examples/events.yaml"),
        ("{start: 2026-03-05}", "events[0]: name: field required", ""),
        ("a campaign", "events[0] must be a mapping", ""),
        ("{name: a, name: b}", "is not YAML: 'name' is there twice", ""),
        ("{name: a, start: 2026-02-30}", "is not YAML: day is out of range", ""),
    ],
)
def test_mistakes(entry: str, said: str, hint: str) -> None:
    with pytest.raises(CalendarError) as caught:
        parse(f"events:\n  - {entry}")
    assert said in caught.value.message
    assert caught.value.message.startswith("events.yaml")
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["- name: a", "events: {a: b}", "event: []", "just words"])
def test_another_form(text: str) -> None:
    with pytest.raises(CalendarError, match="must hold one key, events"):
        parse(text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CalendarError, match=r"cannot read the calendar .*none\.yaml: No such file"):
        load_known_events(tmp_path / "none.yaml", CATALOG, MOSCOW)
