"""The picture's size, bytes and edge cases. How it looks is judged by eye."""

from __future__ import annotations

import struct
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appanalytics.locales import ENGLISH, LOCALES, Locale
from appanalytics.reports.figures import Value
from appanalytics.reports.picture import Panel, Picture

WEEKS: tuple[Value, ...] = tuple(range(1000, 15000, 1000))
SHARES: tuple[Value, ...] = tuple(0.2 + place / 1000 for place in range(14))


def size(data: bytes) -> tuple[int, int]:
    assert data.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def picture(*panels: Panel, locale: Locale = ENGLISH, warning: str = "") -> Picture:
    return Picture("Report", date(2026, 11, 22), panels, locale, warning)


@pytest.mark.parametrize("locale", LOCALES.values(), ids=LOCALES)
def test_size_and_equal_bytes(locale: Locale) -> None:
    panels = [Panel("Просмотры", "events", "up", WEEKS), Panel("CTR", "share", "up", SHARES)] * 2
    first = picture(*panels, locale=locale).png()
    assert size(first) == (1200, 1000)
    assert len(first) < 300_000
    assert picture(*panels, locale=locale).png() == first


@pytest.mark.parametrize("count", range(5))
def test_any_number_of_panels(count: int) -> None:
    assert size(picture(*[Panel("Views", "", "up", WEEKS)] * count).png()) == (1200, 1000)


@pytest.mark.parametrize(
    "values",
    [
        (None,) * 14,
        (0,) * 14,
        (None,) * 13 + (5,),
        (5,) * 13 + (None,),
        (None, 5) * 7,
        (10**12,) * 14,
        (-3.5,) * 14,
        (1e-9,) * 14,
    ],
)
@pytest.mark.parametrize("unit", ["share", "events"])
def test_gaps_zeros_and_extremes(values: tuple[Value, ...], unit: str) -> None:
    assert size(picture(Panel("Views", unit, "down", values), warning="Not complete").png()) == (1200, 1000)


def test_labels_with_emoji_dollars_and_letters_no_font_has() -> None:
    assert picture(Panel("🎯 $x^2$ 中文 <b>", "", "none", WEEKS)).png()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    values=st.lists(st.none() | st.integers(0, 10**10) | st.floats(0, 1e9), min_size=14, max_size=14), title=st.text()
)
def test_whatever_comes_is_drawn(values: list[Value], title: str) -> None:
    assert size(picture(Panel(title, "", "up", tuple(values))).png()) == (1200, 1000)
