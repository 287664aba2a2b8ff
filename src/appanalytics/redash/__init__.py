"""Redash: the data source, queries and dashboard of the report tables, put there by its REST API."""

from appanalytics.redash.client import Redash
from appanalytics.redash.plan import Change, apply, plan
from appanalytics.redash.spec import Chart, Query, Source, Spec, report_spec

__all__ = ["Change", "Chart", "Query", "Redash", "Source", "Spec", "apply", "plan", "report_spec"]
