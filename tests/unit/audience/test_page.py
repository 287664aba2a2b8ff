"""The page of an audience from splits that are given: slices, periods that are not over, no picture."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from appanalytics.audience import Audience, AudienceQuestion
from appanalytics.audience.decompose import Split
from appanalytics.audience.page import event_notes
from appanalytics.catalog import load_catalog
from appanalytics.document import Picture
from appanalytics.known_events import parse_known_events
from appanalytics.window import Window

CATALOG, ZONE = load_catalog(), ZoneInfo("UTC")
WINDOW = Window.of("2026-03-02", "2026-03-23", ZONE)
WEEKS = [date(2026, 3, 2), date(2026, 3, 9), date(2026, 3, 16)]


def made(by: str = "", complete: tuple[bool, ...] = (False, True, False)) -> Audience:
    question = AudienceQuestion.of(CATALOG, WINDOW, by=by)
    values = (("Russia",), (None,)) if by else ((),)
    splits = [
        Split(week, value, 10 * (place + 1), 5, 2, 8, done)
        for value in values
        for place, (week, done) in enumerate(zip(WEEKS, complete, strict=True))
    ]
    return Audience(question, tuple(splits), "user_day", "SELECT 1")


def test_the_sentence_is_of_the_last_complete_week_and_the_others_are_marked() -> None:
    page = made().page()
    text = page.markdown()
    assert "27" in text  # 20 new, 5 retained, 2 returning of the second week
    assert [each.name for each in page.pictures] == ["bars-1"]
    partly = len(text.splitlines())
    whole = made(complete=(True, True, True)).page().markdown()
    assert len(whole.splitlines()) < partly


def test_no_complete_period_has_no_sentence() -> None:
    none, some = (made(complete=(False, each, False)).page(pictures=False).markdown() for each in (False, True))
    assert len(none) < len(some)


@pytest.mark.parametrize(("locale", "word"), [("en", "unknown"), ("ru", "Аудитория")])
def test_each_slice_has_a_heading_and_the_title_names_the_dimension(locale: str, word: str) -> None:
    page = made("country").page(locale=locale, pictures=False)
    assert not [each for each in page.blocks if isinstance(each, Picture)]
    assert page.markdown().count("## ") == 2
    assert word in page.markdown()


def test_a_known_event_stands_over_the_week_in_which_it_began() -> None:
    text = """events:
    - {name: Fair, kind: holiday, start: 2026-03-11}
    - {name: Ads, kind: campaign, start: 2026-02-20, end: 2026-03-12, labels: {ru: Реклама}}
    - {name: Sale, kind: campaign, start: 2026-03-12}
    """
    known = parse_known_events(text, CATALOG, ZONE)
    notes = event_notes(made(), known)
    assert notes == {date(2026, 3, 2): "Ads", date(2026, 3, 9): "Fair, Sale"}
    assert event_notes(made(), known, "ru")[date(2026, 3, 2)] == "Реклама"
    plain, noted = (made().page(notes=each).pictures[0].png for each in ({}, notes))
    assert plain != noted


def test_an_audience_without_periods_is_an_empty_page() -> None:
    empty = replace(made(), splits=())
    assert empty.page().pictures == ()
