"""Questions asked of the events, as one would write them by hand, and of this product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from appanalytics.app import App
from appanalytics.query import Question, ask, read_coverage
from appanalytics.query.plan import make_plan
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
    """One line of the result's table: the events' best statement, ours, and ours as a call of the library."""

    name: str
    raw: Cost
    ours: Cost
    call: Cost | None = None

    @property
    def ratio(self) -> float:
        """How many times less CPU our statement takes."""
        return self.raw.cpu_ms / self.ours.cpu_ms


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
RAW_TRIANGLE_ONE_SOURCE = f"""
    SELECT first_day, source, day - first_day AS offset, count() AS users
    FROM
    (
        SELECT user_id, any(source) AS source, min(day) AS first_day, groupUniqArray(day) AS days
        FROM {both_tables()} GROUP BY user_id
    )
    ARRAY JOIN days AS day
    GROUP BY first_day, source, offset
"""
#: The rollup's grain is that of the triangle, so its cells are only read.
OUR_TRIANGLE = """
    SELECT first_day, value AS source, day - first_day AS offset, users
    FROM retention_day WHERE dimension = 'source'
"""
#: One statement for all series, such as a dashboard sends; names of dimensions are empty where they do not count.
OUR_SERIES = f"""
    SELECT {", ".join(DIMENSIONS)}, day,
        sum(sum(delta)) OVER (PARTITION BY {", ".join(DIMENSIONS)} ORDER BY day) AS users
    FROM active_delta
    WHERE service = 'any' AND days = 30 AND day < {{until:Date}}
    GROUP BY GROUPING SETS ((day), {", ".join(f"(day, {name})" for name in DIMENSIONS)})
"""


def rows(app: App) -> Iterator[Row]:
    """Measure everything; slow raw queries run fewer times."""
    days = app.days_with_events()
    assert days is not None
    raw = lambda *statements, repeat=3: best(app, statements, repeat)  # noqa: E731

    yield Row("rolling MAU by day, total", raw(raw_rolling_difference("''")), *asked(app, days, "mau"))
    until = {"until": days.last_day + timedelta(days=1)}
    check_series(app, until)
    yield Row(
        "rolling MAU by day, total and five dimensions (28 series)",
        together(app, [raw_rolling_difference(value) for value in ("''", *DIMENSIONS.values())]),
        cost(lambda: app.engine.query(OUR_SERIES, until), repeat=9),
    )
    yield Row(
        "cohort triangle by source",
        raw(RAW_TRIANGLE_ARRAYS, RAW_TRIANGLE_ONE_SOURCE),
        cost(lambda: app.engine.query(OUR_TRIANGLE), repeat=9),
    )
    by_day = f"SELECT day, uniqExact(user_id) FROM {both_tables()} GROUP BY day"
    yield Row("users by day, 75 days", raw(by_day), *asked(app, days, "users"))
    for length in (1, 7, 75):
        window = Window(days.end - timedelta(days=length), days.end, days.zone)
        sql = (
            "SELECT post_id, countIf(action = 'view') AS v, countIf(action = 'like') AS l, uniqExact(user_id) AS u"
            f" FROM feed_actions WHERE time >= toDateTime64('{window.start:%Y-%m-%d %H:%M:%S}', 3)"
            " GROUP BY post_id ORDER BY v DESC LIMIT 20"
        )
        yield Row(
            f"top posts with reach, {length} day{'s' if length > 1 else ''}",
            raw(sql),
            *asked(app, window, "views,likes,ctr,feed_users", "total", "post", limit=20),
        )


def check_series(app: App, until: dict[str, object]) -> None:
    """The series are the same as from events, or there is nothing to compare."""
    ours = app.engine.rows(OUR_SERIES, until)
    for name, value in {"": "''", **DIMENSIONS}.items():
        last = until["until"] - timedelta(days=1)  # type: ignore[operator]
        mine = {
            row[name] if name else "": row["users"]
            for row in ours
            if row["day"] == last and all((row[other] != "") == (other == name) for other in DIMENSIONS)
        }
        raw = app.engine.rows(raw_rolling_difference(value))
        counted = sorted(row["users"] for row in raw if row["at"] == (last - date(1970, 1, 1)).days)
        assert sorted(mine.values()) == counted, f"series by {name or 'nothing'} differ"


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
) -> tuple[Cost, Cost]:
    """Cost of a question's statements in the engine, and of the whole call."""
    names = (by,) if isinstance(by, str) else by
    made = Question.of(app.catalog, metrics, window, grain=grain, by=names, **more)
    plan = make_plan(app.layout, read_coverage(app.engine, app.layout), made)
    statements = cost(lambda: [app.engine.query(each.sql, each.parameters) for each in plan.statements], repeat=9)
    return statements, cost(lambda: question(app, window, metrics, names, grain, **more), repeat=9)
