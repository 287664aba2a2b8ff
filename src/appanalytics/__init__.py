"""Exact product analytics for social apps on ClickHouse, from a laptop to a cluster.

>>> import appanalytics
>>> app = appanalytics.open()                                        # doctest: +SKIP
>>> app.query("ctr", by="source", since="2026-11-01", grain="day")   # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from appanalytics.app import App
    from appanalytics.app import open_app as open  # noqa: A004
    from appanalytics.errors import AppAnalyticsError, UserError
    from appanalytics.query import Answer
    from appanalytics.window import Grain, Window

__version__ = version("appanalytics")
__all__ = ["Answer", "App", "AppAnalyticsError", "Grain", "UserError", "Window", "__version__", "open"]

_HOMES = {
    "Answer": ("appanalytics.query", "Answer"),
    "App": ("appanalytics.app", "App"),
    "AppAnalyticsError": ("appanalytics.errors", "AppAnalyticsError"),
    "Grain": ("appanalytics.window", "Grain"),
    "UserError": ("appanalytics.errors", "UserError"),
    "Window": ("appanalytics.window", "Window"),
    "open": ("appanalytics.app", "open_app"),
}


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used, so that ``--help`` need not load an engine."""
    if name not in _HOMES:
        raise AttributeError(f"module 'appanalytics' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
