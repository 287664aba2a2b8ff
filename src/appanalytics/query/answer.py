"""An answer: flat records, ready for a terminal, a notebook, pandas, Arrow or JSON."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from appanalytics.query.question import Question

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Record = dict[str, Any]


@dataclass(frozen=True, repr=False)
class Answer:
    """Records in the order of time, then of dimension values (of size, for a total).

    Each record has ``time`` (start of its bucket), one key for each dimension and metric, and ``complete``:
    False when the bucket is cut by the window, reaches beyond ``as_of`` or before the first event. Counts are
    whole numbers, ratios fractions, None where nothing can be divided. With a comparison there are also
    ``<metric>_before`` (None before the first event's day) and ``<metric>_change`` (relative; None where the
    value before is None or 0).
    """

    question: Question
    records: tuple[Record, ...]
    units: Mapping[str, str] = field(default_factory=dict)
    plan: str = ""
    notes: Sequence[str] = ()

    @property
    def columns(self) -> list[str]:
        """Keys of every record, in order."""
        names = ["time", *self.question.by]
        for metric in self.question.metrics:
            names.append(metric)
            if self.question.compare:
                names += [f"{metric}_before", f"{metric}_change"]
        return [*names, "complete"]

    def column(self, name: str) -> list[Any]:
        """All values of one column, in the order of the records."""
        return [record[name] for record in self.records]

    def value(self, metric: str | None = None) -> Any:
        """The one value of an answer with one record; the first metric unless another is named."""
        if len(self.records) != 1:
            raise ValueError(f"the answer has {len(self.records)} records, not one")
        return self.records[0][metric or self.question.metrics[0]]

    def to_arrow(self) -> pa.Table:
        """The records as an Arrow table."""
        return pa.table({name: pa.array(self.column(name)) for name in self.columns})

    def to_pandas(self) -> pd.DataFrame:
        """The records as a pandas frame; needs the extra ``pandas``."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def plot(self) -> Figure:
        """A line for each metric (and slice) over time, or bars for a total; needs the extra ``pictures``."""
        from appanalytics.query.plot import plot

        return plot(self)

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        from appanalytics.query.show import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from appanalytics.query.show import cell

        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell(self, record, name))}</td>" for name in self.columns) + "</tr>"
            for record in self.records[:1000]
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
