"""DAG: All checks of the warehouse: freshness, volume, impossible values, rollups against events.

What was found is kept in the table `quality`; a check that fails fails the run.
"""

from datetime import timedelta

from airflow.sdk import dag

from appanalytics.scheduling import job, routine


@dag(**routine("data_quality", __doc__, within=timedelta(hours=1)))
def data_quality() -> None:
    job("data_quality")


data_quality()
