"""Messages: signs of good and bad news, escaping, Telegram's limits, columns."""

from __future__ import annotations

from datetime import date
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from appanalytics.locales import ENGLISH, RUSSIAN
from appanalytics.markup import CAPTION_LIMIT, MESSAGE_LIMIT, units
from appanalytics.reports.figures import Reading, Verdict, change, verdict
from appanalytics.reports.message import Block, Line, Message

DAY = date(2026, 11, 22)


def message(*lines: Line, notes: tuple[str, ...] = (), heading: str = "Feed") -> Message:
    return Message("📊 Report", DAY, (Block(heading, lines),), notes, ENGLISH)


def line(
    label: str = "Views", good: str = "up", values: tuple[float | None, ...] = (110, 100, 125), unit: str = ""
) -> Line:
    return Line("👀", label, Reading("views", unit, good, *values))


class Tags(HTMLParser):
    """Reads HTML as Telegram does: only its tags, all of them closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert tag in {"b", "i"}
        assert not attrs
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_line_of_each_kind() -> None:
    assert "👀 Views: <b>110</b>  🟢 +10.0% / 🔴 −12.0%" in message(line()).as_html()
    assert "🔴 +10.0% / 🟢 −12.0%" in message(line(good="down")).as_html()
    assert "⚪ +10.0% / ⚪ −12.0%" in message(line(good="none")).as_html()
    assert "<b>20.5%</b>  🟢 +0.50\u00a0pp / –" in message(line(values=(0.205, 0.2, None), unit="share")).as_html()
    assert "<b>–</b>  – / –" in message(line(values=(None, 0.2, 0.3), unit="share")).as_html()
    assert "<b>5</b>  – / –" in message(line(values=(5, 0, 0))).as_html()


def test_what_rounds_to_zero_is_neither_good_nor_bad() -> None:
    assert "⚪ 0.0% / ⚪ 0.0%" in message(line(values=(100_001, 100_000, 100_002))).as_html()


@pytest.mark.parametrize("heading", ["Feed", ""])
def test_columns_of_the_table_line_up(heading: str) -> None:
    text = message(line(), line("Likes & <hearts>", values=(1_234_567, None, 1_000_000)), heading=heading).as_text()
    rows = [row for row in text.splitlines() if row.startswith("👀")]
    assert len({cell_len(row) for row in rows}) == 1
    assert "Likes & <hearts>" in text
    assert "Sun 22 Nov  vs Sat 21 Nov  vs Sun 15 Nov" in text


def test_names_are_escaped() -> None:
    shown = message(line("<b>Views</b> & </i>"), notes=("a < b",), heading="<script>").as_html()
    assert "&lt;b&gt;Views&lt;/b&gt; &amp; &lt;/i&gt;: " in shown
    assert "&lt;script&gt;" in shown
    assert "a < b" in Tags(shown).text


def test_a_long_name_is_cut() -> None:
    assert "x" * 59 + "…" in message(line("x" * 5000)).as_text()


@settings(deadline=None)
@given(
    labels=st.lists(st.text("aя<>&\"'😀 ", max_size=80), max_size=60),
    limit=st.sampled_from([MESSAGE_LIMIT, CAPTION_LIMIT, 120]),
)
def test_limits_hold_and_no_tag_is_torn(labels: list[str], limit: int) -> None:
    shown = message(*map(line, labels)).as_html(limit)
    read = Tags(shown).text
    assert units(read) <= limit
    assert read.endswith("…") or read.count("Sun 22 Nov") == 0


def test_shortening_says_so() -> None:
    shown = message(*[line("Likes")] * 3).as_html(150)
    assert shown.endswith("\n…")
    assert shown.count("Likes") == 1
    assert "<b>Feed</b>" not in shown  # headings go before numbers do


def test_russian_never_breaks_inside_of_a_number() -> None:
    shown = Message("Отчёт", DAY, (Block("Лента", (line(values=(1_234_567, 1_000_000, 2_000_000)),)),), (), RUSSIAN)
    assert "<b>1\u202f234\u202f567</b>  🟢 +23,5\u00a0% / 🔴 −38,3\u00a0%" in shown.as_html()
    assert "<i>Изменения к сб 21.11 / вс 15.11</i>" in shown.as_html()


def test_changes() -> None:
    assert change(3, 2, "users") == 0.5
    assert change(0.25, 0.2, "share") == pytest.approx(0.05)
    assert change(0.25, 0.0, "share") == 0.25
    assert change(None, 2, "") is change(2, None, "") is change(2, 0, "") is None
    assert [verdict(moved, "down") for moved in (0.1, -0.1, 0.0, None)] == [
        Verdict.BAD, Verdict.GOOD, Verdict.NONE, Verdict.NONE,
    ]  # fmt: skip
