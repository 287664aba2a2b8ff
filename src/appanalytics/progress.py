"""How long work tells how far it is, without knowing who watches (a progress bar, a log, nobody)."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with the name of the step, how much is done, of how much, and the unit."""

    def __call__(self, step: str, done: float, total: float, unit: str = "") -> None:
        """Tell that ``done`` of ``total`` units of ``step`` are finished; ``total`` 0 means unknown."""


def silent(step: str, done: float, total: float, unit: str = "") -> None:
    """Watch nothing."""
