"""DAG: Running experiments analysed as of yesterday.

Results by metric, method, variant, segment and day go to the tables that the dashboard reads; analysing a day again
replaces its results. Nothing is decided here: `appanalytics experiment decide` does, and a person reads its page.
"""

from datetime import timedelta

from airflow.sdk import dag

from appanalytics.scheduling import job, routine


@dag(**routine("experiments_daily", __doc__, within=timedelta(hours=2)))
def experiments_daily() -> None:
    job("experiments_daily")


experiments_daily()
