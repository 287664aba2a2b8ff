"""SQL that is written, not compiled: `.sql` files beside the code that runs them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def read_sql(package: str, name: str) -> str:
    """Return the text of ``name``.sql in a package's ``sql`` folder."""
    return files(package).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
