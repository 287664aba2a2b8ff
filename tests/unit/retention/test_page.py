"""The page of a cohort triangle from cells that are given: slices, what is not over, notes beside cohorts."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from appanalytics.catalog import load_catalog
from appanalytics.known_events import parse_known_events
from appanalytics.retention import RetentionQuestion, Triangle
from appanalytics.retention.page import event_notes
from appanalytics.retention.triangle import Cell
from appanalytics.window import Window

CATALOG, ZONE = load_catalog(), ZoneInfo("UTC")
WINDOW = Window.of("2026-03-02", "2026-03-05", ZONE)
DAYS = [date(2026, 3, day) for day in (2, 3, 4)]


def made(by: str = "", *, complete: bool = False, **how: object) -> Triangle:
    question = RetentionQuestion.of(CATALOG, WINDOW, by=by, **how)  # type: ignore[arg-type]
    values = (("Russia",), ("Belarus",)) if by else ((),)
    cells = [
        Cell(day, value, place, 100, 100 if not place else 40, complete or place < 2)
        for value in values
        for day in DAYS
        for place in range(3)
    ]
    return Triangle(question, tuple(cells))


def test_one_picture_of_the_curve_and_one_of_each_slice() -> None:
    page = made("country").page()
    assert [each.name for each in page.pictures] == ["curve", "cohorts-1", "cohorts-2"]
    assert page.markdown().count("## ") == 2
    assert "2026-03-02 | 100 | 100" in page.markdown().replace("| 2026", "2026")
    assert made().page(pictures=False).pictures == ()


def test_what_is_not_over_is_told_and_not_in_the_curve() -> None:
    partly, whole = made(), made(complete=True)
    assert [point.place for point in partly.curve()] == [0, 1]
    assert [point.place for point in whole.curve()] == [0, 1, 2]
    texts = [each.page(pictures=False).markdown() for each in (partly, whole)]
    assert "*" in texts[0].split("\n", 1)[1]
    assert len(texts[0].splitlines()) == len(texts[1].splitlines()) + 2  # the paragraph that says so


def test_nothing_at_all_has_no_curve() -> None:
    empty = Triangle(made().question, ())
    assert empty.page().pictures == ()
    assert repr(empty) == ""
    assert empty._repr_html_() == ""


def test_a_terminal_and_a_notebook_show_every_slice() -> None:
    found = made("country")
    assert repr(found).count("cohort") == 2
    assert "40.00%" in repr(found)
    assert found._repr_html_().count("<table>") == 2
    assert "Belarus" in found._repr_html_()


def test_brackets_have_a_first_and_a_last_step() -> None:
    found = made(kind="bracket", brackets=[(0, 0), (1, 1), (2, 7)])
    assert [(row["offset"], row["last"]) for row in found.records[:3]] == [(0, 0), (1, 1), (2, 7)]
    assert "2-7" in repr(found)


def test_known_events_stand_beside_the_cohort_in_which_they_began() -> None:
    text = """events:
    - {name: Fair, kind: holiday, start: 2026-03-03}
    - {name: Ads, kind: campaign, start: 2026-02-01, end: 2026-03-09}
    """
    notes = event_notes(made(), parse_known_events(text, CATALOG, ZONE))
    assert notes == {date(2026, 3, 2): "Ads", date(2026, 3, 3): "Fair"}
