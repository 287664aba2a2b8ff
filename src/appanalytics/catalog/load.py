"""Read the catalog's YAML, merge a project's own file over it, and check that it hangs together."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from appanalytics.catalog.model import RESERVED, Active, Catalog, Dimension, Measure, Ratio, Source
from appanalytics.errors import CatalogError, nearest

#: The parser of libyaml, ten times as fast, where PyYAML was built with it.
SafeLoader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

SECTIONS: dict[str, tuple[type[BaseModel], ...]] = {
    "sources": (Source,),
    "dimensions": (Dimension,),
    "measures": (Measure,),
    "metrics": (Ratio, Active),
}


def load_catalog(own: Path | None = None) -> Catalog:
    """The shipped catalog, with a project's own entries added or put in place of it, by name.

    An entry of ``own`` replaces the shipped one as a whole; ``name: null`` takes it out. Raises `CatalogError`
    with file and key for anything that cannot be understood, is unknown, or goes in a circle.
    """
    shipped = files("appanalytics.catalog").joinpath("default.yaml").read_text(encoding="utf-8")
    raw = _parse(shipped, "default.yaml")
    origin = "default.yaml"
    if own is not None:
        try:
            text = own.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CatalogError(f"cannot read the catalog {own}: {error}") from None
        origin = str(own)
        raw = _merge(raw, _parse(text, origin))
    catalog = Catalog(**{section: _entries(section, raw.get(section, {}), origin) for section in SECTIONS})
    check(catalog, origin)
    return catalog


def _parse(text: str, origin: str) -> dict[str, dict[str, Any]]:
    try:
        raw = yaml.load(text, Loader=UniqueKeys)  # noqa: S506 (a subclass of SafeLoader)
    except yaml.YAMLError as error:
        raise CatalogError(f"{origin} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict | None):
        raise CatalogError(f"{origin}: the top level must be a mapping with the keys {', '.join(SECTIONS)}")
    for section, entries in (raw or {}).items():
        if section not in SECTIONS:
            raise CatalogError(f"{origin}: unknown key {section!r}", hint=nearest(str(section), SECTIONS))
        if not isinstance(entries, dict | None):
            raise CatalogError(f"{origin}: {section} must be a mapping of names to definitions")
    return {section: entries or {} for section, entries in (raw or {}).items()}


class UniqueKeys(SafeLoader):  # type: ignore[misc,valid-type]
    """YAML where a name written twice is an error instead of a silent override."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """See `yaml.SafeLoader`; raises where a key is there twice."""
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=deep)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is there twice", key_node.start_mark)
            seen.add(key)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


def _merge(base: Mapping[str, Mapping[str, Any]], own: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    merged = {}
    for section in SECTIONS:
        entries = {**base.get(section, {}), **own.get(section, {})}
        merged[section] = {name: entry for name, entry in entries.items() if entry is not None}
    return merged


def _entries(section: str, raw: Mapping[Any, Any], origin: str) -> dict[str, Any]:
    return {str(name): _entry(section, str(name), body, origin) for name, body in raw.items()}


def _entry(section: str, name: str, body: Any, origin: str) -> BaseModel:
    where = f"{origin}: {section}.{name}"
    if not isinstance(body, dict):
        raise CatalogError(f"{where} must be a mapping")
    if name in RESERVED:
        raise CatalogError(f"{where}: the name is reserved for answers", hint="choose another name")
    models = SECTIONS[section]
    model = models[0] if len(models) == 1 or "ratio" in body else models[1]
    try:
        return model(name=name, **body)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        hint = nearest(key, model.model_fields) if first["type"] == "extra_forbidden" else None
        text = "unknown key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
        raise CatalogError(f"{where}{'.' if key else ''}{key}: {text}", hint=hint) from None
    except TypeError:
        raise CatalogError(f"{where}: keys must be names", hint="`name` is the entry's own key") from None


def check(catalog: Catalog, origin: str = "catalog") -> None:
    """Check every reference between entries; raises `CatalogError` at the first that does not hold."""
    for name in set(catalog.measures) & set(catalog.metrics):
        raise CatalogError(f"{origin}: {name!r} is both a measure and a metric")
    for measure in catalog.measures.values():
        _check_measure(catalog, measure, f"{origin}: measures.{measure.name}")
    for dimension in catalog.dimensions.values():
        _check_dimension(catalog, dimension, f"{origin}: dimensions.{dimension.name}")
    for metric in catalog.metrics.values():
        _check_metric(catalog, metric, f"{origin}: metrics.{metric.name}")
    for metric in catalog.metrics.values():
        _check_circle(catalog, metric.name, (), f"{origin}: metrics.{metric.name}")


def _check_measure(catalog: Catalog, measure: Measure, where: str) -> None:
    named = [measure.source] if measure.source else []
    for source in [*named, *measure.active_in, *measure.inactive_in]:
        if source not in catalog.sources:
            raise CatalogError(f"{where}: unknown source {source!r}", hint=nearest(source, catalog.sources))
    if measure.source is None:
        return
    source_columns = catalog.sources[measure.source].columns
    known = {*source_columns, *(each.column for each in catalog.user_dimensions().values()), "user"}
    used = [*measure.condition, *filter(None, [measure.sum, measure.unique])]
    for column in used:
        if column not in known:
            elsewhere = [name for name, each in catalog.sources.items() if column in each.columns]
            hint = (
                f"{column!r} belongs to the source {elsewhere[0]!r}; one measure reads one source"
                if elsewhere
                else nearest(column, known)
            )
            raise CatalogError(f"{where}: source {measure.source!r} has no column {column!r}", hint=hint)


def _check_dimension(catalog: Catalog, dimension: Dimension, where: str) -> None:
    if dimension.only is not None and dimension.only not in catalog.sources:
        raise CatalogError(
            f"{where}: unknown source {dimension.only!r}", hint=nearest(dimension.only, catalog.sources)
        )
    if dimension.parent is not None and dimension.parent not in catalog.dimensions:
        hint = nearest(dimension.parent, catalog.dimensions)
        raise CatalogError(f"{where}: unknown parent {dimension.parent!r}", hint=hint)
    if dimension.name in {*catalog.measures, *catalog.metrics}:
        raise CatalogError(f"{where}: a metric has the same name")


def _check_metric(catalog: Catalog, metric: Ratio | Active, where: str) -> None:
    parts = metric.ratio if isinstance(metric, Ratio) else (metric.active,)
    for part in parts:
        if part not in catalog.measures and part not in catalog.metrics:
            raise CatalogError(
                f"{where}: unknown measure {part!r}", hint=nearest(part, [*catalog.measures, *catalog.metrics])
            )
    if isinstance(metric, Active):
        measure = catalog.measures.get(metric.active)
        if measure is None or measure.unique != "user" or measure.first or measure.active_in or measure.condition:
            raise CatalogError(
                f"{where}: `active` takes a plain `unique: user` measure, which {metric.active!r} is not",
                hint="for example users or feed_users",
            )


def _check_circle(catalog: Catalog, name: str, path: tuple[str, ...], where: str) -> None:
    if name in path:
        raise CatalogError(f"{where}: goes in a circle: {' → '.join([*path, name])}")
    metric = catalog.metrics.get(name)
    if isinstance(metric, Ratio):
        for part in metric.ratio:
            _check_circle(catalog, part, (*path, name), where)
