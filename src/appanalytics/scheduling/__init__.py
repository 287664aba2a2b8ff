"""What the DAGs of `appanalytics.dags` share, so that each of them is a page: schedule, retries, the day of a run.

Needs Airflow, which lives in an environment of its own together with this package (`requirements/airflow.txt`).
"""

from appanalytics.scheduling.dag import REPORT_FORM, TABLES, routine, settings, sources
from appanalytics.scheduling.step import job, step, steps, wait_for_tables

__all__ = [
    "REPORT_FORM",
    "TABLES",
    "job",
    "routine",
    "settings",
    "sources",
    "step",
    "steps",
    "wait_for_tables",
]
