"""DAG: A backup of the warehouse.

Taken while everything goes on, named after the day; the oldest are removed. `appanalytics restore` brings one back.
"""

from datetime import timedelta

from airflow.sdk import dag

from appanalytics.scheduling import job, routine


@dag(**routine("backup", __doc__, within=timedelta(hours=6)))
def backup() -> None:
    job("backup")


backup()
