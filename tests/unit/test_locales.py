"""Numbers and days in both languages: what is written can be read back, and looks as the language wants it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appanalytics.errors import SettingsError
from appanalytics.locales import ENGLISH, LOCALES, NOTHING, RUSSIAN, Locale, locale_of

NARROW, WIDE = "\u202f", "\u00a0"
both = pytest.mark.parametrize("locale", LOCALES.values(), ids=LOCALES)
finite = st.floats(-1e12, 1e12, allow_nan=False)


def read(locale: Locale, text: str) -> float:
    for written, plain in ((locale.group, ""), (locale.point, "."), ("−", "-"), ("+", "")):
        text = text.replace(written, plain)
    for suffix in (locale.percent, locale.percentage_points):
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) / 100
    return float(text)


@both
@settings(deadline=None)
@given(value=finite, digits=st.integers(0, 4))
def test_decimals_read_back_within_half_a_unit(locale: Locale, value: float, digits: int) -> None:
    assert read(locale, locale.decimal(value, digits)) == pytest.approx(value, abs=0.5001 * 10**-digits, rel=1e-12)


@both
@settings(deadline=None)
@given(value=st.integers(-(10**15), 10**15))
def test_whole_numbers_read_back_exactly(locale: Locale, value: int) -> None:
    assert int(read(locale, locale.number(value))) == value


@both
@settings(deadline=None)
@given(value=st.floats(-20, 20))
def test_shares_and_changes_read_back(locale: Locale, value: float) -> None:
    step = 0.0005 if abs(value) >= 0.0995 else 0.00005
    assert read(locale, locale.share(value)) == pytest.approx(value, abs=step * 1.001)
    moved = locale.relative(value)
    if moved.startswith("×"):
        assert read(locale, moved[1:]) == pytest.approx(value + 1, abs=0.501)
    else:
        assert read(locale, moved) == pytest.approx(value, abs=0.00501 if abs(value) >= 0.9995 else 0.000501)
    assert read(locale, locale.points(value)) == pytest.approx(value, abs=0.000501)


@both
@settings(deadline=None)
@given(value=finite)
def test_short_numbers_keep_three_digits(locale: Locale, value: float) -> None:
    text = locale.short(value)
    power = next((power for power, word in locale.powers if text.endswith(word)), 1)
    number = text
    for _, word in locale.powers:
        number = number.removesuffix(word)
    assert read(locale, number) * power == pytest.approx(value, rel=0.00502, abs=0.00501)
    assert sum(character.isdigit() for character in number) <= 3 or power == 10**9


def test_english() -> None:
    assert ENGLISH.number(1234567) == "1,234,567"
    assert ENGLISH.number(12.345, "likes per user") == "12.35"
    assert ENGLISH.number(0.2134, "share") == "21.3%"
    assert ENGLISH.number(0.0468, "share") == "4.68%"
    assert ENGLISH.number(0.0, "share") == "0%"
    assert ENGLISH.relative(0.0423) == "+4.2%"
    assert ENGLISH.relative(-0.5) == "−50.0%"
    assert ENGLISH.relative(1.804) == "+180%"
    assert ENGLISH.relative(31.2) == "×32"
    assert ENGLISH.points(-0.0056) == f"−0.56{WIDE}pp"
    assert [ENGLISH.short(value) for value in (0, 950, 10_000, 1_250_000, 999_960, 2.5e9)] == [
        "0", "950", "10k", "1.25M", "1M", "2.5bn",
    ]  # fmt: skip


def test_russian() -> None:
    assert RUSSIAN.number(1234567) == f"1{NARROW}234{NARROW}567"
    assert RUSSIAN.number(0.2134, "share") == f"21,3{WIDE}%"
    assert RUSSIAN.points(0.003) == f"+0,30{WIDE}п.{WIDE}п."
    assert RUSSIAN.short(10_000) == f"10{WIDE}тыс."
    assert RUSSIAN.short_share(0.215) == f"21,5{WIDE}%"


@both
def test_nothing_is_an_en_dash_and_a_rounded_zero_has_no_sign(locale: Locale) -> None:
    assert {locale.number(None), locale.relative(None), locale.points(None)} == {NOTHING}
    assert locale.relative(-0.0001) == locale.relative(0.0001) == locale.relative(0)
    assert locale.relative(0)[0] == "0"


def test_days() -> None:
    day = date(2026, 11, 22)
    assert ENGLISH.day(day) == "Sunday, 22 November 2026"
    assert RUSSIAN.day(day) == "22 ноября 2026, воскресенье"
    assert (ENGLISH.short_day(day), RUSSIAN.short_day(day)) == ("Sun 22 Nov", "вс 22.11")
    assert ENGLISH.span(date(2026, 11, 16), day) == "16–22 November 2026"
    assert RUSSIAN.span(date(2026, 10, 28), date(2026, 11, 3)) == "28 октября – 3 ноября 2026"
    assert ENGLISH.span(date(2026, 12, 28), date(2027, 1, 3)) == "28 December 2026 – 3 January 2027"


def test_an_unknown_locale_names_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"unknown locale 'de' \(known: en, ru\)"):
        locale_of("de")
    assert locale_of(RUSSIAN) is locale_of("ru")
