"""Superset itself: its configuration, its set-up, the process that serves it."""

from appanalytics.dashboards.superset.part import Part, superset_part
from appanalytics.dashboards.superset.secrets import Secrets, keep_secrets
from appanalytics.dashboards.superset.setup import SupersetFolder, set_up

__all__ = ["Part", "Secrets", "SupersetFolder", "keep_secrets", "set_up", "superset_part"]
