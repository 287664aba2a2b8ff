"""From a question to statements: for each measure the smallest relation that can answer exactly.

The order of preference is the compact rollups (`slice_day`, `active_link`, `active_delta`, `post_day`), then
`user_day`, then the events. A rollup
answers only for whole days that did not change since they were rolled up; otherwise the events do, and the
plan says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from appanalytics.catalog import Active, Measure
from appanalytics.query.asked import Prefer
from appanalytics.query.counts import Counts
from appanalytics.query.coverage import Coverage
from appanalytics.query.question import Question
from appanalytics.query.statements import Statement
from appanalytics.query.timeline import Timeline
from appanalytics.query.windows import Windows
from appanalytics.warehouse.rollup import Layout


@dataclass(frozen=True)
class Plan:
    """Statements that answer a question together, each leaf of its metrics in one of them (or more, by sign)."""

    question: Question
    timeline: Timeline
    statements: tuple[Statement, ...]

    def explain(self) -> str:
        """The plan and its SQL, ready to paste: parameters first, as SET statements."""
        return "\n\n".join(_explained(each) for each in self.statements)


def make_plan(layout: Layout, coverage: Coverage, question: Question, prefer: Prefer = Prefer.AUTO) -> Plan:
    """Choose a relation for every leaf and compile the statements; measures of one relation share one."""
    counts = Counts(layout, coverage, question, prefer)
    windows = Windows(layout, coverage, question, prefer)
    shared: dict[str, list[Measure]] = {}
    rolling: dict[tuple[str, bool], list[Active]] = {}
    made: list[Statement] = []
    for leaf in {leaf.name: leaf for name in question.metrics for leaf in layout.catalog.leaves(name)}.values():
        if isinstance(leaf, Measure):
            if leaf.first or leaf.active_in:
                made.append(counts.special(leaf))
            else:
                shared.setdefault(counts.relation(leaf), []).append(leaf)
        elif counts.is_of_bucket(leaf):
            made += counts.of_bucket(leaf)
        elif leaf.days is None:
            made.append(windows.periodic(leaf))
        else:
            # A window that looks back on a stale day is answered from events; shorter ones need not be.
            rolling.setdefault((leaf.active, bool(windows.why_events(leaf.days - 1))), []).append(leaf)
    made += [each for relation, measures in shared.items() for each in counts.grouped(relation, measures)]
    made += [each for metrics in rolling.values() for each in windows.rolling(metrics)]
    return Plan(question, counts.timeline, tuple(made))


def _explained(statement: Statement) -> str:
    lines = [f"-- {', '.join(statement.leaves)} from {statement.relation}"]
    if statement.reason:
        lines[0] += f": {statement.reason}"
    return "\n".join([*lines, shown(statement.sql, statement.parameters)])


def shown(sql: str, parameters: Mapping[str, object]) -> str:
    """A statement ready to paste: its parameters first, as SET statements."""
    lines = [f"SET param_{name} = {_text(value)};" for name, value in parameters.items()]
    return "\n".join([*lines, sql.rstrip() + ";"])


def _text(value: object) -> str:
    if isinstance(value, datetime):
        value = value.strftime("%Y-%m-%d %H:%M:%S")
    text = str(value).replace("'", "\\'") if isinstance(value, list) else str(value)
    return f"'{text}'"
