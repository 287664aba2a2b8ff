"""The daily report on a real engine: golden texts, every number asked again from events, days that lack data."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from appanalytics.catalog import load_catalog
from appanalytics.engine import Engine, WarehouseUrl, connect
from appanalytics.errors import AppAnalyticsError, FileError, SettingsError
from appanalytics.markup import length
from appanalytics.query import Question, ask
from appanalytics.reports import DailyReport, daily_report, load_contents
from appanalytics.warehouse.migrate import migrate
from appanalytics.warehouse.rollup import Layout, rollup
from appanalytics.window import Window

MOSCOW = ZoneInfo("Europe/Moscow")
FIRST, DAYS = date(2026, 11, 2), 21
DAY = FIRST + timedelta(days=19)
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)  # 11:00 in Moscow, the day after the newest
GOLDEN = Path(__file__).parent / "golden"

FEED = """
INSERT INTO feed_actions (time, user_id, post_id, action, source)
SELECT {start:DateTime64(3, 'UTC')} + toIntervalSecond(day * 86400 + (user * 997 + step * 3571 + day * 131) % 86400),
       user + 1, 1 + (step * 7 + day) % 40,
       if((user + step * 3 + day) % 5 = 0, 'like', 'view'), if(user % 2, 'ads', 'organic')
FROM (SELECT intDiv(number, 2400) AS day, intDiv(number, 40) % 60 AS user, number % 40 AS step
      FROM numbers({days:UInt64} * 2400))
WHERE user < 25 + day AND step < 6 + (user * 7 + day * 3) % 31
"""
MESSAGES = """
INSERT INTO message_actions (time, user_id, receiver_id, source)
SELECT {start:DateTime64(3, 'UTC')} + toIntervalSecond(day * 86400 + (user * 1327 + step * 7919 + day * 89) % 86400),
       user + 1, 1 + (user + step) % 60, 'organic'
FROM (SELECT intDiv(number, 1200) AS day, intDiv(number, 20) % 60 + 15 AS user, number % 20 AS step
      FROM numbers({days:UInt64} * 1200))
WHERE user < 30 + day AND step < (user + day) % 13
"""


def fill(engine: Engine, *, feed: int = DAYS, messages: int = DAYS) -> Layout:
    """Write days of both services from `FIRST` on, and roll them up."""
    start = datetime(2026, 11, 1, 21, tzinfo=UTC)
    engine.execute(FEED, {"start": start, "days": feed})
    engine.execute(MESSAGES, {"start": start, "days": messages})
    return rolled(engine)


@pytest.fixture(scope="module")
def filled(engine_folder: Path) -> Iterator[tuple[Engine, Layout]]:
    """One warehouse for the tests that only read."""
    engine = connect(WarehouseUrl.parse(f"chdb://{engine_folder}?database=daily_report"), create=True)
    migrate(engine)
    yield engine, fill(engine)
    engine.execute("DROP DATABASE daily_report SYNC")
    engine.close()


def rolled(engine: Engine) -> Layout:
    catalog = load_catalog()
    rollup(engine, catalog, MOSCOW)
    return Layout.read(engine, catalog, MOSCOW)


def returned(engine: Engine, day: date) -> float | None:
    """Of the users first seen the day before, by either service, the share seen on the day; from the events."""
    events = engine.rows(
        "SELECT user_id, groupUniqArray(toDate(time, 'Europe/Moscow')) AS days FROM"
        " (SELECT user_id, time FROM feed_actions UNION ALL SELECT user_id, time FROM message_actions)"
        " GROUP BY user_id"
    )
    born = [set(each["days"]) for each in events if min(each["days"]) == day - timedelta(days=1)]
    return sum(day in days for days in born) / len(born) if born else None


def figure(report: DailyReport, metric: str) -> dict[str, object]:
    return next(each for each in report.figures if each["metric"] == metric)


@pytest.mark.parametrize("locale", ["en", "ru"])
def test_the_golden_report(filled: tuple[Engine, Layout], locale: str) -> None:
    """Texts that were read by a person. WRITE_GOLDEN=1 writes them anew; read the difference."""
    report = daily_report(*filled, DAY, locale=locale, as_of=NOW)
    for kind, text in (("txt", report.text), ("html", report.html)):
        path = GOLDEN / f"daily_report.{locale}.{kind}"
        if os.environ.get("WRITE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")
    assert report.complete
    assert report.caption == report.html


def test_every_number_is_the_one_that_a_query_gives(filled: tuple[Engine, Layout]) -> None:
    engine, layout = filled
    report = daily_report(*filled, DAY, as_of=NOW)
    assert [each["metric"] for each in report.figures] == [item.metric for item in load_contents().items()]
    for each in report.figures:
        for key, back in (("value", 0), ("day_before", 1), ("week_before", 7)):
            day = DAY - timedelta(days=back)
            if each["metric"] == "retention_day_1":
                expected: object = returned(engine, day)
            else:
                question = Question.of(layout.catalog, each["metric"], Window.of_day(day, MOSCOW))
                expected = ask(engine, layout, question, prefer="events").value()
            assert each[key] == expected, (each["metric"], key)
        for key in ("day", "week"):
            now, then = each["value"], each[f"{key}_before"]
            is_known = now is not None and then is not None
            expected = (
                None if not is_known else now - then if each["unit"] == "share" else now / then - 1 if then else None
            )
            assert each[f"{key}_change"] == (expected if expected is None else pytest.approx(expected))
    first = daily_report(*filled, FIRST, as_of=NOW)
    assert figure(first, "new_users")["value"] == figure(first, "dau")["value"]


def test_picture_and_files(filled: tuple[Engine, Layout], tmp_path: Path) -> None:
    report = daily_report(*filled, DAY, as_of=NOW)
    again = daily_report(*filled, DAY, as_of=NOW)
    files = report.save(tmp_path / "made" / "on the way")
    assert [each.name for each in files] == ["report-2026-11-21.txt", "report-2026-11-21.png"]
    assert files[0].read_text(encoding="utf-8") == report.text == str(report)
    assert files[1].read_bytes() == again.picture()
    assert len(again.picture()) < 300_000
    assert report == again
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.text = ""  # type: ignore[misc]
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot write the report"):
        report.save(tmp_path / "file")


def test_the_first_day_of_history_has_nothing_to_compare_with(filled: tuple[Engine, Layout]) -> None:
    report = daily_report(*filled, FIRST, as_of=NOW)
    assert report.complete
    assert all(each["day_change"] is each["week_change"] is None for each in report.figures)
    assert "DAU: <b>" in report.html
    assert "– / –" in report.html
    assert report.picture()


def test_metrics_that_look_back_are_not_known_in_a_young_history(
    filled: tuple[Engine, Layout], tmp_path: Path
) -> None:
    engine, layout = filled
    own = tmp_path / "own.yaml"
    own.write_text(
        "title: {en: Long}\nsections: [{metrics: [dau, wau, mau, stickiness, wau_calendar]}]\npicture: [mau]"
    )
    report = daily_report(*filled, DAY, contents=own, as_of=NOW)
    known = {each["metric"]: each["value"] is not None for each in report.figures}
    assert known == {"dau": True, "wau": True, "mau": False, "stickiness": False, "wau_calendar": True}
    week = Window.of_day(DAY, MOSCOW)
    assert figure(report, "wau")["value"] == ask(engine, layout, Question.of(layout.catalog, "wau", week)).value()
    assert report.picture()


def test_a_day_that_is_not_over_shows_no_numbers(filled: tuple[Engine, Layout]) -> None:
    last = FIRST + timedelta(days=DAYS - 1)
    for as_of, day in ((NOW, date(2026, 11, 23)), (None, last), (datetime(2026, 11, 22, 20, 59, tzinfo=UTC), last)):
        report = daily_report(*filled, day, as_of=as_of, locale="ru")
        assert not report.complete
        assert report.figures == ()
        assert "неполные" in report.text
        assert "DAU" not in report.text + report.html
        assert report.picture()
    assert daily_report(*filled, last, as_of=NOW).complete


@pytest.mark.parametrize("day", [date(2026, 10, 1), FIRST - timedelta(days=1), date(2027, 3, 1)])
def test_a_day_without_events(filled: tuple[Engine, Layout], day: date) -> None:
    report = daily_report(*filled, day, as_of=datetime(2027, 6, 1, tzinfo=UTC))
    assert "There are no events of this day." in report.text
    assert report.figures == ()


def test_an_empty_warehouse(engine: Engine) -> None:
    report = daily_report(engine, rolled(engine), DAY, as_of=NOW)
    assert not report.complete
    assert "There are no events of this day." in report.html
    assert report.picture()


def test_a_service_whose_events_did_not_arrive(engine: Engine) -> None:
    report = daily_report(engine, fill(engine, messages=20), DAY + timedelta(days=1), as_of=NOW)
    assert "Messenger: no events of this day; the newest is of Sat 21 Nov" in report.text
    assert report.figures == ()


def test_a_service_whose_events_stop_early(engine: Engine) -> None:
    fill(engine)
    engine.execute("ALTER TABLE feed_actions DELETE WHERE time >= '2026-11-22 15:00:00' SETTINGS mutations_sync = 1")
    report = daily_report(engine, rolled(engine), date(2026, 11, 22), as_of=NOW)
    assert "News feed: the events stop at Sun 22 Nov, 17:5" in report.text


def test_a_service_that_was_silent_for_a_day_is_news(engine: Engine) -> None:
    fill(engine)
    engine.execute(
        "ALTER TABLE message_actions DELETE WHERE toDate(time, 'Europe/Moscow') = '2026-11-21'"
        " SETTINGS mutations_sync = 1"
    )
    report = daily_report(engine, rolled(engine), DAY, as_of=NOW, locale="ru")
    assert report.complete
    assert "⚠️ Мессенджер: за весь день ни одного события." in report.text
    assert figure(report, "messages")["value"] == 0
    assert figure(report, "messages")["day_change"] == -1
    after = daily_report(engine, rolled(engine), DAY + timedelta(days=1), as_of=NOW)
    assert figure(after, "messages")["day_change"] is None


def test_what_is_unusual_is_marked_and_told_first(engine: Engine) -> None:
    """Six weeks alike, then a day with a third of the views: only what depends on views is outside."""
    fill(engine, feed=45, messages=45)
    day = FIRST + timedelta(days=43)
    late = datetime(2026, 12, 20, tzinfo=UTC)
    calm = daily_report(engine, rolled(engine), day, as_of=late)
    assert "Worth knowing" not in calm.text
    assert calm.caption.count("❗") == 0
    assert all(each["low"] <= each["value"] <= each["high"] for each in calm.figures if each["low"] is not None)
    assert figure(calm, "views")["low"] is not None
    engine.execute(
        "ALTER TABLE feed_actions DELETE WHERE action = 'view' AND post_id % 3 > 0 AND"
        f" toDate(time, 'Europe/Moscow') = '{day}' SETTINGS mutations_sync = 1"
    )
    report = daily_report(engine, rolled(engine), day, as_of=late, locale="ru")
    outside = {
        each["metric"] for each in report.figures if each["low"] and not each["low"] <= each["value"] <= each["high"]
    }
    assert {"views", "ctr"} <= outside <= {"views", "ctr", "likes_per_post"}
    assert report.caption.count("❗") == 2 + len(outside)
    first, second = report.text.split("Важно знать\n")[1].split("\n\n")[0].splitlines()
    assert first.startswith("❗ CTR: 72,7\u00a0%, выше обычных 2")
    assert second == "❗ Тоже выше: Лайков на пост. Тоже ниже: Просмотры."
    assert figure(report, "views")["expected"] == figure(calm, "views")["expected"]


def test_likes_without_a_view_have_no_ctr(engine: Engine) -> None:
    fill(engine)
    engine.execute(
        "ALTER TABLE feed_actions DELETE WHERE action = 'view' AND toDate(time, 'Europe/Moscow') = '2026-11-21'"
        " SETTINGS mutations_sync = 1"
    )
    report = daily_report(engine, rolled(engine), DAY, as_of=NOW)
    ctr = figure(report, "ctr")
    assert (ctr["unit"], ctr["value"], ctr["day_change"], ctr["week_change"]) == ("share", None, None, None)
    assert ctr["day_before"] == pytest.approx(0.25, abs=0.02)
    assert ctr["low"] < ctr["expected"] < ctr["high"]
    assert "CTR: <b>–</b>  – / –" in report.html
    assert report.picture()


def test_own_contents_and_names_that_look_like_html(filled: tuple[Engine, Layout], tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("title: {en: <Ours> & theirs}\nsections: [{metrics: [{metric: views, labels: {en: <b>V</b>}}]}]")
    report = daily_report(*filled, DAY, contents=own, as_of=NOW)
    assert report.html.startswith("<b>&lt;Ours&gt; &amp; theirs · Saturday, 21 November 2026</b>")
    assert "&lt;b&gt;V&lt;/b&gt;: <b>" in report.html
    assert "<b>V</b> " in report.text
    assert report.picture()


def test_a_caption_is_cut_where_it_does_not_fit(filled: tuple[Engine, Layout]) -> None:
    section = load_contents().sections[1]
    long = load_contents().model_copy(update={"sections": [section] * 12})
    report = daily_report(*filled, DAY, contents=long, as_of=NOW)
    assert length(report.caption) <= 1024 < length(report.html) <= 4096
    assert report.caption.endswith("\n…")
    assert len(report.figures) == 6


def test_mistakes_are_said_before_anything_is_asked(engine: Engine, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("sections: [{metrics: [wiews]}]")
    layout = fill(engine, feed=1, messages=1)
    with pytest.raises(SettingsError, match=r"own\.yaml: sections\.0\.metrics\.0: unknown metric 'wiews'"):
        daily_report(engine, layout, DAY, contents=own)
    with pytest.raises(SettingsError, match="unknown locale"):
        daily_report(engine, layout, DAY, locale="fr")
    with pytest.raises(AppAnalyticsError, match="is outside of"):
        daily_report(engine, layout, date(1970, 1, 5))
