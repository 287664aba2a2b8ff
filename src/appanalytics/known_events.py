"""The calendar of known events: what people did, or knew of, that numbers show afterwards.

A project writes campaigns, releases, holidays, incidents and experiments into a YAML file (setting
``reporting.events``). Pictures mark them, and explanations name them beside what the data say. No number
depends on the calendar.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appanalytics.catalog import Catalog
from appanalytics.catalog.load import UniqueKeys
from appanalytics.catalog.model import Labels
from appanalytics.catalog.sql import known_labels
from appanalytics.errors import CalendarError, UserError, nearest
from appanalytics.window import Window, day_start, parse_moment

_EXAMPLE = "examples/events.yaml shows the form"


class Kind(StrEnum):
    """What sort of event it was."""

    CAMPAIGN = "campaign"
    RELEASE = "release"
    HOLIDAY = "holiday"
    INCIDENT = "incident"
    EXPERIMENT = "experiment"
    OTHER = "other"

    def label(self, locale: str = "en") -> str:
        """The kind for people, English or Russian."""
        return _RUSSIAN[self] if locale == "ru" else self.value


_RUSSIAN = {
    Kind.CAMPAIGN: "кампания",
    Kind.RELEASE: "релиз",
    Kind.HOLIDAY: "праздник",
    Kind.INCIDENT: "сбой",
    Kind.EXPERIMENT: "эксперимент",
    Kind.OTHER: "событие",
}


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """One event of the half-open span of instants ``[start, end)``, in UTC.

    ``metrics`` are those it is about and ``where`` (dimension → values) the slice it touched; both empty mean
    everything. ``note`` is free text, such as a link.
    """

    name: str
    kind: Kind
    start: datetime
    end: datetime
    metrics: tuple[str, ...] = ()
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    note: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def label(self, locale: str = "en") -> str:
        """Name for people in a locale; its plain name where the calendar has no other."""
        return self.labels.get(locale) or self.name

    def days(self, zone: ZoneInfo) -> tuple[date, date]:
        """First and last day that the event touches in a time zone."""
        window = Window(self.start, self.end, zone)
        return window.first_day, window.last_day

    def touches(self, window: Window) -> bool:
        """True when some instant of the window is inside."""
        return self.start < window.end and window.start < self.end

    def concerns(self, metric: str) -> bool:
        """True when the event may have moved a metric: it names it, or names none."""
        return not self.metrics or metric in self.metrics


@dataclass(frozen=True, slots=True)
class KnownEvents:
    """Events in the order of their start. An empty calendar is as good as any."""

    events: tuple[KnownEvent, ...] = ()

    def during(self, window: Window, *, metrics: Iterable[str] = ()) -> KnownEvents:
        """Events that touch a window; with ``metrics`` those that concern one of them."""
        named = list(metrics)
        kept = (
            each
            for each in self.events
            if each.touches(window) and (not named or any(each.concerns(metric) for metric in named))
        )
        return KnownEvents(tuple(kept))

    def __iter__(self) -> Iterator[KnownEvent]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)


def load_known_events(path: Path, catalog: Catalog, zone: ZoneInfo) -> KnownEvents:
    """Read a calendar; days and times without an offset are those of ``zone``.

    Raises `CalendarError` with file, entry and key for anything that cannot be understood or that the catalog
    does not know.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CalendarError(f"cannot read the calendar {path}: {reason}", hint=_EXAMPLE) from None
    return parse_known_events(text, catalog, zone, origin=str(path))


def parse_known_events(text: str, catalog: Catalog, zone: ZoneInfo, *, origin: str = "events.yaml") -> KnownEvents:
    """Read a calendar's YAML; ``origin`` names it in errors. See `load_known_events`."""
    try:
        raw = yaml.load(text, Loader=UniqueKeys)  # noqa: S506 (a subclass of SafeLoader)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a day such as 2026-02-30
        raise CalendarError(f"{origin} is not YAML: {' '.join(str(error).split())}") from None
    if raw is None:
        return KnownEvents()
    if not isinstance(raw, dict) or set(raw) != {"events"} or not isinstance(raw["events"], list | None):
        raise CalendarError(f"{origin} must hold one key, events, with a list below it", hint=_EXAMPLE)
    found = [
        _event(body, catalog, zone, f"{origin}: events[{place}]") for place, body in enumerate(raw["events"] or ())
    ]
    return KnownEvents(tuple(sorted(found, key=lambda each: (each.start, each.end, each.name))))


class _Entry(BaseModel):
    """One entry as it is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    kind: str = Kind.OTHER.value
    start: date | datetime | str
    end: date | datetime | str | None = None
    metrics: list[str] = []
    where: dict[str, str | int | list[str | int]] = {}
    note: str = ""
    labels: Labels = {}


def _event(body: Any, catalog: Catalog, zone: ZoneInfo, where: str) -> KnownEvent:
    if not isinstance(body, dict):
        raise CalendarError(f"{where} must be a mapping", hint=_EXAMPLE)
    entry = _entry(body, where)
    where = f"{where} ({entry.name})"
    if entry.kind not in list(Kind):
        raise CalendarError(f"{where}: kind: unknown kind {entry.kind!r}", hint=nearest(entry.kind, list(Kind)))
    start, end = _span(entry, zone, where)
    for metric in entry.metrics:
        _named(lambda name=metric: catalog.quantity(name), f"{where}: metrics")
    return KnownEvent(
        entry.name, Kind(entry.kind), start, end, tuple(entry.metrics), _slice(entry, catalog, where), entry.note,
        dict(entry.labels),
    )  # fmt: skip


def _entry(body: dict[Any, Any], where: str) -> _Entry:
    try:
        return _Entry.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            raise CalendarError(f"{where}: unknown key {key!r}", hint=nearest(key, _Entry.model_fields)) from None
        message = first["msg"].removeprefix("Value error, ")
        raise CalendarError(f"{where}: {key}: {message[0].lower()}{message[1:]}", hint=_EXAMPLE) from None


def _span(entry: _Entry, zone: ZoneInfo, where: str) -> tuple[datetime, datetime]:
    """Start and end; without an end the event lasts until the end of its day."""
    start = _named(lambda: parse_moment(entry.start, zone), f"{where}: start")
    if entry.end is None:
        return start, day_start(start.astimezone(zone).date() + timedelta(days=1), zone)
    end = _named(lambda: parse_moment(entry.end, zone), f"{where}: end")
    if end <= start:
        raise CalendarError(
            f"{where}: end: {entry.end} is not after the start {entry.start}",
            hint="the end is not part of the event; leave it out for a single day",
        )
    return start, end


def _slice(entry: _Entry, catalog: Catalog, where: str) -> dict[str, tuple[str, ...]]:
    """The slice in the catalog's spelling. Values that only the data know are taken as they are written."""
    found = {}
    for name, given in entry.where.items():
        dimension = _named(lambda each=name: catalog.dimension(each), f"{where}: where")
        values = tuple(str(value) for value in (given if isinstance(given, list) else [given]))
        known = known_labels(dimension)
        for value in values:
            if known is not None and value not in known:
                raise CalendarError(f"{where}: where: {name} has no value {value!r}", hint=nearest(value, known))
        found[name] = values
    return found


def _named(read: Any, where: str) -> Any:
    """What ``read`` returns; its mistake told with the place it stands at."""
    try:
        return read()
    except UserError as error:
        raise CalendarError(f"{where}: {error.message}", hint=error.hint) from None
