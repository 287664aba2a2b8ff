"""DAG: Yesterday's report to the chats.

Waits for the report tables of the day, an hour at most. If they have not come by then, the report says that the
day's data are not complete instead of sending numbers that are wrong; when they are there, run the day again: its
numbers follow, and no chat gets anything twice.
"""

from datetime import timedelta

from airflow.sdk import dag

from appanalytics.scheduling import REPORT_FORM, TABLES, routine, step, wait_for_tables


@dag(**routine("daily_report", __doc__, within=timedelta(hours=2), params=REPORT_FORM))
def daily_report() -> None:
    tables = wait_for_tables(TABLES, patience=timedelta(hours=1))
    tables >> step("report.report_by_schedule", name="send", form=REPORT_FORM, options={"trigger_rule": "all_done"})


daily_report()
