"""Mapping files: what is accepted, and what the errors say."""

from __future__ import annotations

from pathlib import Path

import pytest

from appanalytics.errors import FileError, MappingError
from appanalytics.warehouse.load import parse_mapping, read_mapping


def test_every_scalar_is_text() -> None:
    mapping = parse_mapping("columns: {country: {constant: NO}, gender: {column: sex, values: {0: 1, yes: 0}}}")
    assert mapping.columns["country"].constant == "NO"
    assert mapping.columns["gender"].values == {"0": "1", "yes": "0"}


def test_a_bare_name_is_a_column() -> None:
    assert parse_mapping("columns: {os: platform}") == parse_mapping("columns: {os: {column: platform}}")


def test_identity_does_not_depend_on_the_order_of_keys() -> None:
    one = parse_mapping("{zone: UTC, columns: {a: x, b: y}}")
    other = parse_mapping("{columns: {b: {column: y}, a: x}}")
    assert one.canonical() == other.canonical()


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("columns: {time: {colum: ts}}", "columns.time: unknown key 'colum'", "column"),
        ("{colums: {}, columns: {}}", "unknown key 'colums'", "columns"),
        ("columns: {time: {column: ts, as: unixs}}", "cannot read a cell as 'unixs'; did you mean unix_s", None),
        ("columns: {time: {column: ts, constant: x}}", "exactly one of column, constant and expression", None),
        ("columns: {time: {as: iso}}", "exactly one of column, constant and expression", None),
        ("columns: {os: {constant: x, values: {a: b}}}", "a constant needs no values", None),
        ("columns: {os: {column: x, others: keep}}", "there are no values", None),
        ("columns: {os: {column: x, values: {a: b}, others: drop}}", "columns.os.others", None),
        ("{zone: Mars/Base, columns: {}}", "zone: unknown time zone 'Mars/Base'", None),
        ("columns: {time: {column: x, zone: Moscow}}", "columns.time.zone", None),
        ("{delimiter: '\"', columns: {}}", "delimiter: must be one ASCII character", None),
        ("{format: xls, columns: {}}", "format", None),
        ("skip: {a: [b]}", "columns: field required", None),
        ("columns: {a: x, a: y}", "key 'a' is there twice", None),
        ("columns: [", "is not YAML", None),
        ("just text", "holds no mapping", None),
        ("columns: {a: [x]}", "columns.a", None),
    ],
)
def test_errors_name_the_key(text: str, message: str, hint: str | None) -> None:
    with pytest.raises(MappingError) as caught:
        parse_mapping(text, "m.yaml")
    assert caught.value.message.startswith("m.yaml")
    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")
    assert "\n" not in str(caught.value)


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"none\.yaml: No such file"):
        read_mapping(tmp_path / "none.yaml")
    (tmp_path / "m.yaml").write_bytes(b"columns: \xff")
    with pytest.raises(FileError, match=r"cannot read the mapping .*m\.yaml"):
        read_mapping(tmp_path / "m.yaml")
