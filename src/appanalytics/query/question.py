"""A question: which metrics, sliced by what, where, when, how finely, compared with what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from appanalytics.catalog import Active, Catalog, Dimension, Measure
from appanalytics.catalog.sql import UNKNOWN, known_labels
from appanalytics.errors import QuestionError, nearest
from appanalytics.window import Grain, Window, bucket_day, next_bucket_day


class Compare(StrEnum):
    """What an answer is set against."""

    PREVIOUS = "previous"
    WEEK = "week"

    @classmethod
    def parse(cls, text: str | Compare | None) -> Compare | None:
        """Read a comparison's name; None stays None."""
        if text is None:
            return None
        try:
            return cls(text)
        except ValueError:
            hint = nearest(str(text), [each.value for each in cls])
            raise QuestionError(f"unknown comparison {str(text)!r}", hint=hint) from None


@dataclass(frozen=True, slots=True)
class Filter:
    """Keep the rows whose dimension has one of the values, or none of them when ``negated``."""

    dimension: str
    values: tuple[str, ...]
    negated: bool = False

    def __str__(self) -> str:
        return f"{self.dimension}{'!=' if self.negated else '='}{','.join(self.values)}"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. Made by `Question.of`, which checks every name; everything after it trusts them.

    ``parts`` are the only instants of the window that count: one part of each of some days, oldest first, every one a
    bucket of its own, such as the hour from noon of four weeks. Grain and window are those of the parts. See
    `timeline.parts_fit` for which parts may be asked for together.
    """

    metrics: tuple[str, ...]
    window: Window
    grain: Grain = Grain.TOTAL
    by: tuple[str, ...] = ()
    where: tuple[Filter, ...] = ()
    compare: Compare | None = None
    limit: int | None = None
    parts: tuple[Window, ...] = ()

    @classmethod
    def of(
        cls,
        catalog: Catalog,
        metrics: str | Sequence[str],
        window: Window,
        *,
        grain: str | Grain = Grain.TOTAL,
        by: str | Sequence[str] = (),
        where: Mapping[str, object] | Iterable[str] = (),
        compare: str | Compare | None = None,
        limit: int | None = None,
    ) -> Question:
        """Check the names against the catalog; raises `QuestionError` with the nearest name."""
        named = _names(metrics)
        if not named:
            raise QuestionError("ask for at least one metric", hint=nearest("", catalog.measures))
        question = cls(
            named,
            window,
            Grain.parse(grain),
            _names(by),
            tuple(_filters(where)),
            Compare.parse(compare),
            limit,
        )
        if limit is not None and limit < 1:
            raise QuestionError(f"a limit of {limit} leaves nothing", hint="use 1 or more")
        return question.checked(catalog)

    def checked(self, catalog: Catalog) -> Question:
        """The same question with canonical filter values, or a `QuestionError`."""
        for name in self.metrics:
            for leaf in catalog.leaves(name):
                _check_slices(catalog, leaf, self)
        for name in self.by:
            catalog.dimension(name)
        where = tuple(_canonical(catalog.dimension(each.dimension), each) for each in self.where)
        return replace(self, where=where)

    @property
    def slices(self) -> set[str]:
        """Names of all dimensions in use, in groups and in filters."""
        return {*self.by, *(each.dimension for each in self.where)}

    def before(self) -> Question:
        """The question that `compare` sets this one against, bucket by bucket."""
        return replace(self, window=compared_window(self.window, self.grain, self.compare), compare=None)


def compared_window(window: Window, grain: Grain, compare: Compare | None) -> Window:
    """The window before (of as many buckets) or a week earlier."""
    if compare is Compare.WEEK:
        if grain is Grain.MONTH:
            raise QuestionError("months cannot be compared with a week before", hint="use --compare previous")
        return window.shift(-7)
    if grain is Grain.MONTH:
        return _months_before(window)
    days = (window.last_day - window.first_day).days + 1
    if grain is Grain.WEEK:
        days += -days % 7
    if window.is_whole_days:
        return window.shift(-days)
    length = window.end - window.start
    if grain.is_below_day:  # whole buckets, so that bucket i stands against bucket i
        step = timedelta(minutes=15) if grain is Grain.QUARTER_HOUR else timedelta(hours=1)
        length += -length % step
    return (
        Window(window.start - length, window.end - length, window.zone)
        if grain.is_below_day or (grain is Grain.TOTAL)
        else window.shift(-days)
    )


def _months_before(window: Window) -> Window:
    first = bucket_day(window.first_day, Grain.MONTH)
    end, count = first, 0
    while end <= window.last_day:
        end, count = next_bucket_day(end, Grain.MONTH), count + 1
    month = first.year * 12 + first.month - 1 - count
    return Window.of(first.replace(year=month // 12, month=month % 12 + 1), first, window.zone)


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    listed = [given] if isinstance(given, str) else list(given)
    parts = [part.strip() for name in listed for part in str(name).split(",")]
    return tuple(dict.fromkeys(part for part in parts if part))


def _filters(where: Mapping[str, object] | Iterable[str]) -> list[Filter]:
    if isinstance(where, Mapping):
        pairs = [
            (str(name), value if isinstance(value, list | tuple | set) else [value]) for name, value in where.items()
        ]
        return [Filter(name, tuple(str(value) for value in values)) for name, values in pairs]
    found: dict[tuple[str, bool], list[str]] = {}
    for text in [where] if isinstance(where, str) else where:
        name, sign, value = text.partition("=")
        if not sign or not name.strip("! "):
            raise QuestionError(f"cannot read the filter {text!r}", hint="write --where country=Russia or os!=iOS")
        key = (name.rstrip("!").strip(), name.endswith("!"))
        found.setdefault(key, []).extend(part.strip() for part in value.split(","))
    return [Filter(name, tuple(values), negated) for (name, negated), values in found.items()]


def _canonical(dimension: Dimension, given: Filter) -> Filter:
    """Values in the catalog's spelling. Values that only the data know are checked when the question is run."""
    known = known_labels(dimension)
    values = []
    for value in given.values:
        if known is not None:
            match = {label.lower(): label for label in known}.get(value.lower())
            if match is None:
                raise QuestionError(f"{dimension.name} has no value {value!r}", hint=nearest(value, known))
            values.append(match)
        elif dimension.kind == "number" and value.lower() != UNKNOWN:
            if not value.lstrip("-").isdigit():
                raise QuestionError(f"{dimension.name} is a number, not {value!r}")
            values.append(str(int(value)))
        else:
            values.append(value)
    return replace(given, values=tuple(values))


def _check_slices(catalog: Catalog, leaf: Measure | Active, question: Question) -> None:
    measure = catalog.measures[leaf.active] if isinstance(leaf, Active) else leaf
    for name in sorted(question.slices):
        only = catalog.dimension(name).only
        if only is not None and isinstance(leaf, Active):
            raise QuestionError(
                f"{leaf.name} cannot be sliced by {name}: users active in a window are sliced by what they are",
                hint=f"{measure.name} can, if it is of {only}: users of the period itself",
            )
        if only is not None and measure.source != only:
            fitting = [each.name for each in catalog.measures.values() if each.source == only]
            raise QuestionError(
                f"{leaf.name} cannot be sliced by {name}, which only the source {only} has",
                hint=f"{name} goes with {', '.join(fitting)}",
            )
