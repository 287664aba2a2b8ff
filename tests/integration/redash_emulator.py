"""Redash's REST API on loopback, as far as the provisioner needs it, with its own habits.

Written from the behaviour of its handlers: a new query is a draft without tags and gets a table of its own; passwords
are never shown; a query runs as a job; a stale version is refused; lists come in pages.
"""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

KEY = "emulated-key-of-an-admin"


@dataclass
class Redash:
    """Its state. ``writes`` are all requests that changed something."""

    sources: dict[int, dict[str, Any]] = field(default_factory=dict)
    queries: dict[int, dict[str, Any]] = field(default_factory=dict)
    charts: dict[int, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[int, dict[str, Any]] = field(default_factory=dict)
    widgets: dict[int, dict[str, Any]] = field(default_factory=dict)
    results: dict[int, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    url: str = ""
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def new(self, kind: dict[int, dict[str, Any]], **values: Any) -> dict[str, Any]:
        number = next(self.numbers)
        kind[number] = {"id": number, **values}
        return kind[number]

    def shown_source(self, number: int) -> dict[str, Any]:
        source = self.sources[number]
        options = {**source["options"], **({"password": "--------"} if source["options"].get("password") else {})}
        return {**source, "options": options}

    def shown_query(self, number: int) -> dict[str, Any]:
        own = [{k: v for k, v in chart.items() if k != "query_id"} for chart in self.charts.values()]
        mine = [chart["id"] for chart in self.charts.values() if chart["query_id"] == number]
        return {**self.queries[number], "visualizations": [chart for chart in own if chart["id"] in mine]}

    def shown_dashboard(self, number: int) -> dict[str, Any]:
        mine = [widget for widget in self.widgets.values() if widget["dashboard_id"] == number]
        shown = []
        for widget in mine:
            chart = self.charts.get(widget["visualization_id"] or 0)
            shown.append({**widget, **({"visualization": chart} if chart else {})})
        return {**self.dashboards[number], "widgets": shown}

    def answer(self, method: str, path: list[str], asked: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        """Status and answer of a request."""
        if method != "GET":
            self.writes.append(f"{method} {'/'.join(path)}")
        match method, path:
            case "GET", ["data_sources"]:
                return 200, [{k: v for k, v in each.items() if k != "options"} for each in self.sources.values()]
            case "GET", ["data_sources", number]:
                return 200, self.shown_source(int(number))
            case "POST", ["data_sources"]:
                if any(each["name"] == body["name"] for each in self.sources.values()):
                    return 400, {"message": f"Data source with the name {body['name']} already exists."}
                return 200, self.shown_source(self.new(self.sources, **body)["id"])
            case "POST", ["data_sources", number]:
                self.sources[int(number)].update(body)
                return 200, self.shown_source(int(number))
            case "GET", ["queries"]:
                return 200, self._page(self.queries, asked)
            case "POST", ["queries"]:
                if body["data_source_id"] not in self.sources:
                    return 404, {"message": "Not found"}
                made = self.new(self.queries, **{**body, "is_draft": True, "tags": [], "version": 1})
                self.new(self.charts, query_id=made["id"], type="TABLE", name="Table", description="", options={})
                return 200, self.shown_query(made["id"])
            case "GET", ["queries", number]:
                return 200, self.shown_query(int(number))
            case "POST", ["queries", number]:
                held = self.queries[int(number)]
                if body.get("version", held["version"]) != held["version"]:
                    return 409, {"message": "conflict"}
                held.update(body, version=held["version"] + 1)
                return 200, self.shown_query(int(number))
            case "POST", ["queries", number, "results"]:
                self.writes.pop()
                return 200, self._run(self.queries[int(number)])
            case "GET", ["jobs", name]:
                return 200, {"job": self.jobs[name]}
            case "GET", ["query_results", number]:
                return 200, {"query_result": self.results[int(number)]}
            case "POST", ["visualizations"]:
                return 200, self.new(self.charts, **body)
            case "POST", ["visualizations", number]:
                self.charts[int(number)].update(body)
                return 200, self.charts[int(number)]
            case "GET", ["dashboards"]:
                return 200, self._page(self.dashboards, asked)
            case "POST", ["dashboards"]:
                made = self.new(self.dashboards, name=body["name"], is_draft=True, tags=[], version=1)
                return 200, {**made, "widgets": None}
            case "GET", ["dashboards", number]:
                return 200, self.shown_dashboard(int(number))
            case "POST", ["dashboards", number]:
                self.dashboards[int(number)].update(body)
                return 200, self.shown_dashboard(int(number))
            case "POST", ["widgets"]:
                return 200, self.new(self.widgets, **body)
        return 404, {"message": "Not found"}

    def _page(self, kind: dict[int, dict[str, Any]], asked: dict[str, str]) -> dict[str, Any]:
        page, size = int(asked.get("page", 1)), min(int(asked.get("page_size", 25)), 2)  # small pages on purpose
        found = [each for each in kind.values() if not asked.get("tags") or asked["tags"] in each["tags"]]
        return {"count": len(found), "page": page, "page_size": size, "results": found[(page - 1) * size :][:size]}

    def _run(self, query: dict[str, Any]) -> dict[str, Any]:
        """Run a query as Redash's ClickHouse runner does: POST of the text, FORMAT JSON, user in the URL."""
        options = self.sources[query["data_source_id"]]["options"]
        fields = f"user={options['user']}&password={options['password']}&database={options['dbname']}"
        name = f"job-{next(self.numbers)}"
        try:
            request = Request(f"{options['url']}/?{fields}", data=f"{query['query']}\nFORMAT JSON".encode())
            with urlopen(request, timeout=30) as reply:
                rows = json.load(reply)["data"]
            result = self.new(self.results, data={"rows": rows})
            self.jobs[name] = {"id": name, "status": 3, "error": "", "query_result_id": result["id"]}
        except OSError as error:
            self.jobs[name] = {"id": name, "status": 4, "error": str(error), "query_result_id": None}
        return {"job": {"id": name, "status": 1, "error": "", "query_result_id": None}}


class _Handler(BaseHTTPRequestHandler):
    redash: Redash

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        self._serve(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _serve(self, body: dict[str, Any]) -> None:
        parts = urlsplit(self.path)
        if self.headers.get("Authorization") != f"Key {KEY}":
            self.send_response(302)
            self.send_header("Location", "/login")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path.removeprefix("/api/").strip("/").split("/")
        status, answer = self.redash.answer(self.command, path, asked, body)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def start(redash: Redash) -> ThreadingHTTPServer:
    """Serve it on a free port of loopback; its address is then in ``url``."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"redash": redash}))
    server.daemon_threads = True
    redash.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server
