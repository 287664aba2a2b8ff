"""What checks answer: frozen results that print, and turn into records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

Value = str | int | float | None
#: Findings of one kind that are listed; the rest are counted.
MOST = 10


class Status(StrEnum):
    """How a check came out. ``skipped`` means that it could not be made, and says why."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding, or one check without a finding.

    ``compared`` says what was set against what; ``found`` and ``expected`` are the two numbers or texts; ``day``
    and ``slice`` say where (None and empty: everywhere); ``hint`` what to do, or why it was skipped.
    """

    name: str
    status: Status
    compared: str
    found: Value = None
    expected: Value = None
    day: date | None = None
    slice: str = ""
    hint: str = ""

    @property
    def where(self) -> str:
        """Day and slice as text; empty when the check is about everything."""
        return ", ".join(part for part in (str(self.day or ""), self.slice) if part)

    def __str__(self) -> str:
        parts = [f"{self.status:<8}{self.name:<18}{self.compared}"]
        if self.where:
            parts.append(f"at {self.where}")
        if self.found is not None:
            parts.append(f"found {_show(self.found)}")
        if self.expected is not None:
            parts.append(f"expected {_show(self.expected)}")
        text = "; ".join(parts)
        return f"{text} ({self.hint})" if self.hint else text


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All results, in the order in which the checks were made.

    ``days`` are those whose events were read in full.
    """

    checks: tuple[Check, ...]
    days: tuple[date, ...] = ()

    @property
    def failed(self) -> tuple[Check, ...]:
        """Findings that make numbers wrong; empty when there are none."""
        return self._of(Status.FAILED)

    @property
    def warnings(self) -> tuple[Check, ...]:
        """Findings that somebody should look at."""
        return self._of(Status.WARNING)

    @property
    def status(self) -> Status:
        """The worst status of all checks; skipped when none could be made."""
        held = {check.status for check in self.checks}
        order = (Status.FAILED, Status.WARNING, Status.OK)
        return next((status for status in order if status in held), Status.SKIPPED)

    def to_records(self) -> list[dict[str, Any]]:
        """Flat records: name, status, compared, found, expected, day (ISO or None), slice, hint."""
        return [
            {
                "name": check.name,
                "status": check.status.value,
                "compared": check.compared,
                "found": check.found,
                "expected": check.expected,
                "day": check.day.isoformat() if check.day else None,
                "slice": check.slice,
                "hint": check.hint,
            }
            for check in self.checks
        ]

    def _of(self, status: Status) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.status is status)

    def __str__(self) -> str:
        counts = Counter(check.status for check in self.checks)
        told = ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])
        lines = [*map(str, self.checks), f"{len(self.checks)} results: {told or 'none'}"]
        if self.days:
            lines.append(f"events read in full: {', '.join(map(str, self.days))}")
        return "\n".join(lines)


def settle(name: str, compared: str, findings: Iterable[Check], *, looked_at: Value = None) -> list[Check]:
    """One ``ok`` when there is no finding; otherwise the worst findings first, the rest as one count."""
    listed = sorted(findings, key=lambda each: each.status is not Status.FAILED)
    if not listed:
        return [Check(name, Status.OK, compared, found=looked_at)]
    kept, rest = listed[:MOST], listed[MOST:]
    if rest:
        status = Status.FAILED if any(each.status is Status.FAILED for each in rest) else Status.WARNING
        kept.append(Check(name, status, compared, hint=f"and {len(rest)} more of this kind"))
    return kept


def skipped(name: str, compared: str, why: str) -> list[Check]:
    """A check that could not be made."""
    return [Check(name, Status.SKIPPED, compared, hint=why)]


def _show(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
