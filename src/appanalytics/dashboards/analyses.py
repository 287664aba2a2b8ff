"""Metrics of the analyses that have a shape of their own: retention, audience, a fall."""

from __future__ import annotations

from appanalytics.dashboards.dataset import SavedMetric

_Z = 1.959963984540054


def retention_metrics(locale: str) -> dict[str, SavedMetric]:
    """Users of cohorts, and their share with Wilson's 95 % interval (Wilson 1927, JASA 22, 209-212)."""
    n, x = "toFloat64(sum(n_size))", "toFloat64(sum(n_users))"
    centre, wide = f"({x} + {_Z**2 / 2})", f"{_Z} * sqrt({x} * ({n} - {x}) / nullIf({n}, 0) + {_Z**2 / 4})"
    below = f"nullIf({n}, 0) + {_Z**2}"
    ru = locale == "ru"
    return {
        each.name: each
        for each in (
            SavedMetric("users", "sum(n_users)", "Пользователи" if ru else "Users"),
            SavedMetric("size", "sum(n_size)", "Размер когорты" if ru else "Cohort size"),
            SavedMetric("share", "sum(n_users) / nullIf(sum(n_size), 0)", "Удержание" if ru else "Retention", ".1%"),
            SavedMetric("low", f"({centre} - {wide}) / ({below})", "Нижняя граница" if ru else "Low", ".1%"),
            SavedMetric("high", f"({centre} + {wide}) / ({below})", "Верхняя граница" if ru else "High", ".1%"),
        )
    }


def audience_metrics(locale: str) -> dict[str, SavedMetric]:
    """Users of a week by where they came from; those gone are counted below zero."""
    ru = locale == "ru"
    return {
        each.name: each
        for each in (
            SavedMetric("active", "sum(n_active)", "Активные" if ru else "Active"),
            SavedMetric("new", "sum(n_new)", "Новые" if ru else "New"),
            SavedMetric("retained", "sum(n_retained)", "Оставшиеся" if ru else "Retained"),
            SavedMetric("returning", "sum(n_returning)", "Вернувшиеся" if ru else "Returning"),
            SavedMetric("gone", "-sum(n_gone)", "Ушедшие" if ru else "Gone"),
            SavedMetric(
                "quick_ratio",
                "(sum(n_new) + sum(n_returning)) / nullIf(sum(n_gone), 0)",
                "Quick ratio",
                ",.2f",
            ),
        )
    }


def outage_metrics(locale: str) -> dict[str, SavedMetric]:
    """Users of the day of a fall against the day before it."""
    ru = locale == "ru"
    before, after = "sum(n_before)", "sum(n_that_day)"
    lost = f"toInt64({before}) - toInt64({after})"
    return {
        each.name: each
        for each in (
            SavedMetric("users_before", before, "Накануне" if ru else "The day before"),
            SavedMetric("users_that_day", after, "В этот день" if ru else "That day"),
            SavedMetric("lost", lost, "Потеряно" if ru else "Lost"),
            SavedMetric("change", f"-({lost}) / nullIf({before}, 0)", "Изменение" if ru else "Change", "+.1%"),
        )
    }
