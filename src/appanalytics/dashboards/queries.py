"""Saved queries of SQL Lab: the dashboards' data, grouped, with what may be changed set at the top."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict

from appanalytics.catalog.model import Labels
from appanalytics.dashboards.dataset import Dataset
from appanalytics.dashboards.parts import jinja
from appanalytics.sqltext import identifier

_LIMIT = 1000
_FILTER = "[{'col': 'country', 'op': 'IN', 'val': ['Russia']}]"
_TEXT = {
    "en": "Change what is set here: dimensions, first day, the day after the last one, and filters.",
    "ru": "Меняйте то, что задано здесь: измерения, первый день, день после последнего и фильтры.",
}


class QuerySpec(BaseModel):
    """A dataset's ``metrics`` by its ``time`` or ``keys`` and by dimensions (``by``), of chosen rows (``where``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Labels
    data: str
    time: str | None = None
    keys: list[str] = []
    by: list[str] = []
    metrics: list[str]
    order: str | None = None
    where: dict[str, str | int] = {}


@cache
def query_specs() -> Mapping[str, QuerySpec]:
    """The shipped queries by name."""
    text = files("appanalytics.dashboards").joinpath("queries.yaml").read_text(encoding="utf-8")
    return {name: QuerySpec.model_validate(body) for name, body in yaml.safe_load(text).items()}


def query_sql(spec: QuerySpec, dataset: Dataset, locale: str) -> str:
    """The query's text. It runs as it is; `LIMIT … BY` is avoided, which SQL Lab would read as LIMIT."""
    keys = [*([spec.time] if spec.time else []), *spec.keys]
    chosen = [*map(identifier, keys), "{% for name in columns %}{{ name }}, {% endfor %}"]
    metrics = [f"{dataset.metrics[name].expression} AS {identifier(name)}" for name in spec.metrics]
    head = ", ".join(chosen[:-1]) + (", " if keys else "") + chosen[-1]
    order = f"{identifier(spec.order)} DESC" if spec.order else ", ".join(map(identifier, [*keys, *spec.by]))
    group = ", ".join(map(identifier, keys))
    by = (
        "{% for name in columns %}{{ ', ' if loop.index > 1 or "
        + str(bool(keys)).lower()
        + " }}{{ name }}{% endfor %}"
    )
    given = [{"col": name, "op": "IN", "val": [value]} for name, value in spec.where.items()]
    time = identifier(dataset.time) if dataset.time else ""
    lines = [
        f"-- {spec.title.get(locale) or spec.title['en']}",
        f"-- {_TEXT.get(locale, _TEXT['en'])}",
        f"{{%- set columns = {jinja(spec.by)} %}}",
        "{%- set from_dttm = '' %}",
        "{%- set to_dttm = '' %}",
        f"{{%- set filter = {jinja(given)} %}}  {{#- such as {_FILTER} #}}",
        f"{{%- set metrics = {jinja(spec.metrics)} %}}",
        f"SELECT {head}{', '.join(metrics)}",
        "FROM",
        "(",
        dataset.sql.strip(),
        ") AS virtual_table",
        "WHERE 1",
        f"{{%- if from_dttm %}} AND {time} >= toDate('{{{{ from_dttm[:10] }}}}'){{% endif %}}" if time else "",
        f"{{%- if to_dttm %}} AND {time} < toDate('{{{{ to_dttm[:10] }}}}'){{% endif %}}" if time else "",
        "{%- for each in filter %} AND {{ each.col }} {{ each.op }} {{ each.val | where_in }}{% endfor %}",
        f"GROUP BY {group}{by}" if keys or spec.by else "",
        f"ORDER BY {order}" if order else "",
        f"LIMIT {_LIMIT}",
    ]
    return "\n".join(line for line in lines if line)
