"""What is measured: sources, dimensions, measures and metrics, defined once in YAML."""

from appanalytics.catalog.load import load_catalog
from appanalytics.catalog.model import Active, Catalog, Dimension, Measure, Ratio, Source

__all__ = ["Active", "Catalog", "Dimension", "Measure", "Ratio", "Source", "load_catalog"]
