"""What an incident's message says: what, since when, how much against expected, how sure, which segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from appanalytics.anomalies.incidents import UNWATCHED
from appanalytics.catalog import Catalog, Ratio
from appanalytics.catalog.model import Quantity
from appanalytics.locales import locale_of
from appanalytics.markup import escape

_MARKS = {"critical": "🔴", "warning": "🟠", "info": "🔵"}
_EN = {
    "up": "{what}: {change} above expected", "down": "{what}: {change} below expected",
    "data": "{source}: events stop arriving",
    "over": "{what}: over", "over_data": "{source}: events arrive again",
    "worse": "More severe: {title}",
    "still": "{what}: still going on", "still_data": "{source}: still no events",
    "since": "Since {start}", "last": "Last anomalous: {end}", "from_to": "From {start} to {end}, {length}",
    "numbers": "{value} on average, {expected} expected (bins of {minutes} minutes)",
    "shares": "{value} on average, {expected} expected",
    "daily": "{value} on average, {expected} expected (whole days)",
    "sure": "How sure: {score} times the threshold at most; bins beyond it: {ticks}",
    "alike": "No segment explains it: none differs from the others beyond noise.",
    "with": "Moves with it: {parts}", "more": "and {count} more",
    "known": "Known event: {note}",
    "unwatched": "{what}: not watched any more", "anew": "The configuration of the alerts changed",
    "ack": "{who} is on it", "link": "Dashboard at that time",
    "missing": "Nothing is judged meanwhile; what comes late is judged in order.",
    "days": "d", "hours": "h", "mins": "min",
}  # fmt: skip
_RU = {
    "up": "{what}: на {change} выше ожидаемого", "down": "{what}: на {change} ниже ожидаемого",
    "data": "{source}: события перестали поступать",
    "over": "{what}: закончилось", "over_data": "{source}: события снова поступают",
    "worse": "Усилилось: {title}",
    "still": "{what}: всё ещё продолжается", "still_data": "{source}: событий всё ещё нет",
    "since": "С {start}", "last": "Последнее отклонение: {end}", "from_to": "С {start} до {end}, {length}",
    "numbers": "В среднем {value}, ожидалось {expected} (за {minutes} минут)",
    "shares": "В среднем {value}, ожидалось {expected}",
    "daily": "В среднем {value}, ожидалось {expected} (за целые дни)",
    "sure": "Уверенность: до {score} порогов, интервалов: {ticks}",
    "alike": "Ни один сегмент этого не объясняет: ни один не отличается от других сильнее шума.",
    "with": "Вместе с этим: {parts}", "more": "и ещё {count}",
    "known": "Известное событие: {note}",
    "unwatched": "{what}: больше не наблюдается", "anew": "Настройки алертов изменились",
    "ack": "Занимается: {who}", "link": "Дашборд на это время",
    "missing": "Пока ничего не оценивается; опоздавшее будет оценено по порядку.",
    "days": "д", "hours": "ч", "mins": "мин",
}  # fmt: skip
WORDS = {"en": _EN, "ru": _RU}
#: Bins of this length are days.
DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Speaker:
    """Writes about incidents in one language."""

    catalog: Catalog
    zone: ZoneInfo
    code: str

    def say(self, name: str, **values: object) -> str:
        """A phrase with its values."""
        return WORDS[self.code][name].format(**values)

    def title(self, row: Mapping[str, Any], kind: str) -> str:
        """The headline. ``kind`` is ``open``, ``worse``, ``still`` or ``over``."""
        if kind == "worse":
            return self.say(kind, title=self.title(row, "open"))
        if row["note"] == UNWATCHED:
            return self.say("unwatched", what=self.series(row["metric"], row["slice"]))
        if row["kind"] == "data":
            source = self.catalog.sources[row["metric"]].label(self.code)
            return self.say({"open": "data", "still": "still_data", "over": "over_data"}[kind], source=source)
        what = self.series(row["metric"], row["slice"])
        if kind != "open":
            return self.say(kind, what=what)
        change = row["value"] / row["expected"] - 1 if row["expected"] else 1.0
        shown = locale_of(self.code).relative(abs(change)).lstrip("+")
        return self.say(row["direction"], what=what, change=shown)

    def series(self, metric: str, part: str) -> str:
        """A metric and its slice by their labels."""
        label = self._label(metric)
        if not part:
            return label
        dimension, _, value = part.partition("=")
        return f"{label}, {self._label(dimension)} = {value}"

    def _label(self, name: str) -> str:
        """Its label; the name itself where the catalog does not know it any more."""
        known = (self.catalog.measures, self.catalog.metrics, self.catalog.dimensions, self.catalog.sources)
        found = next((each[name] for each in known if name in each), None)
        return found.label(self.code) if found is not None else name

    def number(self, value: float, metric: str) -> str:
        """A value in the metric's unit."""
        found = self._quantity(metric)
        unit = found.unit if found is not None else ""
        return locale_of(self.code).number(value if self.is_ratio(metric) else round(value), unit)

    def is_ratio(self, metric: str) -> bool:
        """True for shares and means, which do not depend on the length of a bin."""
        return isinstance(self._quantity(metric), Ratio)

    def _quantity(self, metric: str) -> Quantity | None:
        return self.catalog.measures.get(metric) or self.catalog.metrics.get(metric)

    def short(self, value: float, metric: str) -> str:
        """A value at an axis."""
        locale = locale_of(self.code)
        return locale.short_share(value) if self.catalog.quantity(metric).unit == "share" else locale.short(value)

    @property
    def day_format(self) -> str:
        """A day at an axis, as `strftime` takes it; names of months would be those of the machine's language."""
        return "%d.%m" if self.code == "ru" else "%d %b"

    def moment(self, at: datetime) -> str:
        """A local day and time."""
        local = at.astimezone(self.zone)
        return f"{locale_of(self.code).short_day(local.date())}, {local:%H:%M}"

    def length(self, span: timedelta) -> str:
        """``2 d 3 h``, or ``45 min``."""
        minutes = int(span.total_seconds() // 60)
        days, hours = minutes // 1440, minutes % 1440 // 60
        parts = [(days, "days"), (hours, "hours"), (0 if days else minutes % 60, "mins")]
        return " ".join(f"{count} {self.say(name)}" for count, name in parts if count)


def message(
    speaker: Speaker, row: Mapping[str, Any], members: list[dict[str, Any]], *, kind: str, minutes: int,
    why: str = "", acknowledged: str = "", link: str = "",
) -> str:  # fmt: skip
    """The message in Telegram's HTML. ``why`` is what an investigation says, ``link`` the dashboard's address."""
    say = speaker.say
    is_unwatched = row["note"] == UNWATCHED
    mark = "⚪" if is_unwatched else "✅" if kind == "over" else _MARKS[row["severity"]]
    lines = [f"{mark} <b>{escape(speaker.title(row, kind))}</b>"]
    if kind == "over":
        length = speaker.length(row["end"] - row["start"])
        lines.append(
            say("from_to", start=speaker.moment(row["start"]), end=speaker.moment(row["end"]), length=length)
        )
    else:
        lines.append(say("since", start=speaker.moment(row["start"])))
    if row["kind"] == "data":
        lines += [] if kind == "over" else [say("missing")]
    else:
        lines += _numbers(speaker, row, members, minutes)
    if why and kind != "over":
        lines += ["", escape(why)]
    if row["note"]:
        lines.append(escape(say("anew" if is_unwatched else "known", note=row["note"])))
    if acknowledged:
        lines.append(escape(say("ack", who=acknowledged)))
    if link:
        lines.append(f'<a href="{escape(link)}">{say("link")}</a>')
    return "\n".join(lines)


def _numbers(speaker: Speaker, row: Mapping[str, Any], members: list[dict[str, Any]], minutes: int) -> list[str]:
    say = speaker.say
    lead = next(each for each in members if (each["metric"], each["slice"]) == (row["metric"], row["slice"]))
    values = {name: speaker.number(row[name], row["metric"]) for name in ("value", "expected")}
    form = "daily" if minutes >= DAY_MINUTES else "shares" if speaker.is_ratio(row["metric"]) else "numbers"
    lines = [say(form, **values, minutes=minutes)]
    score = locale_of(speaker.code).decimal(abs(row["score"]), 1)
    lines.append(say("sure", score=score, ticks=lead["ticks"]))
    others = [each for each in members if each is not lead]
    if others:
        shown = [_member(speaker, each) for each in others[:4]]
        if len(others) > 4:
            shown.append(say("more", count=len(others) - 4))
        lines.append(escape(say("with", parts="; ".join(shown))))
    return lines


def _member(speaker: Speaker, member: Mapping[str, Any]) -> str:
    change = member["actual"] / member["expected"] - 1 if member["expected"] else 1.0
    return f"{speaker.series(member['metric'], member['slice'])} {locale_of(speaker.code).relative(change)}"
