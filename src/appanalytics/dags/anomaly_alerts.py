"""DAG: Anomalies of the last quarter hours.

All bins that are over and there are judged, in order, so a run that was missed is caught up by the next one, and one
that is repeated finds nothing to do. Incidents are told to the chats, and listed by `appanalytics alerts list`.
"""

from datetime import timedelta

from airflow.sdk import dag

from appanalytics.scheduling import routine, step


@dag(**routine("anomaly_alerts", __doc__, within=timedelta(minutes=30), every_day=False))
def anomaly_alerts() -> None:
    step("alert_messages.run_tick", name="check_and_tell")


anomaly_alerts()
