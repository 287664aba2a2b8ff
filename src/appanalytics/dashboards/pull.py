"""Take what was edited by hand in Superset back into the specs, key by key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from appanalytics.dashboards.charts import VIZ
from appanalytics.dashboards.plan import Change, Plan
from appanalytics.dashboards.spec import GRAINS, Written

_GRAIN_NAMES = {code: name for name, code in GRAINS.items()}
_KIND_NAMES = {code: name for name, code in VIZ.items()}


@dataclass(frozen=True, slots=True)
class Pulled:
    """An edit that a spec now has (``key``), or that no key of a spec can hold (``key`` is empty)."""

    name: str
    key: str
    value: Any
    change: Change

    def record(self) -> dict[str, Any]:
        """The edit as a flat record."""
        state = "pulled" if self.key else "stays in Superset alone"
        return {"name": self.name, "key": self.key or self.change.field, "value": self.value, "state": state}


def pull(plan: Plan, specs: Iterable[Written], folder: Path, locale: str) -> list[Pulled]:
    """Write the edits of a plan into specs of ``folder``, one file for each dashboard that was edited.

    Comments of a spec are not kept in the file that is written. Edits that no key can hold are returned, not lost.
    """
    found: list[Pulled] = []
    for written in specs:
        raw = yaml.safe_load(yaml.safe_dump(written.raw, allow_unicode=True))
        own = [pulled for change in plan.changes if (pulled := _taken(change, raw, locale)) is not None]
        if any(each.key for each in own):
            folder.mkdir(parents=True, exist_ok=True)
            text = yaml.safe_dump(raw, sort_keys=False, allow_unicode=True, width=118)
            (folder / f"{written.spec.name}.yaml").write_text(text, encoding="utf-8")
        found += own
    return found


def _taken(change: Change, raw: dict[str, Any], locale: str) -> Pulled | None:
    page, _, name = change.name.partition("/")
    if change.verb != "edited" or page != raw["name"]:
        return None
    if change.kind == "chart":
        chart = _chart(raw, name)
        key, value = _chart_key(change, locale)
        return _put(change, chart, key, value, locale)
    if change.kind == "dashboard":
        if change.field == "dashboard_title":
            return _put(change, raw, "title", change.now, locale)
        parts = change.field.split(".")
        if len(parts) == 4 and parts[1].startswith("CHART-") and parts[2:] == ["meta", "width"]:
            return _put(change, _chart(raw, parts[1].removeprefix("CHART-")), "width", change.now, locale)
    return Pulled(change.name, "", change.now, change)


def _chart_key(change: Change, locale: str) -> tuple[str, Any]:
    now = change.now
    as_list = now if isinstance(now, list) else [now]
    known: dict[str, tuple[str, Any]] = {
        "slice_name": ("title", now),
        "description": ("note", now),
        "params.row_limit": ("limit", now),
        "params.metric": ("metrics", as_list),
        "params.metrics": ("metrics", as_list),
        "params.groupby": ("by", as_list),
        "params.time_grain_sqla": ("grain", _GRAIN_NAMES.get(str(now))),
        "viz_type": ("chart", _KIND_NAMES.get(str(now))),
    }
    key, value = known.get(change.field, ("", None))
    plain = isinstance(value, str | int) or (isinstance(value, list) and all(isinstance(each, str) for each in value))
    return (key, value) if plain else ("", None)


def _put(change: Change, part: dict[str, Any] | None, key: str, value: Any, locale: str) -> Pulled:
    if part is None or not key:
        return Pulled(change.name, "", change.now, change)
    if key in ("title", "note"):
        part.setdefault(key, {})[locale] = value
    else:
        part[key] = value
    return Pulled(change.name, key, value, change)


def _chart(raw: dict[str, Any], name: str) -> dict[str, Any] | None:
    charts = [chart for row in raw["rows"] for chart in row.get("charts", [])]
    return next((chart for chart in charts if chart["name"] == name), None)
