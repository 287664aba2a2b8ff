"""Reports for people: figures, their text in two languages, their picture."""

from appanalytics.reports.contents import Contents, load_contents
from appanalytics.reports.daily import DailyReport, daily_report
from appanalytics.reports.message import Finding

__all__ = ["Contents", "DailyReport", "Finding", "daily_report", "load_contents"]
