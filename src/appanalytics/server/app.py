"""The ASGI application: paths, the body's first pieces, the thread that works, the client that leaves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from appanalytics.server.body import Body, Gone, Receive
from appanalytics.server.collector import PREFIX, CollectorEndpoint
from appanalytics.server.early import EARLY
from appanalytics.server.handler import Handler
from appanalytics.server.problems import Problem, from_engine
from appanalytics.server.reply import Reply, Send
from appanalytics.server.request import Request, read_request
from appanalytics.server.running import Run

log = logging.getLogger("appanalytics.server")
_ALIVE = frozenset(["/ping", "/replicas_status"])
_QUERIES = frozenset(["/", "/query"])
_METHODS = frozenset(["GET", "POST", "PUT", "HEAD"])
_ASK_AGAIN = 0.2


class Application:
    """ClickHouse's HTTP protocol over a `Handler`."""

    def __init__(
        self,
        handler: Handler,
        kill: Callable[[Run], None],
        threads: ThreadPoolExecutor,
        patience: float,
        collector: CollectorEndpoint | None = None,
    ) -> None:
        self._patience = patience
        self._handler = handler
        self._collector = collector
        self._kill = kill
        self._threads = threads

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection event of the ASGI server."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if self._collector is not None and path.startswith(PREFIX):
            await self._collector(scope, receive, send)
        elif path in _ALIVE:
            await _plain(send, 200, "Ok.\n")
        elif path not in _QUERIES:
            await _plain(send, 404, f"There is no handle {path[:200]}\n")
        elif method not in _METHODS:
            await _plain(send, 405, f"the method {method[:20]} is not supported\n", ("Allow", "GET, POST, PUT, HEAD"))
        elif method in ("GET", "HEAD") and not scope["query_string"]:
            await _plain(send, 200, "Ok.\n")
        else:
            await self._query(scope, receive, send)

    async def _query(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        reply = Reply(send, loop, scope.get("extensions", {}).get(EARLY))
        body = Body(receive, loop, self._patience)
        try:
            try:
                request = read_request(scope)
                await body.begin()
            except Problem as problem:
                await reply.finish(*reply.fail(problem, self._handler.facts.version))
                return
            work = loop.run_in_executor(self._threads, self._work, request, body, reply)
            watch = asyncio.create_task(self._watch(receive, reply, work)) if body.complete else None
            status, rest = await work
            if watch is not None:
                watch.cancel()
            await reply.finish(status, rest)
        except Gone:
            return

    def _work(self, request: Request, body: Body, reply: Reply) -> tuple[int, bytes]:
        version = self._handler.facts.version
        try:
            self._handler.serve(request, body, reply)
            return 200, reply.end()
        except Gone:
            raise
        except Problem as problem:
            return reply.fail(problem, version)
        except Exception as error:
            log.exception("a request failed")
            return reply.fail(from_engine(error), version)

    async def _watch(self, receive: Receive, reply: Reply, work: asyncio.Future[Any]) -> None:
        """Stop a reading statement when its client leaves."""
        while (await receive())["type"] != "http.disconnect":
            pass
        reply.gone = True
        while not work.done():
            run = self._handler.runs.get(reply)
            if run is not None:
                await asyncio.get_running_loop().run_in_executor(None, self._kill, run)
            await asyncio.wait([work], timeout=_ASK_AGAIN)


async def _plain(send: Send, status: int, text: str, *headers: tuple[str, str]) -> None:
    data = text.encode("utf-8", "replace")
    lines = [("Content-Type", "text/plain; charset=UTF-8"), ("Content-Length", str(len(data))), *headers]
    encoded = [(key.encode(), value.encode()) for key, value in lines]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": data})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
