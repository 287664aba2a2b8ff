"""Every error this library raises on purpose.

* ``AppAnalyticsError``: what went wrong, where, what to try
  * ``UserError``: the person can fix it (exit code 2)
    * ``SettingsError``: a setting is missing, misspelt or out of range
    * ``WindowError``: a period that is empty, reversed or unreadable
    * ``CatalogError``: the catalog's YAML does not define what it should
    * ``CalendarError``: the calendar of known events cannot be understood
    * ``QuestionError``: an unknown metric, dimension, value or grain
    * ``MappingError``: a file's mapping does not fit the file
    * ``FileError``: a file that is not there or cannot be read
    * ``StatisticsError``: numbers that no statistic can be computed from
    * ``DashboardError``: a dashboard's spec, or Superset, is not what it should be
    * ``CellsError``: a table of cells that cannot be explained
    * ``ExperimentError``: an experiment's definition, state or file of users is not what it should be
    * ``WarehouseUnavailable``: no engine answers at the URL
      * ``WarehouseLocked``: another process owns the folder
      * ``AccessDenied``: user name or password refused
    * ``WarehouseMissing``: the warehouse has no tables yet
  * ``EngineError``: ClickHouse refused or failed a statement (exit code 1)
  * ``IntegrityError``: stored data contradict each other (exit code 1)
  * ``DeliveryError``: a message is written and waits (exit code 1)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AppAnalyticsError(Exception):
    """What went wrong, where, and what to try. ``hint`` is printed on a line of its own."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UserError(AppAnalyticsError):
    """The person who asked can fix it; nothing was changed."""

    exit_code = 2


class SettingsError(UserError):
    """A setting is missing, misspelt or out of range."""


class WindowError(UserError):
    """A period that is empty, reversed or unreadable."""


class CatalogError(UserError):
    """The catalog does not define what it should; the message names file and key."""


class CalendarError(UserError):
    """The calendar of known events cannot be understood; the message names file, entry and key."""


class QuestionError(UserError):
    """A question names a metric, dimension, value or grain that does not exist."""


class MappingError(UserError):
    """A mapping does not fit its file, or asks for something unsafe."""


class FileError(UserError):
    """A file is not there, or is not what its name says."""


class StatisticsError(UserError):
    """Numbers that no statistic can be computed from: NaN, a negative count, a level of 95."""


class ExperimentError(UserError):
    """An experiment's definition, state or file of users is not what it should be."""


class DashboardError(UserError):
    """A dashboard's spec names what does not exist, or Superset cannot be reached or refuses."""


class CellsError(UserError):
    """A table of cells is empty, torn or impossible."""


class WarehouseUnavailable(UserError):
    """No engine answers at the warehouse's URL."""


class WarehouseLocked(WarehouseUnavailable):
    """Another process owns the embedded engine's folder."""


class AccessDenied(WarehouseUnavailable):
    """The server refused the user name or the password."""


class WarehouseMissing(UserError):
    """The warehouse exists but has no tables or no events yet."""


class EngineError(AppAnalyticsError):
    """ClickHouse refused or failed a statement. ``code`` is ClickHouse's number, 0 if unknown."""

    def __init__(self, message: str, *, code: int = 0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code


class IntegrityError(AppAnalyticsError):
    """Stored data contradict each other."""


class DeliveryError(AppAnalyticsError):
    """A message is written and could not be delivered yet; delivering again is safe."""


def nearest(word: str, known: Iterable[str], *, most: int = 8) -> str:
    """Say what somebody may have meant: the closest known names, or the list of them."""
    names = sorted({str(name) for name in known})
    scores = {name: difflib.SequenceMatcher(None, word.lower(), name.lower()).ratio() for name in names}
    best = max(scores.values(), default=0.0)
    if best >= 0.6:
        close = [name for name in sorted(names, key=lambda name: -scores[name]) if scores[name] >= best - 0.05]
        return "did you mean " + " or ".join(close[:3]) + "?"
    if not names:
        return "there are none yet"
    shown = ", ".join(names[:most])
    return f"known: {shown}" + (", …" if len(names) > most else "")
