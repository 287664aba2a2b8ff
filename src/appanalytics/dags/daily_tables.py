"""DAG: Yesterday in the rollups and in the report table.

Two sources are read and merged into the rollups, the day is checked, the report table's slices are made one by one
and loaded together; audience and retention of the day follow the checks. Every task can be cleared and run again,
alone or with what follows: the result is the same.

A range of days: `airflow backfill create --dag-id daily_tables --from-date 2026-11-01 --to-date 2026-11-07T23:59:59`,
or without Airflow `appanalytics run daily_tables --since 2026-11-01 --until 2026-11-08`.
"""

from datetime import timedelta

from airflow.sdk import dag

from appanalytics.scheduling import TABLES, routine, settings, sources, step, steps


@dag(**routine("daily_tables", __doc__, within=timedelta(hours=3)))
def daily_tables() -> None:
    events = {source: step("tables.extract", name=f"extract_{source}", source=source) for source in sources()}
    merged = step("tables.merge", events=events)
    checked = step("tables.check_day")
    sliced = steps("tables.make_slice", "dimension", settings().settings.schedule.dimensions)
    merged >> checked >> sliced >> step("tables.load", options={"outlets": [TABLES]})
    checked >> [step("analyses.audience_table"), step("analyses.retention_table")]


daily_tables()
