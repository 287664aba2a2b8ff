"""The sentences of reports, in each language."""

from __future__ import annotations

from dataclasses import dataclass

from appanalytics.reports.arrivals import Lack


@dataclass(frozen=True, slots=True)
class Words:
    """Templates; ``{…}`` are filled with text that is formatted already."""

    changes: str
    legend: str
    versus: str
    incomplete: str
    lacks: dict[Lack, str]
    later: str
    silent: str
    week: str
    week_before: str
    no_data: str
    usual: str
    worth_knowing: str
    unusual: str
    above: str
    below: str
    others_above: str
    others_below: str
    segments: str
    everywhere: str
    known: str


ENGLISH = Words(
    changes="Change against {before}",
    legend="Changes against {day_before} / {week_before}",
    versus="vs {day}",
    incomplete="The data of {day} are not complete.",
    lacks={
        Lack.NOT_OVER: "The day is not over; the newest event is of {last}.",
        Lack.NO_EVENTS: "There are no events of this day.",
        Lack.SOURCE_MISSING: "{source}: no events of this day; the newest is of {last}.",
        Lack.SOURCE_STOPS: "{source}: the events stop at {last}.",
    },
    later="No numbers are shown, because they would be wrong.",
    silent="{source}: not one event on this day.",
    week="{span}",
    week_before="the week before",
    no_data="no data",
    usual="usually",
    worth_knowing="Worth knowing",
    unusual="{metric}: {value}, {side} the usual {usual} ({moved} against expectation).",
    above="above",
    below="below",
    others_above="Also above: {metrics}.",
    others_below="Also below: {metrics}.",
    segments="Explained by {segments}.",
    everywhere="Everywhere alike, in no segment more than in others.",
    known="Known of the day: {events}.",
)

RUSSIAN = Words(
    changes="Изменение к {before}",
    legend="Изменения к {day_before} / {week_before}",
    versus="к {day}",
    incomplete="Данные за {day} неполные.",
    lacks={
        Lack.NOT_OVER: "День ещё не закончился; последнее событие: {last}.",
        Lack.NO_EVENTS: "За этот день нет событий.",
        Lack.SOURCE_MISSING: "{source}: за этот день нет событий; последнее: {last}.",
        Lack.SOURCE_STOPS: "{source}: события обрываются, последнее: {last}.",
    },
    later="Числа не показаны, потому что они были бы неверными.",
    silent="{source}: за весь день ни одного события.",
    week="{span}",
    week_before="неделей раньше",
    no_data="нет данных",
    usual="обычно",
    worth_knowing="Важно знать",
    unusual="{metric}: {value}, {side} обычных {usual} ({moved} к ожидаемому).",
    above="выше",
    below="ниже",
    others_above="Тоже выше: {metrics}.",
    others_below="Тоже ниже: {metrics}.",
    segments="Объясняют: {segments}.",
    everywhere="Везде одинаково, ни в одном сегменте не сильнее.",
    known="В календаре: {events}.",
)

WORDS = {"en": ENGLISH, "ru": RUSSIAN}
