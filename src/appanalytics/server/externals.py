"""Tables that a request brings along in a form: read from the form, put into temporary tables."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

from python_multipart import create_form_parser
from python_multipart.exceptions import FormParserError

from appanalytics.server.connections import Connection, as_owner
from appanalytics.server.formats import format_name
from appanalytics.server.guard import check_statement
from appanalytics.server.problems import Problem, from_engine
from appanalytics.server.request import External, Request
from appanalytics.sqltext import identifier, literal


def read_form(request: Request, kind: str, body: bytes) -> None:
    """Sort a multipart form into the request: fields like pairs of the URL, files as tables.

    Raises `Problem` (36) for a form that cannot be read.
    """
    pairs: list[tuple[str, str]] = []
    files: list[tuple[str, bytes]] = []

    def on_field(field: object) -> None:
        pairs.append((_text(field.field_name), _text(field.value)))  # type: ignore[attr-defined]

    def on_file(file: object) -> None:
        held = file.file_object  # type: ignore[attr-defined]
        held.seek(0)
        files.append((_text(file.field_name), held.read()))  # type: ignore[attr-defined]

    headers = {"Content-Type": kind.encode("latin-1"), "Content-Length": str(len(body)).encode()}
    try:
        parser = create_form_parser(headers, on_field, on_file, config={"MAX_BODY_SIZE": float("inf")})
        parser.write(body)
        parser.finalize()
        parser.close()
    except (FormParserError, ValueError, KeyError, TypeError, io.UnsupportedOperation) as error:
        raise Problem(36, f"cannot read the form: {error}", "BAD_ARGUMENTS") from None
    request.take(pairs)
    for name, data in files:
        request.take_file(name, data)


#: Values may hold expressions, which would be worked out with the rights of whoever loads them.
NO_EXPRESSIONS = {
    "input_format_values_interpret_expressions": "0",
    "input_format_values_deduce_templates_of_expressions": "0",
}


def load_externals(connection: Connection, tables: Mapping[str, External], user: str) -> None:
    """Make and fill the temporary tables; raises `Problem`.

    Readers may not make tables, so the server's own role does it: from names and types as the engine itself has read
    them, and from data without expressions. Nothing of the request's text reaches a statement of that role.
    """
    connection.set(NO_EXPRESSIONS)
    for name, table in tables.items():
        structure = _columns(connection, name, table)
        shape = format_name(table.format)
        with as_owner(connection, user):
            connection.run(f"CREATE OR REPLACE TEMPORARY TABLE {identifier(name)} ({structure}) ENGINE = Memory")
            try:
                handle = connection.raw.send_insert(f"INSERT INTO {identifier(name)}", shape)
                connection.raw.insert_append(handle, table.data)
                connection.raw.insert_done(handle)
            except RuntimeError as error:
                raise from_engine(error) from None


def _columns(connection: Connection, name: str, table: External) -> str:
    """The table's columns as the engine reads them with the user's rights, and nothing else; raises `Problem`."""
    given = table.structure or ", ".join(f"_{number} {kind}" for number, kind in enumerate(_split(table.types), 1))
    if not given:
        raise Problem(36, f"neither structure nor types are given for the table {name}", "BAD_ARGUMENTS")
    check_statement(f"({given})".encode(), {})
    asked = f"DESCRIBE TABLE generateRandom({literal(given)})"
    rows = [json.loads(line) for line in connection.run(asked, "JSONCompactEachRow").bytes().splitlines()]
    if any(row[2] for row in rows):
        raise Problem(36, f"the table {name} may have columns with names and types alone", "BAD_ARGUMENTS")
    return ", ".join(f"{identifier(row[0])} {row[1]}" for row in rows)


def _split(types: str) -> list[str]:
    """Types at commas outside of brackets."""
    parts, depth = [""], 0
    for sign in types:
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]


def _text(value: bytes | None) -> str:
    try:
        return (value or b"").decode("utf-8")
    except UnicodeDecodeError:
        raise Problem(36, "the form holds a field that is not UTF-8", "BAD_ARGUMENTS") from None
