"""The report table ``report_daily``: what each gender, age and OS did on each day.

Columns: ``event_date``, ``dimension``, ``dimension_value`` and six numbers.

* ``views``, ``likes``, ``messages_sent``: events of the day by the attributes that the events carry
* ``messages_received``: messages by the attributes of the user to whom they were sent
* ``users_sent``: over all senders, the different people to whom each wrote, summed
* ``users_received``: over all receivers, the different people who wrote to each, summed

A pair of sender and receiver counts once in ``users_sent``, under the attributes of its last message, and once
in ``users_received``. So within each dimension and day ``messages_sent`` and ``messages_received`` both add up
to all messages, ``users_sent`` and ``users_received`` both to all pairs, and all dimensions agree.
"""

from appanalytics.warehouse.report_table.build import ReportTableResult, build_report_table
from appanalytics.warehouse.report_table.read import COLUMNS, MEASURES, read_report_day, read_report_days
from appanalytics.warehouse.report_table.shape import DIMENSIONS
from appanalytics.warehouse.report_table.slices import build_slice, load_slices

__all__ = [
    "COLUMNS",
    "DIMENSIONS",
    "MEASURES",
    "ReportTableResult",
    "build_report_table",
    "build_slice",
    "load_slices",
    "read_report_day",
    "read_report_days",
]
