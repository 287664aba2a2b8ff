"""The few ways in which text becomes SQL: quoted identifiers, escaped literals, lists of lines.

Identifiers come from the catalog or from the database's own column list, literals from the catalog. What a
user asks for is always a bound ``{name:Type}`` parameter and never passes through here.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from string import Template


def identifier(name: str) -> str:
    """Quote a name for use in SQL; plain names stay as they are, for readers."""
    if name.isidentifier() and name.isascii():
        return name
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def literal(value: str | int | float) -> str:
    """A number or an escaped string literal."""
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return repr(value)


def comma(parts: Iterable[str], indent: int = 4) -> str:
    """Join the parts of a list, each on a line of its own."""
    return (",\n" + " " * indent).join(parts)


@cache
def read_sql(package: str, name: str) -> str:
    """Return the text of ``name``.sql in a package's ``sql`` folder."""
    return files(package).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def render(package: str, name: str, **names: str) -> str:
    """A written SQL shape with the catalog's identifiers put in place of its ``$names``."""
    return Template(read_sql(package, name)).substitute(names)
