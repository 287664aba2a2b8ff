"""How to talk to ClickHouse: one port, two engines behind it, chosen by a URL."""

from appanalytics.engine.connect import connect
from appanalytics.engine.port import Engine
from appanalytics.engine.url import WarehouseUrl

__all__ = ["Engine", "WarehouseUrl", "connect"]
