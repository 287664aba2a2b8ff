"""Users, other metrics and experiments as blocks of the page and as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from appanalytics.catalog import Ratio
from appanalytics.document import Block, Bullets, Heading, Paragraph, Picture, Table, plain
from appanalytics.investigate.absent import Absent, Missing
from appanalytics.investigate.moved import Moved
from appanalytics.investigate.newcomers import Cohort, Newcomers
from appanalytics.investigate.words import Speaker
from appanalytics.stats import Interval

if TYPE_CHECKING:
    from appanalytics.investigate.findings import Findings


def blocks(found: Findings, say: Speaker, *, pictures: bool) -> Iterator[Block]:
    """Everything about users, then other metrics, then experiments."""
    if found.people.audience:
        yield Heading(say("h_people"))
        yield _audience(found, say)
    if found.people.absent is not None:
        yield Heading(say("h_absent"))
        yield Bullets(tuple(absent_lines(found.people.absent, say)))
    if found.people.newcomers is not None:
        yield Heading(say("h_newcomers"))
        text = newcomers_text(found.people.newcomers, say)
        if text:
            yield Paragraph(plain(text))
        if pictures and any(each.next_day for each in found.people.newcomers.cohorts):
            yield Picture("return", found.return_picture(say.locale.code), say("alt_return"))
        yield _cohorts(found.people.newcomers, say)
    if found.moved:
        yield Heading(say("h_moved"))
        yield Paragraph(plain(f"{services_text(found, say)} {moved_text(found.moved, say)}".strip()))
        yield _moved(found.moved, say)
    if found.experiments:
        yield Heading(say("h_experiments"))
        named = [
            say("experiment", name=each.name, state=each.state, since=each.since, until=each.until)
            for each in found.experiments
        ]
        yield Paragraph(plain(", ".join(named)))


# --- users ---


def _audience(found: Findings, say: Speaker) -> Table:
    numbers = tuple(say(f"c_{name}") for name in ("actual", "band", "change"))
    rows = [
        (
            say(f"a_{each.name}"),
            say.number(each.actual, ratio=False),
            _band(each.expected, each.low, each.high, say, ratio=False),
            say.signed(each.change, ratio=False),
        )
        for each in found.people.audience
    ]
    return Table((say("c_users"), *numbers), tuple(rows), numbers)


def _band(expected: float, low: float, high: float, say: Speaker, *, ratio: bool, unit: str = "") -> str:
    values = (
        say.locale.number(value, unit) if ratio else say.number(value, ratio=False) for value in (expected, low, high)
    )
    return "{} ({} … {})".format(*values)


def absent_lines(missed: Absent, say: Speaker) -> Iterator[str]:
    """How many are missing, where, since when they are users, and whether they came back."""
    key = "absent_segments" if missed.missing_new is not None else "absent_all"
    yield say(
        key,
        expected=say.number(missed.expected, ratio=False),
        came=say.number(missed.came, ratio=False),
        missing=say.number(missed.missing, ratio=False),
    )
    if missed.missing_new is not None:
        yield say(
            "absent_new",
            missing=say.number(missed.missing_new, ratio=False),
            came=say.number(missed.came_new, ratio=False),
        )
    if missed.dimension and missed.places:
        label = say.catalog.dimension(missed.dimension).label(say.locale.code)
        yield plain(say("absent_places", dimension=label, places=_listed(missed.places, say)))
    if missed.first_days:
        yield plain(say("absent_days", days=_listed(missed.first_days, say)))
    if missed.back_next is not None and missed.usual_next is not None:
        week = missed.back_week is not None and missed.usual_week is not None
        yield say(
            "absent_back" if week else "absent_back_next",
            next=interval(missed.back_next, say),
            usual_next=say.locale.share(missed.usual_next),
            week=interval(missed.back_week, say),
            usual_week=say.locale.share(missed.usual_week or 0.0),
        )


def _listed(found: tuple[Missing, ...], say: Speaker) -> str:
    return say.listed([f"{each.value} {say.number(each.missing, ratio=False)}" for each in found], most=10)


def interval(share: Interval | None, say: Speaker) -> str:
    """A share with its interval."""
    if share is None or share.estimate is None or share.low is None or share.high is None:
        return say.locale.number(None)
    named = {"effect": share.estimate, "low": share.low, "high": share.high}
    return say("interval", **{name: say.locale.share(value) for name, value in named.items()})


def newcomers_text(came: Newcomers, say: Speaker) -> str:
    """Whether the newcomers came back, and whether others of the day did as usual."""
    parts = []
    beyond, segment = came.of("beyond"), came.of("segment")
    held = {name: str(value) for name, value in came.where}.get(came.dimension or "")
    ordinary = came.of("ordinary", held)
    if segment and beyond and beyond.next_day and ordinary and ordinary.next_day:
        parts.append(
            say(
                "newcomers_segment",
                users=say.number(segment.users, ratio=False),
                segment=say.segment(came.where),
                next=interval(beyond.next_day, say),
                value=held or say("k_ordinary"),
                ordinary=interval(ordinary.next_day, say),
            )
        )
    pairs, harmed = [], False
    for other in came.cohorts:
        usual = came.of("ordinary", other.value)
        if other.kind != "others" or usual is None or usual.next_day is None or other.next_day is None:
            continue
        now, before = (share.estimate or 0.0 for share in (other.next_day, usual.next_day))
        named = {"now": say.locale.share(now), "before": say.locale.share(before)}
        pairs.append(say("pair", value=other.value or "", **named).strip())
        harmed |= not _overlap(other.next_day, usual.next_day)
    if pairs:
        parts.append(say("newcomers_harmed" if harmed else "newcomers_unharmed", parts=", ".join(pairs)))
    return " ".join(parts)


def _overlap(one: Interval, other: Interval) -> bool:
    ends = (one.low, one.high, other.low, other.high)
    if any(end is None for end in ends):
        return True
    low, high, other_low, other_high = (float(end or 0.0) for end in ends)
    return low <= other_high and other_low <= high


def _cohorts(came: Newcomers, say: Speaker) -> Table:
    numbers = (say("c_users"), say("c_next"), say("c_week"))
    rows = [
        (
            cohort_name(each, came, say),
            say.number(each.users, ratio=False),
            interval(each.next_day, say),
            interval(each.week, say),
        )
        for each in came.cohorts
    ]
    return Table((say("c_value"), *numbers), tuple(rows), numbers)


def cohort_name(cohort: Cohort, came: Newcomers, say: Speaker) -> str:
    """Who the cohort is."""
    name = say(f"k_{cohort.kind}", segment=say.segment(came.where))
    return f"{name}: {cohort.value}" if cohort.value and cohort.kind in ("others", "ordinary") else name


# --- other metrics ---


def services_text(found: Findings, say: Speaker) -> str:
    """Which services what moved belongs to; empty where nothing did."""
    if not found.services:
        return ""
    names = [say.catalog.sources[name].label(say.locale.code) for name in found.services]
    return say("moved_services", services=", ".join(names))


def moved_text(moved: tuple[Moved, ...], say: Speaker) -> str:
    """Which other metrics left their bands, and of which services they are."""
    odd = [each for each in moved if each.is_unusual]
    if not odd:
        return say("moved_none")
    parts = [say("moved_part", metric=_label(each, say), change=say.locale.relative(each.relative)) for each in odd]
    text = say("moved_too", parts=say.listed(parts, most=6))
    calm = [_label(each, say) for each in moved if not each.is_unusual]
    return f"{text} {say('moved_not', parts=say.listed(calm, most=6))}" if calm else text


def _label(each: Moved, say: Speaker) -> str:
    return say.catalog.quantity(each.metric).label(say.locale.code)


def _moved(moved: tuple[Moved, ...], say: Speaker) -> Table:
    numbers = (say("c_actual"), say("c_band"), say("c_relative"))
    rows = []
    for each in moved:
        quantity = say.catalog.quantity(each.metric)
        ratio = isinstance(quantity, Ratio)
        value = say.locale.number(each.actual, quantity.unit) if ratio else say.number(each.actual, ratio=False)
        mark = "● " if each.is_unusual else ""
        band = _band(each.expected, each.low, each.high, say, ratio=ratio, unit=quantity.unit)
        rows.append((mark + _label(each, say), value, band, say.locale.relative(each.relative)))
    return Table((say("c_metric"), *numbers), tuple(rows), numbers)
