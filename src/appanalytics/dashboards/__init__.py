"""Dashboards as code: specs in YAML become Superset's datasets, charts and dashboards, and stay so."""

from appanalytics.dashboards.bundle import Bundle, Connection, render
from appanalytics.dashboards.datasets import Datasets
from appanalytics.dashboards.spec import DashboardSpec, load_specs, parse_spec

__all__ = ["Bundle", "Connection", "DashboardSpec", "Datasets", "load_specs", "parse_spec", "render"]
