"""Questions asked of the events, as one would write them by hand, and of this product."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from appanalytics.app import App
from appanalytics.query import Question, ask, read_coverage
from appanalytics.window import Window
from benchmarks.measure import Cost, cost

DIMENSIONS = {
    "gender": "toString(gender)",
    "age_group": "toString(roundDown(age, [0, 18, 25, 35, 45, 55]))",
    "country": "country",
    "os": "os",
    "source": "source",
}
_EVENTS = "(SELECT time, user_id, gender, age, country, os, source FROM {table})"


@dataclass(frozen=True)
class Row:
    """One line of the result's table."""

    name: str
    raw: Cost | None
    ours: Cost

    @property
    def ratio(self) -> float | None:
        """How many times less CPU ours takes."""
        return self.raw.cpu_ms / self.ours.cpu_ms if self.raw else None


def both_tables() -> str:
    """Users and days of both services, from the events."""
    columns = "toDate(time) AS day, user_id, gender, age, country, os, source"
    return f"(SELECT {columns} FROM feed_actions UNION ALL SELECT {columns} FROM message_actions)"


def raw_rolling(value: str, days: int = 30) -> str:
    """Rolling users by day from events: each user's active days once, each put into its windows."""
    return f"""
        SELECT value, arrayJoin(range(toUInt32(day), toUInt32(day) + {days})) AS at, uniqExact(user_id) AS users
        FROM (SELECT DISTINCT {value} AS value, day, user_id FROM {both_tables()})
        GROUP BY value, at
    """


def raw_rolling_difference(value: str, days: int = 30) -> str:
    """The same by differences over each user's sorted days: fewer rows, one pass."""
    return f"""
        SELECT value, at, sum(sum(step)) OVER (PARTITION BY value ORDER BY at) AS users
        FROM
        (
            SELECT value, change.1 AS at, change.2 AS step
            FROM
            (
                SELECT {value} AS value, user_id, arraySort(groupUniqArray(toInt32(day))) AS days
                FROM {both_tables()} GROUP BY value, user_id
            )
            ARRAY JOIN arrayFlatten(arrayMap((d, p) -> if(p = 0 OR d - p >= {days},
                [(d, 1), (d + {days}, -1)], [(d + {days}, -1), (p + {days}, 1)]),
                days, arrayPushFront(arrayPopBack(days), 0))) AS change
        )
        GROUP BY value, at
    """


RAW_TRIANGLE = f"""
    SELECT first_day, source, day - first_day AS offset, uniqExact(user_id) AS users
    FROM
    (
        SELECT user_id, source, arrayJoin(groupUniqArray(day)) AS day,
            min(day) OVER (PARTITION BY user_id) AS first_day
        FROM {both_tables()} GROUP BY user_id, source
    )
    GROUP BY first_day, source, offset
"""
RAW_TRIANGLE_ARRAYS = f"""
    SELECT first_day, source, day - first_day AS offset, count() AS users
    FROM
    (
        SELECT user_id, source, min(day) AS first_day, groupUniqArray(day) AS days
        FROM {both_tables()} GROUP BY user_id, source
    )
    ARRAY JOIN days AS day
    GROUP BY first_day, source, offset
"""
OUR_TRIANGLE = """
    SELECT first_day, value AS source, day - first_day AS offset, sum(users) AS users
    FROM retention_day WHERE dimension = 'source' GROUP BY first_day, source, offset
"""


def rows(app: App) -> Iterator[Row]:
    """Measure everything; slow raw queries run fewer times."""
    days = app.days_with_events()
    assert days is not None
    raw = lambda *statements, repeat=3: best(app, statements, repeat)  # noqa: E731

    yield Row("rolling MAU by day, total", raw(raw_rolling_difference("''")), asked(app, days, "mau"))
    series = [raw_rolling_difference(value) for value in ["''", *DIMENSIONS.values()]]
    yield Row(
        "rolling MAU by day, total and five dimensions (28 series)",
        together(app, series),
        cost(lambda: [question(app, days, "mau", by) for by in ((), *((name,) for name in DIMENSIONS))], repeat=9),
    )
    yield Row(
        "cohort triangle by source", raw(RAW_TRIANGLE_ARRAYS), cost(lambda: app.engine.query(OUR_TRIANGLE), repeat=9)
    )
    yield Row(
        "users by day, 75 days",
        raw(f"SELECT day, uniqExact(user_id) FROM {both_tables()} GROUP BY day"),
        asked(app, days, "users"),
    )
    for length in (1, 7, 75):
        window = Window(days.end - timedelta(days=length), days.end, days.zone)
        sql = (
            "SELECT post_id, countIf(action = 'view') AS v, countIf(action = 'like') AS l FROM feed_actions"
            f" WHERE time >= toDateTime64('{window.start:%Y-%m-%d %H:%M:%S}', 3)"
            " GROUP BY post_id ORDER BY v DESC LIMIT 20"
        )
        yield Row(
            f"top posts, {length} day{'s' if length > 1 else ''}",
            raw(sql),
            asked(app, window, "views,likes,ctr", "total", "post", limit=20),
        )


def best(app: App, statements: tuple[str, ...], repeat: int) -> Cost:
    """The cheapest of several ways to write a query over the events."""
    return min(
        (cost(lambda sql=sql: app.engine.query(sql), repeat=repeat) for sql in statements), key=lambda c: c.cpu_ms
    )


def together(app: App, statements: list[str]) -> Cost:
    """Several queries as one call."""
    return cost(lambda: [app.engine.query(sql) for sql in statements], repeat=1)


def question(
    app: App, window: Window, metrics: str, by: tuple[str, ...], grain: str = "day", **more: object
) -> object:
    """Ask as the library does, coverage and assembly of the answer included."""
    coverage = read_coverage(app.engine, app.layout)
    made = Question.of(app.catalog, metrics, window, grain=grain, by=by, **more)
    return ask(app.engine, app.layout, made, as_of=window.end, coverage=coverage)


def asked(
    app: App, window: Window, metrics: str, grain: str = "day", by: str | tuple[str, ...] = (), **more: object
) -> Cost:
    """Cost of a question."""
    names = (by,) if isinstance(by, str) else by
    call: Callable[[], object] = lambda: question(app, window, metrics, names, grain, **more)  # noqa: E731
    return cost(call, repeat=9)
