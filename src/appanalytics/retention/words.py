"""The sentences about retention, in English and Russian. ``{…}`` are filled with formatted text."""

from __future__ import annotations

from collections.abc import Callable

from appanalytics.locales import Locale

Words = Callable[..., str]

_ENGLISH = {
    "title": "Retention by {dimension}: {treatment} against {control}",
    "title_plain": "Retention",
    "title_by": "Retention by {dimension}",
    "higher": "**{treatment} newcomers come back more often than {control} ones**: by {effect} of the cohort on an "
    "average {step} ({level} interval {low} … {high}, p {p}), {treatment_share} against {control_share}.",
    "lower": "**{treatment} newcomers come back less often than {control} ones**: by {effect} of the cohort on an "
    "average {step} ({level} interval {low} … {high}, p {p}), {treatment_share} against {control_share}.",
    "no_difference": "**No difference in return between {treatment} and {control} newcomers was found**: {effect} on "
    "an average {step} ({level} interval {low} … {high}, p {p}), {treatment_share} against {control_share}.",
    "nothing_to_compare": "**Nothing can be compared**: no cohort with both {control} and {treatment} newcomers is "
    "old enough.",
    "without": "That is without {count} that the difference would otherwise lean on; with all cohorts it is {effect} "
    "({low} … {high}).",
    "driver": "{cohort}: {users} {group} newcomers, of whom {share} ({low} … {high}) came back on the next {step}; "
    "of other {group} cohorts {usual}.{events}",
    "events": " Known of that time: {names}.",
    "no_drivers": "No single cohort drives it.",
    "by_step": "The difference is {first} at step 1 and {last} at step {last_step}.",
    "one_cohort": "one cohort", "some_cohorts": "{n} cohorts",
    "method": "Groups are compared within the same cohorts and steps (Mantel–Haenszel weights); the interval of "
    "the mean counts each user once, by the spread between users. {cohorts} cohorts, {control} {control_users} and "
    "{treatment} {treatment_users} newcomers.",
    "drivers": "Cohorts that drive the difference", "differences": "Difference at each step", "heatmap": "Cohorts",
    "curve": "Curve", "step": "step", "cohorts": "cohorts", "difference": "difference", "interval": "interval",
    "cohort": "cohort", "users": "users", "all": "all", "without_them": "without them",
    "incomplete": "* not over for the whole cohort; no part of the last row.",
    "day": "day", "week": "week", "month": "month", "mean_day": "day", "mean_week": "week", "mean_month": "month",
    "next_day": "day", "next_week": "week", "next_month": "month",
    "axis_day": "days since the first day", "axis_week": "weeks since the first week",
    "axis_month": "months since the first month", "unknown": "unknown",
    "curve_alt": "Share that came back by step, all complete cohorts together, with 95% intervals",
    "difference_alt": "Difference of the shares at each step, with intervals, without driving cohorts",
    "heatmap_alt": "Share of each cohort that came back: {name}", "everyone": "all users",
}  # fmt: skip
_RUSSIAN = {
    "title": "Удержание, {dimension}: {treatment} против {control}",
    "title_plain": "Удержание",
    "title_by": "Удержание: {dimension}",
    "higher": "**Новички {treatment} возвращаются чаще, чем {control}**: в среднем за {step} на {effect} когорты "
    "(интервал {level}: {low} … {high}, p {p}), {treatment_share} против {control_share}.",
    "lower": "**Новички {treatment} возвращаются реже, чем {control}**: в среднем за {step} на {effect} когорты "
    "(интервал {level}: {low} … {high}, p {p}), {treatment_share} против {control_share}.",
    "no_difference": "**Разницы в возвращении новичков {treatment} и {control} не найдено**: в среднем за {step} "
    "{effect} (интервал {level}: {low} … {high}, p {p}), {treatment_share} против {control_share}.",
    "nothing_to_compare": "**Сравнивать нечего**: нет достаточно старой когорты с новичками {control} и {treatment}.",
    "without": "Это без учёта {count}, на которых иначе держалась бы разница; со всеми когортами она {effect} "
    "({low} … {high}).",
    "driver": "{cohort}: {users} новичков {group}, из них на следующий {step} вернулось {share} ({low} … {high}); "
    "в других когортах {group} — {usual}.{events}",
    "events": " Известно о том времени: {names}.",
    "no_drivers": "Ни одна когорта не определяет её в одиночку.",
    "by_step": "Разница на шаге 1: {first}, на шаге {last_step}: {last}",
    "one_cohort": "одной когорты", "some_cohorts": "когорт: {n}",
    "method": "Группы сравниваются внутри одних и тех же когорт и шагов (веса Мантеля — Хензеля); интервал среднего "
    "считает каждого пользователя один раз, по разбросу между пользователями. Когорт {cohorts}, новичков {control} "
    "{control_users}, {treatment} {treatment_users}.",
    "drivers": "Когорты, которые определяют разницу", "differences": "Разница по шагам", "heatmap": "Когорты",
    "curve": "Кривая", "step": "шаг", "cohorts": "когорты", "difference": "разница", "interval": "интервал",
    "cohort": "когорта", "users": "пользователи", "all": "все",
    "without_them": "без них",
    "incomplete": "* время ещё не вышло для всей когорты; в последнюю строку не входит.",
    "day": "день", "week": "неделю", "month": "месяц", "mean_day": "день", "mean_week": "неделю",
    "mean_month": "месяц", "next_day": "день", "next_week": "шаг (неделю)", "next_month": "месяц",
    "axis_day": "дней с первого дня", "axis_week": "недель с первой недели",
    "axis_month": "месяцев с первого месяца", "unknown": "неизвестно",
    "curve_alt": "Доля вернувшихся по шагам, все полные когорты вместе, с интервалами 95 %",
    "difference_alt": "Разница долей на каждом шаге, с интервалами, без определяющих когорт",
    "heatmap_alt": "Доля вернувшихся в каждой когорте: {name}", "everyone": "все пользователи",
}  # fmt: skip


def words_of(locale: Locale) -> Words:
    """The texts of a language by key, filled."""
    texts = _RUSSIAN if locale.code == "ru" else _ENGLISH
    return lambda key, **values: texts[key].format(**values)
