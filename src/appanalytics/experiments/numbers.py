"""How the numbers of an experiment are written: values and effects in a metric's unit, intervals, relative."""

from __future__ import annotations

import math
from dataclasses import dataclass

from appanalytics.experiments.metrics import UserMetric
from appanalytics.experiments.words import Words, words_of
from appanalytics.locales import NOTHING, Locale
from appanalytics.stats import Comparison


@dataclass(frozen=True, slots=True)
class Writer:
    """Numbers and words of one language."""

    locale: Locale

    @property
    def words(self) -> Words:
        """The language's sentences."""
        return words_of(self.locale)

    def value(self, metric: UserMetric, value: float | None) -> str:
        """An arm's value: shares in per cent with two decimals, others with four significant digits."""
        if value is None:
            return NOTHING
        if metric.unit == "share":
            return self.locale.decimal(value * 100, 2) + self.locale.percent
        return self.locale.decimal(value, digits(value, 4))

    def effect(self, metric: UserMetric, effect: float | None) -> str:
        """A difference in the metric's unit: shares in percentage points."""
        if effect is None:
            return NOTHING
        if metric.unit == "share":
            scaled = effect * 100
            return self.locale.decimal(scaled, max(2, digits(scaled, 2)), sign=True) + self.locale.percentage_points
        return self.locale.decimal(effect, digits(effect, 3), sign=True)

    def interval(self, metric: UserMetric, found: Comparison) -> str:
        """Effect with its interval."""
        if found.low is None or found.high is None:
            return self.effect(metric, found.effect)
        ends = f"{self.effect(metric, found.low)} … {self.effect(metric, found.high)}"
        return f"{self.effect(metric, found.effect)} [{ends}]"

    def of_method(self, metric: UserMetric, method: str, found: Comparison) -> str:
        """Effect with interval in the unit of the method: likes of linearised likes, shares of ranks."""
        if method.endswith("_relative"):
            return self.relative_interval(found)
        if method in ("linearised", "kolmogorov_smirnov", "mann_whitney", "buckets_mann_whitney"):
            shown = [NOTHING if each is None else self.plain(each) for each in (found.effect, found.low, found.high)]
            return shown[0] if found.low is None else f"{shown[0]} [{shown[1]} … {shown[2]}]"
        return self.interval(metric, found)

    def relative(self, found: Comparison) -> str:
        """A relative difference."""
        return self.percent(found.effect)

    def relative_interval(self, found: Comparison) -> str:
        """A relative difference with its interval."""
        if found.low is None:
            return self.percent(found.effect)
        return f"{self.percent(found.effect)} [{self.percent(found.low)} … {self.percent(found.high)}]"

    def percent(self, share: float | None) -> str:
        """A signed fraction in per cent."""
        if share is None:
            return NOTHING
        return self.locale.decimal(share * 100, max(1, digits(share * 100, 2)), sign=True) + self.locale.percent

    def share(self, share: float | None) -> str:
        """A fraction in per cent."""
        return NOTHING if share is None else self.locale.share(share)

    def plain(self, value: float | None, places: int = 3) -> str:
        """A signed number without a unit."""
        return NOTHING if value is None else self.locale.decimal(value, digits(value, places), sign=True)

    def p(self, text: str) -> str:
        """A p-value's text with the language's decimal point."""
        return text.replace(".", self.locale.point)

    def method(self, metric: UserMetric, method: str) -> str:
        """A method's name for people."""
        key = "welch_of_ratios" if method == "welch" and metric.is_ratio else method
        code = self.locale.code
        return self.words(key, metric=metric.label(code), above=metric.above_label(code).lower())


def digits(value: float, significant: int) -> int:
    """Decimals that show so many significant digits, at most 8."""
    if not value or not math.isfinite(value):
        return 0
    return min(8, max(0, significant - 1 - math.floor(math.log10(abs(value)))))
