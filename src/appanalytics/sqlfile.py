"""Kept for `read_sql`; see `sqltext`."""

from appanalytics.sqltext import read_sql

__all__ = ["read_sql"]
