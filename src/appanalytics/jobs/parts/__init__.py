"""The parts of the product on one machine (server, live events, Superset, Airflow), kept running by supervisord."""

from appanalytics.jobs.parts.part import Part, Ready
from appanalytics.jobs.parts.supervisor import PartState, Supervisor

__all__ = ["Part", "PartState", "Ready", "Supervisor"]
