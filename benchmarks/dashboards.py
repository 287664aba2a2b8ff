"""What dashboards ask at full scale: time in the engine of every question, and of the whole call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from appanalytics.app import App
from appanalytics.query import Question, ask, read_coverage
from appanalytics.query.plan import make_plan
from appanalytics.window import Window
from benchmarks.measure import Cost, cost

_FILTER = ["country=Russia", "os=iOS"]
#: Metrics, dimensions, grain, days back (0: all), filters.
QUESTIONS: tuple[tuple[str, str, str, int, list[str]], ...] = (
    ("dau,wau,mau", "", "day", 0, []),
    ("dau,wau,mau", "", "day", 0, _FILTER),
    ("mau", "source", "day", 0, []),
    ("mau", "city", "day", 0, []),
    ("mau", "city", "day", 30, []),
    ("mau", "", "day", 0, ["city=Moscow"]),
    ("wau_calendar,mau_calendar", "", "day", 0, []),
    ("stickiness", "country", "week", 0, []),
    ("users", "source", "day", 0, []),
    ("users", "city", "total", 0, []),
    ("users", "age_group", "week", 0, _FILTER),
    ("new_users", "source", "day", 0, []),
    ("both_users,feed_only_users,messenger_only_users", "", "day", 0, []),
    ("both_users,feed_only_users,messenger_only_users", "", "total", 0, []),
    ("views,likes,ctr", "", "day", 0, []),
    ("views,likes,ctr", "source", "day", 0, _FILTER),
    ("views,likes,ctr", "city", "total", 0, []),
    ("likes_per_user,likes_per_post", "", "day", 0, []),
    ("messages,senders", "os", "day", 0, []),
    ("receivers", "", "day", 0, []),
    ("receivers", "", "day", 30, []),
    ("posts", "", "day", 0, []),
    ("views,likes,ctr,feed_users", "post", "total", 0, []),
    ("views,likes,ctr,feed_users", "post", "total", 30, []),
    ("views,likes,ctr,feed_users", "post", "total", 30, _FILTER),
    ("views,likes,ctr,feed_users", "post", "total", 1, []),
    ("views,likes,ctr", "", "15m", 1, []),
    ("feed_users", "", "15m", 1, []),
    ("users", "", "hour", 1, []),
    ("views,likes", "os", "15m", 1, []),
)


@dataclass(frozen=True)
class Asked:
    """One question: relations that answered, time of its statements in the engine, and of the whole call."""

    name: str
    relations: str
    engine: Cost
    whole: Cost


def rows(app: App) -> Iterator[Asked]:
    """Ask everything of the last days that the warehouse holds."""
    held = app.days_with_events()
    assert held is not None
    for metrics, by, grain, back, where in QUESTIONS:
        window = Window(held.end - timedelta(days=back), held.end, held.zone) if back else held
        limit = 50 if by == "post" else None
        question = Question.of(app.catalog, metrics, window, by=by, grain=grain, where=where, limit=limit)
        yield _asked(app, question, back)


def _asked(app: App, question: Question, back: int) -> Asked:
    plan = make_plan(app.layout, read_coverage(app.engine, app.layout), question)

    def statements() -> None:
        for each in plan.statements:
            app.engine.query(each.sql, each.parameters)

    def whole() -> Any:
        return ask(app.engine, app.layout, question, as_of=question.window.end)

    relations = ", ".join(dict.fromkeys(each.relation for each in plan.statements))
    return Asked(_name(question, back), relations, cost(statements, repeat=7), cost(whole, repeat=5))


def _name(question: Question, back: int) -> str:
    by = f" by {', '.join(question.by)}" if question.by else ""
    grain = f" by {question.grain}" if question.grain != "total" else ""
    where = f", {' and '.join(str(each) for each in question.where)}" if question.where else ""
    span = "all days" if not back else "1 day" if back == 1 else f"{back} days"
    return f"{', '.join(question.metrics)}{by}{grain}{where}, {span}"
