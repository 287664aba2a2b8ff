"""Reports for people: figures, their text in two languages, their picture."""

from appanalytics.reports.contents import Contents, load_contents
from appanalytics.reports.daily import DailyReport, daily_report

__all__ = ["Contents", "DailyReport", "daily_report", "load_contents"]
