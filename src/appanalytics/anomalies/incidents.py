"""Incidents: what is anomalous at one time is one incident, from the first doubt to its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from appanalytics.anomalies.watch import Key, Watch
from appanalytics.chats import Severity

#: Note of an incident that ended because the alerts' configuration does not know it any more.
UNWATCHED = "not watched any more: the configuration of the alerts changed"


class State(StrEnum):
    """Where an incident is in its life. One that was never certain is dropped."""

    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"
    RESOLVED = "resolved"
    DROPPED = "dropped"

    @property
    def is_open(self) -> bool:
        """True while it is not over."""
        return self in (State.PENDING, State.FIRING, State.RECOVERING)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A series beyond its threshold at one tick, ``start`` being the first of the bins that were judged together.

    ``score`` is signed, 1 at the threshold; ``size`` the trials of a share or 1.
    """

    key: Key
    start: int
    score: float
    value: float
    expected: float
    size: float = 1.0


@dataclass
class Member:
    """A series of an incident: its alarms' number and range (bins), its highest score, and sums over its alarms."""

    first: int
    last: int
    ticks: int = 0
    peak: float = 0.0
    actual: float = 0.0
    expected: float = 0.0
    size: float = 0.0

    @property
    def change(self) -> float:
        """Relative difference from the expected; 0 where nothing was."""
        return self.actual / self.expected - 1 if self.expected else 0.0

    def take(self, alarm: Alarm, at: int) -> None:
        """Count an alarm."""
        self.ticks += 1
        self.last = at
        if abs(alarm.score) > abs(self.peak):
            self.peak = alarm.score
        self.actual += alarm.value * alarm.size
        self.expected += alarm.expected * alarm.size
        self.size += alarm.size


@dataclass
class Incident:
    """One incident. Times are numbers of bins (UTC); ``kind`` is ``metric`` or ``data``.

    ``changed`` is the bin at which state, severity or leading series last changed.
    """

    id: str
    kind: str
    start: int
    last: int
    state: State = State.PENDING
    severity: Severity = Severity.INFO
    changed: int = 0
    fired: int = 0
    note: str = ""
    members: dict[Key, Member] = field(default_factory=dict)

    @property
    def lead(self) -> Key:
        """The series that stands for the incident: a total before its slices, then the highest score."""
        return max(self.members, key=lambda key: (abs(self.members[key].peak) * (1 if key.dimension else 1.5), key))

    @property
    def direction(self) -> str:
        """``up`` or ``down``."""
        return "up" if self.members[self.lead].peak > 0 else "down"

    def ranked(self) -> list[tuple[Key, Member]]:
        """Series, the most anomalous first."""
        return sorted(self.members.items(), key=lambda each: (-abs(each[1].peak), each[0]))

    def to_json(self) -> dict[str, Any]:
        """Plain values for a state."""
        body = {name: getattr(self, name) for name in _PLAIN}
        body["members"] = [[key.metric, key.dimension, key.value, asdict(each)] for key, each in self.members.items()]
        return body

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Incident:
        """The reverse of `to_json`."""
        members = {Key(*names): Member(**each) for *names, each in body["members"]}
        rest = {name: body[name] for name in _PLAIN}
        rest |= {"state": State(body["state"]), "severity": Severity(body["severity"])}
        return cls(**rest, members=members)


_PLAIN = ("id", "kind", "start", "last", "state", "severity", "changed", "fired", "note")


@dataclass(frozen=True, slots=True)
class Rules:
    """When an incident is certain and when it is over; lengths are hours, scores multiples of the threshold.

    A total is certain at ``sure`` at once, else in its second bin (1: wherever its threshold is passed, which chance
    does once in 90 weeks); slices at ``slice_sure`` in their second bin, or at ``slice_some`` where there are
    ``together`` of them. After ``near`` hours without an alarm an incident recovers, after ``calm`` it is over. Until
    then the alarms of its own series in their direction are its own; what else becomes anomalous belongs to it up to
    ``link`` hours after it began, or up to ``chain`` where it is of the same source of events and the same direction,
    unless it already recovers.
    """

    sure: float = 1.0
    slice_sure: float = 2.0
    slice_some: float = 1.3
    together: int = 3
    drop_after: float = 2.0
    near: float = 1.0
    calm: float = 2.0
    link: float = 6.0
    chain: float = 24.0


class Book:
    """The open incidents, moved by one tick at a time."""

    def __init__(self, watch: Watch, rules: Rules | None = None) -> None:
        self.watch = watch
        self.rules = rules or Rules()
        self.open: list[Incident] = []

    def tick(self, at: int, alarms: Iterable[Alarm], missing: dict[str, int], known: str = "") -> list[Incident]:
        """Take the alarms of a bin, and the sources whose events are missing since a bin; returns what changed."""
        before = {each.id: self._face(each) for each in self.open}
        alarms = sorted(alarms, key=lambda each: (bool(each.key.dimension), -abs(each.score)))
        for alarm in alarms:
            self._join(alarm, at, known)
        for source, since in missing.items():
            self._missing(source, since, at)
        for incident in self.open:
            self._move(incident, at)
        changed = [each for each in self.open if before.get(each.id) != self._face(each)]
        for each in changed:
            each.changed = at
        self.open = [each for each in self.open if each.state.is_open]
        return changed

    @staticmethod
    def _face(incident: Incident) -> tuple[object, ...]:
        return incident.state, incident.severity, incident.lead

    def _join(self, alarm: Alarm, at: int, known: str) -> None:
        found = next((each for each in self.open if each.kind == "metric" and self._belongs(alarm, each, at)), None)
        if found is None:
            found = Incident(
                f"{alarm.start * self.watch.step}-{alarm.key}".replace(" ", "-"), "metric", alarm.start, at
            )
            found.note = known
            self.open.append(found)
        member = found.members.setdefault(alarm.key, Member(alarm.start, at))
        member.take(alarm, at)
        found.last = at

    def _belongs(self, alarm: Alarm, incident: Incident, at: int) -> bool:
        """Whether an alarm is of an incident: near in time, and of its series or of what moves with them."""
        hours, rules = self.watch.bins_an_hour, self.rules
        if alarm.start - incident.last > rules.calm * hours:
            return False
        known = incident.members.get(alarm.key)
        if known is not None and known.peak * alarm.score > 0:
            return True
        if alarm.start - incident.last > rules.near * hours:
            return False
        same = (alarm.score > 0) == (incident.direction == "up")
        related = same and any(
            self.watch.sources(key.metric) & self.watch.sources(alarm.key.metric) for key in incident.members
        )
        return at - incident.start <= (rules.chain if related else rules.link) * hours

    def _missing(self, source: str, since: int, at: int) -> None:
        key = Key(source)
        found = next((each for each in self.open if each.kind == "data" and key in each.members), None)
        if found is None:
            found = Incident(
                f"{since * self.watch.step}-data-{source}", "data", since, at, members={key: Member(since, at)}
            )
            self.open.append(found)
        member = found.members[key]
        member.ticks, member.last, member.peak = member.ticks + 1, at, -9.0
        found.last = at

    def _move(self, incident: Incident, at: int) -> None:
        quiet, hours = at - incident.last, self.watch.bins_an_hour
        if incident.state is State.PENDING:
            if self._certain(incident):
                incident.state, incident.fired = State.FIRING, at
            elif quiet >= self.rules.drop_after * hours:
                incident.state = State.DROPPED
        elif quiet == 0:
            incident.state = State.FIRING
        elif quiet >= self.rules.calm * hours:
            incident.state = State.RESOLVED
        elif quiet >= self.rules.near * hours:
            incident.state = State.RECOVERING
        if incident.state is State.FIRING:
            incident.severity = max(incident.severity, self._severity(incident), key=lambda each: each.rank)

    def _certain(self, incident: Incident) -> bool:
        if incident.kind == "data":
            return True
        members, rules = incident.members.items(), self.rules
        if any(not key.dimension and (each.ticks >= 2 or abs(each.peak) >= rules.sure) for key, each in members):
            return True
        twice = [each for _, each in members if each.ticks >= 2]
        strongest = max((abs(each.peak) for each in twice), default=0.0)
        return strongest >= rules.slice_sure or (len(twice) >= rules.together and strongest >= rules.slice_some)

    def _severity(self, incident: Incident) -> Severity:
        """Critical: no data, or a total changed by 30 %; warning: a total by 10 %, a slice by 30 %."""
        if incident.kind == "data":
            return Severity.CRITICAL
        if incident.note:
            return Severity.INFO
        total = max((abs(each.change) for key, each in incident.members.items() if not key.dimension), default=0.0)
        part = max((abs(each.change) for key, each in incident.members.items() if key.dimension), default=0.0)
        if total >= 0.3:
            return Severity.CRITICAL
        return Severity.WARNING if total >= 0.1 or part >= 0.3 else Severity.INFO
