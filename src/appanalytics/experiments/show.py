"""An analysis as text: for a terminal, a notebook, a log."""

from __future__ import annotations

from appanalytics.experiments.analysis import Analysis


def as_text(analysis: Analysis) -> str:
    """The page as plain Markdown without pictures."""
    from appanalytics.experiments.page import page_of

    return page_of(analysis, pictures=False).markdown()
