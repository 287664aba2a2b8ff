"""The synthetic social app: its history in bulk, computed inside the engine, and what was injected where."""

from appanalytics.simulate.history import simulate
from appanalytics.simulate.story import Story
from appanalytics.simulate.truth import GroundTruth
from appanalytics.simulate.world import World

__all__ = ["GroundTruth", "Story", "World", "simulate"]
