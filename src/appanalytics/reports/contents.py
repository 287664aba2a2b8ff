"""What a daily report consists of: sections of metrics and the metrics of its picture, from YAML."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from appanalytics.catalog import Catalog
from appanalytics.catalog.model import Labels
from appanalytics.errors import FileError, SettingsError, nearest
from appanalytics.reports.meaning import RETENTION_EXAMPLE, meaning_of, retention_days


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Item(_Entry):
    """One metric of a section; ``labels`` replace the catalog's."""

    metric: str
    emoji: str = Field("", max_length=8)
    labels: Labels = {}

    def label(self, catalog: Catalog, locale: str) -> str:
        """Name for people: the item's own, then the catalog's."""
        return self.labels.get(locale) or self.labels.get("en") or meaning_of(catalog, self.metric).label(locale)


def _named(given: Any) -> Any:
    return {"metric": given} if isinstance(given, str) else given


class Section(_Entry):
    """Metrics under a heading; an empty title leaves the heading out."""

    title: Labels = {}
    emoji: str = Field("", max_length=8)
    metrics: list[Annotated[Item, BeforeValidator(_named)]] = Field(min_length=1, max_length=40)


class Contents(_Entry):
    """The report. ``quiet_minutes`` is how long no event is normal at the end of a day of the newest data.

    ``news`` is how many things worth knowing are said at most.
    """

    title: Labels = {}
    emoji: str = Field("", max_length=8)
    quiet_minutes: int = Field(60, ge=1, le=1440)
    news: int = Field(3, ge=0, le=10)
    sections: list[Section] = Field(min_length=1, max_length=20)
    picture: list[Annotated[Item, BeforeValidator(_named)]] = Field([], max_length=4)
    origin: str = Field("contents", exclude=True)

    def items(self) -> list[Item]:
        """Every metric of the text, in order."""
        return [item for section in self.sections for item in section.metrics]

    def metrics(self) -> list[str]:
        """Names of all metrics of text and picture, each once."""
        return list(dict.fromkeys(item.metric for item in [*self.items(), *self.picture]))

    def check(self, catalog: Catalog) -> None:
        """Raise `SettingsError` with file and key at the first metric that the catalog does not have."""
        places = {f"sections.{at}.metrics.{of}": item for at, section in enumerate(self.sections) for of, item in
                  enumerate(section.metrics)}  # fmt: skip
        places |= {f"picture.{at}": item for at, item in enumerate(self.picture)}
        known = [*catalog.measures, *catalog.metrics, RETENTION_EXAMPLE]
        for where, item in places.items():
            if item.metric not in known and retention_days(item.metric) is None:
                hint = nearest(item.metric, known)
                raise SettingsError(f"{self.origin}: {where}: unknown metric {item.metric!r}", hint=hint)


def load_contents(own: Path | None = None) -> Contents:
    """The shipped contents, or those of a project's own file.

    Raises `FileError` when the file cannot be read, `SettingsError` with file and key when it is not understood.
    """
    if own is None:
        return _parse(files("appanalytics.reports").joinpath("daily.yaml").read_text(encoding="utf-8"), "daily.yaml")
    try:
        return _parse(own.read_text(encoding="utf-8"), str(own))
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"cannot read the report's contents {own}: {error}") from None


def _parse(text: str, origin: str) -> Contents:
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{origin} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise SettingsError(f"{origin}: the top level must be a mapping", hint=_keys(Contents))
    try:
        return Contents.model_validate({**raw, "origin": origin})
    except ValidationError as error:
        raise _explained(error, origin) from None


def _explained(error: ValidationError, origin: str) -> SettingsError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        model = Item if "metrics" in first["loc"] or "picture" in first["loc"] else Section
        fitting = model if len(first["loc"]) > 1 else Contents
        return SettingsError(f"{origin}: {where}: unknown key", hint=nearest(str(first["loc"][-1]), _fields(fitting)))
    return SettingsError(f"{origin}: {where}: {first['msg'].removeprefix('Value error, ')}")


def _fields(model: type[BaseModel]) -> list[str]:
    return [name for name in model.model_fields if name != "origin"]


def _keys(model: type[BaseModel]) -> str:
    return f"keys: {', '.join(_fields(model))}"
