"""Quality checks: is the warehouse up to date, plausible, and at one with itself?

`run_checks` looks at a warehouse, `check_report_table` at a report table from anywhere. Both only read, and
answer with a `CheckReport`; nothing is raised for bad data.
"""

from appanalytics.warehouse.checks.limits import Limits
from appanalytics.warehouse.checks.report import Check, CheckReport, Status
from appanalytics.warehouse.checks.run import run_checks
from appanalytics.warehouse.checks.table import check_report_table
from appanalytics.warehouse.checks.tablefile import read_report_table

__all__ = [
    "Check",
    "CheckReport",
    "Limits",
    "Status",
    "check_report_table",
    "read_report_table",
    "run_checks",
]
