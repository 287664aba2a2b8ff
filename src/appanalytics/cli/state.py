"""What every command shares: the options that may stand before or after its name, and the open warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appanalytics.errors import UserError, nearest

if TYPE_CHECKING:
    from appanalytics.app import App
    from appanalytics.settings import Loaded

FORMATS = ("table", "json", "csv")
_WITH_VALUE = {"--format": "format", "--warehouse": "warehouse", "--config": "config"}


@dataclass
class Options:
    """Options of all commands. Filled by `take_options` before a command runs."""

    format: str = "table"
    warehouse: str | None = None
    config: str | None = None
    debug: bool = False

    def load(self) -> Loaded:
        """Read the settings with the options on top."""
        from appanalytics.settings import load_settings

        overrides = {"warehouse.url": self.warehouse} if self.warehouse else {}
        return load_settings(Path(self.config) if self.config else None, overrides=overrides)

    def open(self, *, create: bool = False) -> App:
        """Open the warehouse of the settings."""
        from appanalytics.app import open_app

        return open_app(self.warehouse, config=self.config, create=create)


options = Options()


def take_options(arguments: Sequence[str]) -> list[str]:
    """Take the common options out of a command line, wherever they stand; returns the rest.

    Raises `UserError` for an option without a value and for an unknown format.
    """
    options.__init__()  # type: ignore[misc]  # a second call in one process starts afresh
    rest: list[str] = []
    left = list(arguments)
    while left:
        word = left.pop(0)
        name, has_value, value = word.partition("=")
        if word == "--":
            return [*rest, word, *left]
        if word == "--debug":
            options.debug = True
        elif name in _WITH_VALUE:
            if not has_value:
                if not left:
                    raise UserError(f"{name} needs a value")
                value = left.pop(0)
            setattr(options, _WITH_VALUE[name], value)
        else:
            rest.append(word)
    if options.format not in FORMATS:
        raise UserError(f"unknown format {options.format!r}", hint=nearest(options.format, FORMATS))
    return rest
