"""The mapping file: how the columns of somebody's file become the columns of an event table.

YAML is read with every scalar as text, so that the country ``NO`` stays ``NO`` and ``0`` stays ``0``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from appanalytics.errors import FileError, MappingError, SettingsError, nearest
from appanalytics.window import parse_zone

READINGS = ("iso", "unix_s", "unix_ms", "number", "signed", "text", "user_agent")
_STRICT = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ColumnMapping(BaseModel):
    """Where one column's values come from and how they are read. A bare name means ``column: name``."""

    model_config = _STRICT

    column: str | None = None
    constant: str | None = None
    expression: str | None = None
    values: dict[str, str] | None = None
    others: Literal["reject", "keep", "skip", "default"] = "reject"
    reading: str | None = Field(default=None, alias="as")
    zone: str | None = None
    default: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @field_validator("reading")
    @classmethod
    def _known_reading(cls, value: str | None) -> str | None:
        if value is not None and value not in READINGS and "%" not in value:
            raise ValueError(
                f"cannot read a cell as {value!r}; {nearest(value, READINGS)} Or a format such as %d/%m/%Y %H:%M"
            )
        return value

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        return value if value is None else _zone(value)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [name for name in ("column", "constant", "expression") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("needs exactly one of column, constant and expression")
        if self.values is not None and self.constant is not None:
            raise ValueError("a constant needs no values")
        if self.others != "reject" and self.values is None:
            raise ValueError("others says what happens to cells that are not in values, and there are no values")
        return self


class Mapping(BaseModel):
    """A whole mapping. ``columns`` is by name of the event table's column."""

    model_config = _STRICT

    source: str | None = None
    format: Literal["csv", "tsv", "space", "jsonl", "parquet"] | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    names: tuple[str, ...] | None = None
    null: tuple[str, ...] = ()
    thousands: str | None = Field(default=None, min_length=1, max_length=1)
    zone: str = "UTC"
    skip: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    columns: dict[str, ColumnMapping]

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return _zone(value)

    @field_validator("delimiter")
    @classmethod
    def _plain_delimiter(cls, value: str | None) -> str | None:
        if value is not None and (value in '"\n\r' or not value.isascii()):
            raise ValueError("must be one ASCII character, neither a quote nor a line end")
        return value

    def canonical(self) -> str:
        """The mapping as text that does not depend on the order of its keys; part of a load's identity."""
        return json.dumps(self.model_dump(by_alias=True, exclude_defaults=True), sort_keys=True, ensure_ascii=False)


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file; errors name the file, the key and the nearest valid key."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"cannot read the mapping {path}: {getattr(error, 'strerror', None) or error}") from None
    return parse_mapping(text, str(path))


def parse_mapping(text: str, where: str = "mapping") -> Mapping:
    """Read a mapping's YAML; ``where`` names it in errors."""
    try:
        content = yaml.load(text, Loader=_TextLoader)  # noqa: S506 (a BaseLoader makes text, lists and dictionaries)
    except yaml.YAMLError as error:
        raise MappingError(f"{where} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise MappingError(f"{where} holds no mapping", hint="it needs at least the key columns")
    try:
        return Mapping.model_validate(content)
    except ValidationError as error:
        raise _explained(error, where) from None


class _TextLoader(yaml.BaseLoader):
    """Every scalar is text, and a key that is written twice is an error."""


def _unique_keys(loader: _TextLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if isinstance(key, list | dict) or key in made:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is there twice", key_node.start_mark)
        made[key] = loader.construct_object(value_node, deep=True)
    return made


_TextLoader.add_constructor("tag:yaml.org,2002:map", _unique_keys)


def _zone(name: str) -> str:
    try:
        return parse_zone(name).key
    except SettingsError as error:
        raise ValueError(str(error)) from None


def _explained(error: ValidationError, where: str) -> MappingError:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        model = ColumnMapping if place[0] == "columns" and len(place) > 2 else Mapping
        known = [info.alias or name for name, info in model.model_fields.items()]
        inside = ".".join(place[:-1])
        return MappingError(
            f"{where}: {inside + ': ' if inside else ''}unknown key {place[-1]!r}", hint=nearest(place[-1], known)
        )
    message = first["msg"].removeprefix("Value error, ")
    return MappingError(f"{where}: {'.'.join(place) or 'mapping'}: {message[0].lower()}{message[1:]}")
