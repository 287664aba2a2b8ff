"""The event collector: JSON in, durable rows out, each batch once."""

from appanalytics.server.collector.http import PREFIX, CollectorEndpoint, CollectorOptions
from appanalytics.server.collector.start import KEYS_FILE, Opened, open_collector

__all__ = ["KEYS_FILE", "PREFIX", "CollectorEndpoint", "CollectorOptions", "Opened", "open_collector"]
