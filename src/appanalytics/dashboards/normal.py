"""Objects of Superset brought into one form, so that two are equal when people would say so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

#: What Superset fills in, numbers or keeps for itself; wherever it stands.
_IGNORED = frozenset(
    [
        "datasource",
        "annotation_layers",
        "default_filters",
        "filter_scopes",
        "chartsInScope",
        "tabsInScope",
        "query_context",
        "password",
        "allow_file_upload",
        "allow_csv_upload",
        "configuration_method",
        "impersonate_user",
        "external_url",
        "is_managed_externally",
        "chartId",
        "chart_configuration",
        "global_chart_configuration",
        "map_label_colors",
        "shared_label_colors",
        "color_namespace",
        "dashboardId",
        "slice_id",
        "schema_perm",
        "allow_multi_catalog",
        "version",
        "theme_id",
        "theme_uuid",
        "tags",
        "owners",
        "folders",
        "currency",
        "datasource_id",
        "datasource_type",
        "url_params",
        "uuid_of_owner",
        "ssh_tunnel",
        "masked_encrypted_extra",
        "extra",
        "sqlalchemy_uri",
        "color_scheme_domain",
        "show_chart_timestamps",
        "expanded_slices",
        "currency_code_column",
    ]
)
_BY_KIND = {
    "dataset": frozenset({"cache_timeout"}),
    "database": frozenset({"sqlalchemy_uri", "cache_timeout"}),
}
_NOTHING: tuple[Any, ...] = (None, "", [], {}, False)
#: Lists whose items have a name; their order says nothing.
_NAMED = ("metric_name", "column_name", "id")

Flat = dict[str, Any]


def flat(kind: str, content: Mapping[str, Any]) -> Flat:
    """All leaves of an object by their dotted way. Empty values are left out; charts go by UUID, not by number."""
    numbers = {
        node["meta"]["chartId"]: node["meta"]["uuid"]
        for node in (content.get("position") or {}).values()
        if isinstance(node, Mapping) and node.get("type") == "CHART"
    }
    ignored = _IGNORED | _BY_KIND.get(kind, frozenset())
    return dict(_leaves(content, "", ignored, numbers))


def _leaves(value: Any, path: str, ignored: frozenset[str], numbers: Mapping[int, str]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, str) and value[:1] in "{[" and path.rpartition(".")[2] in ("params", "metadata"):
        value = json.loads(value)
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key not in ignored and not (key == "offset" and each == 0):
                yield from _leaves(each, f"{path}.{key}" if path else str(key), ignored, numbers)
    elif path.endswith("scope.excluded") and isinstance(value, list):
        named = sorted(numbers.get(each, str(each)) for each in value)
        if named:
            yield path, named
    elif isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        for number, each in enumerate(value):
            name = next((str(each[key]) for key in _NAMED if each.get(key)), str(number))
            yield from _leaves(each, f"{path}[{name}]", ignored, numbers)
    elif not any(value is each or (value == each and type(value) is type(each)) for each in _NOTHING):
        yield path, value.strip() if isinstance(value, str) else value
