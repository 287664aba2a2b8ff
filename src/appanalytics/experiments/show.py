"""How results show themselves: as flat records, as tables of other libraries, as a page."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd

    from appanalytics.document import Document


class Shown:
    """A result with flat records and a page: what a notebook, pandas and Arrow ask of it."""

    __slots__ = ()

    @abstractmethod
    def records(self) -> list[dict[str, Any]]:
        """Flat records."""

    @abstractmethod
    def page(self, locale: str = "en", *, pictures: bool = True) -> Document:
        """The page for people, in English or Russian."""

    def to_arrow(self) -> pa.Table:
        """The records as an Arrow table."""
        return pa.Table.from_pylist(self.records())

    def to_pandas(self) -> pd.DataFrame:
        """The records as a pandas frame; needs the extra ``pandas``."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def __str__(self) -> str:
        return self.page(pictures=False).markdown()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return self.page()._repr_html_()
