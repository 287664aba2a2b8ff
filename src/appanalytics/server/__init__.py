"""One owner of the data: ClickHouse's HTTP protocol over the embedded engine."""

from appanalytics.server.run import Server, ServerOptions

__all__ = ["Server", "ServerOptions"]
