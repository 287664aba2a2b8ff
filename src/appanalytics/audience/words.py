"""The sentences about the audience, in English and Russian. ``{…}`` are filled with formatted text."""

from __future__ import annotations

from collections.abc import Callable

from appanalytics.locales import Locale

Words = Callable[..., str]

_ENGLISH = {
    "title": "Audience by {grain}", "title_by": "Audience by {grain} and {dimension}", "new": "new",
    "retained": "retained", "returning": "returning", "gone": "gone", "active": "active",
    "quick_ratio": "quick ratio",
    "time": "period", "day": "day", "week": "week", "month": "month", "everyone": "all users", "unknown": "unknown",
    "last": "**{time}: {active} users** ({change} against the period before): {new} new, {returning} came back after "
    "a whole {grain} or more away, {retained} stayed; {gone} of the period before are gone. For each user lost "
    "{quick_ratio} came.",
    "incomplete": "* not over, or the data do not hold the whole period before.",
    "bars_alt": "Users of each period: new, returning and retained; below zero those who are gone",
    "histogram": "One user's day: {label}", "histogram_alt": "{label} of one user's day",
    "histogram_below": "mean {mean}, most frequent {mode}, half of the days up to {half}, 99% up to {most}",
    "days": "Days active", "overlap_alt": "Users of each period by the services they used",
    "overlap": "Services used in a {grain}",
}  # fmt: skip
_RUSSIAN = {
    "title": "Аудитория: {grain}", "title_by": "Аудитория: {grain}, {dimension}", "new": "новые",
    "retained": "удержанные", "returning": "вернувшиеся", "gone": "ушедшие", "active": "активные",
    "quick_ratio": "отношение прихода к уходу", "time": "период", "day": "день", "week": "неделя", "month": "месяц",
    "everyone": "все пользователи", "unknown": "неизвестно",
    "last": "**{time}: пользователей {active}** ({change} к прошлому периоду): новых {new}, вернулось после целого "
    "периода отсутствия или дольше {returning}, осталось {retained}; из прошлого периода ушло {gone}. "
    "На каждого ушедшего пришло {quick_ratio}.",
    "incomplete": "* период не закончился, или прошлый период не целиком в данных.",
    "bars_alt": "Пользователи по периодам: новые, вернувшиеся и удержанные; ниже нуля ушедшие",
    "histogram": "День одного пользователя: {label}", "histogram_alt": "{label} за день одного пользователя",
    "histogram_below": "среднее {mean}, чаще всего {mode}, половина дней до {half}, 99 % до {most}",
    "days": "Дни активности", "overlap_alt": "Пользователи по периодам и сервисам",
    "overlap": "Сервисы за период: {grain}",
}  # fmt: skip


def words_of(locale: Locale) -> Words:
    """The texts of a language by key, filled."""
    texts = _RUSSIAN if locale.code == "ru" else _ENGLISH
    return lambda key, **values: texts[key].format(**values)
