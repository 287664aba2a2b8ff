"""What is to be done so that Redash has the spec, and doing it. Things are known by their name and our tag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from appanalytics.progress import Progress, silent
from appanalytics.redash.client import Redash
from appanalytics.redash.spec import TAG, Chart, Query, Spec

_TABLE = "TABLE"
_COLUMNS, _ROWS = 3, 8  # of Redash's grid of 6 columns: two charts beside each other


@dataclass(frozen=True)
class Change:
    """One thing to create or to change: ``fields`` are those that differ (all when it is new)."""

    action: str
    kind: str
    name: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        which = f" ({', '.join(self.fields)})" if self.fields else ""
        return f"{self.action} {self.kind} {self.name!r}{which}"


class _Work:
    """Walks the spec; without ``doing`` it only notes what would be done."""

    def __init__(self, redash: Redash, spec: Spec, doing: bool) -> None:
        self.redash, self.spec, self.doing = redash, spec, doing
        self.changes: list[Change] = []

    def walk(self, progress: Progress) -> None:
        """Go through everything that shall be there, in the order in which one thing needs another."""
        source = self._source()
        held = {each["name"]: each for each in self.redash.pages("queries", tags=TAG)}
        shown: list[int] = []
        for done, query in enumerate(self.spec.queries):
            progress("Redash", done, len(self.spec.queries), "queries")
            shown += self._query(query, held.get(query.name), source)
        progress("Redash", len(self.spec.queries), len(self.spec.queries), "queries")
        self._dashboard(shown)

    def _source(self) -> int | None:
        """The data source. Redash never shows its password, so a new one alone is not seen as a difference."""
        wanted = self.spec.source
        body = {"name": wanted.name, "type": "clickhouse", "options": wanted.options()}
        found = next((each for each in self.redash.get("data_sources") if each["name"] == wanted.name), None)
        if found is None:
            made = self._do("create", "data source", wanted.name, lambda: self.redash.post("data_sources", body))
            return made["id"] if made else None
        has = self.redash.get(f"data_sources/{found['id']}")["options"]
        differ = [key for key, value in wanted.options().items() if key != "password" and has.get(key) != value]
        if differ:
            post = lambda: self.redash.post(f"data_sources/{found['id']}", body)  # noqa: E731
            self._do("change", "data source", wanted.name, post, differ)
        return int(found["id"])

    def _query(self, query: Query, found: dict[str, Any] | None, source: int | None) -> list[int]:
        """One query with its charts; returns the visualizations to show (none while only planning new ones)."""
        wanted = {
            "query": query.sql,
            "description": query.description,
            "data_source_id": source,
            "schedule": {"interval": query.every, "time": None, "day_of_week": None, "until": None},
            "is_draft": False,
            "tags": [TAG],
        }
        if found is None:
            found = self._do("create", "query", query.name, lambda: self._new_query(query.name, wanted))
            if found is None:
                self.changes += [Change("create", "chart", chart.name) for chart in query.charts]
                return []
        else:
            found = self.redash.get(f"queries/{found['id']}")
            differ = [key for key, value in wanted.items() if found.get(key) != value]
            if differ:
                self._do(
                    "change", "query", query.name, lambda: self.redash.post(f"queries/{found['id']}", wanted), differ
                )
        held = {each["name"]: each for each in found["visualizations"]}
        if not query.charts:
            return [each["id"] for each in found["visualizations"] if each["type"] == _TABLE][:1]
        shown = [self._chart(chart, held.get(chart.name), found["id"]) for chart in query.charts]
        return [number for number in shown if number is not None]

    def _new_query(self, name: str, wanted: dict[str, Any]) -> Any:
        """A new query is a draft without tags, whatever is asked for; a second request publishes it."""
        first = {key: value for key, value in wanted.items() if key not in ("is_draft", "tags")}
        made = self.redash.post("queries", {"name": name, "options": {"parameters": []}, **first})
        return self.redash.post(f"queries/{made['id']}", {"is_draft": False, "tags": [TAG]})

    def _chart(self, chart: Chart, found: dict[str, Any] | None, query: int) -> int | None:
        body = {"type": "CHART", "name": chart.name, "description": "", "options": chart.options()}
        if found is None:
            post = lambda: self.redash.post("visualizations", {"query_id": query, **body})  # noqa: E731
            made = self._do("create", "chart", chart.name, post)
            return made["id"] if made else None
        if found["options"] != chart.options():
            change = lambda: self.redash.post(f"visualizations/{found['id']}", body)  # noqa: E731
            self._do("change", "chart", chart.name, change, ["options"])
        return int(found["id"])

    def _dashboard(self, shown: list[int]) -> None:
        name = self.spec.dashboard
        found = next((each for each in self.redash.pages("dashboards", tags=TAG) if each["name"] == name), None)
        if found is None:
            found = self._do("create", "dashboard", name, lambda: self._new_dashboard(name))
            if found is None:
                return
        found = self.redash.get(f"dashboards/{found['id']}")
        widgets = found["widgets"] or []
        if not any(each.get("text") == self.spec.intro for each in widgets):
            self._widget(found["id"], None, self.spec.intro, {"col": 0, "row": 0, "sizeX": 6, "sizeY": 2})
        held = {each["visualization"]["id"] for each in widgets if each.get("visualization")}
        for place, number in enumerate(shown):
            if number not in held:
                position = {
                    "col": place % 2 * _COLUMNS,
                    "row": 2 + place // 2 * _ROWS,
                    "sizeX": _COLUMNS,
                    "sizeY": _ROWS,
                }
                self._widget(found["id"], number, "", position)

    def _new_dashboard(self, name: str) -> Any:
        made = self.redash.post("dashboards", {"name": name})
        return self.redash.post(f"dashboards/{made['id']}", {"is_draft": False, "tags": [TAG]})

    def _widget(self, dashboard: int, visualization: int | None, text: str, position: dict[str, int]) -> None:
        body = {
            "dashboard_id": dashboard,
            "visualization_id": visualization,
            "text": text,
            "width": 1,
            "options": {"position": position},
        }
        label = "text" if visualization is None else f"of visualization {visualization}"
        self._do("create", "widget", label, lambda: self.redash.post("widgets", body))

    def _do(self, action: str, kind: str, name: str, work: Callable[[], Any], fields: list[str] | None = None) -> Any:
        self.changes.append(Change(action, kind, name, tuple(fields or ())))
        return work() if self.doing else None


def plan(redash: Redash, spec: Spec) -> list[Change]:
    """What `apply` would do; nothing is changed. A dashboard that is new is one change, whatever it will show."""
    work = _Work(redash, spec, doing=False)
    work.walk(silent)
    return work.changes


def apply(redash: Redash, spec: Spec, progress: Progress = silent) -> list[Change]:
    """Make Redash have the spec; returns what was done. A second time there is nothing to do.

    What others made is left alone, and so is whatever an earlier spec had and this one has not.
    """
    work = _Work(redash, spec, doing=True)
    work.walk(progress)
    return work.changes
