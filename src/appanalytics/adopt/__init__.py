"""An app's own tables as the warehouse's events: looked at, guessed, asked, counted, and laid under views."""

from appanalytics.adopt.check import Counted, count
from appanalytics.adopt.guess import Guess, guess
from appanalytics.adopt.lay import lay
from appanalytics.adopt.mapping import Branch, Pick, SourceMap
from appanalytics.adopt.settle import Wishes, settle
from appanalytics.adopt.sketch import Column, Sketch, read_sketches
from appanalytics.adopt.views import view_sql

__all__ = [
    "Branch",
    "Column",
    "Counted",
    "Guess",
    "Pick",
    "Sketch",
    "SourceMap",
    "Wishes",
    "count",
    "guess",
    "lay",
    "read_sketches",
    "settle",
    "view_sql",
]
