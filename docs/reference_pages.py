"""The reference, taken from the code: commands, settings, the collector's HTTP API, the Python library."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any

import typer

import appanalytics
from appanalytics.app import App
from appanalytics.catalog import load_catalog
from appanalytics.cli.main import cli
from appanalytics.engine import Engine
from appanalytics.server.collector.events import read_services
from appanalytics.server.collector.openapi import describe
from appanalytics.settings import Settings, variable

FOLDER = Path(__file__).with_name("reference")
_MADE = "*This page is generated from the code by `make docs`.*"
# Rooms whose functions work on numbers, arrays and cells alone, so that programs without a warehouse use them.
_PURE = ("stats", "anomalies")


def pages(engine: Engine) -> dict[str, str]:
    """Every page by its file's name; ``engine`` is a warehouse with the shipped tables."""
    return {"commands.md": commands(), "settings.md": settings(), "http.md": http(engine), "python.md": python()}


# --- commands ---


def commands() -> str:
    """Every command with its arguments, options and defaults."""
    found = list(_commands(typer.main.get_command(cli), ["appanalytics"]))
    lines = [
        "# Commands",
        "",
        _MADE,
        "",
        "All take `--format table|json|csv`, `--warehouse URL`, `--config FILE` and `--debug`, before or after the",
        "command's name. Exit code 0: done; 2: a mistake that you can mend, nothing was changed; 1: a failure;",
        "130: stopped by Ctrl-C.",
        "`appanalytics --install-completion` teaches your shell the names.",
        "",
        " · ".join(f"[{' '.join(path[1:])}](#{'-'.join(path[1:])})" for path, _ in found),
        "",
    ]
    for path, command in found:
        lines += [
            f"## {' '.join(path[1:])}",
            "",
            _plain(command.help or ""),
            "",
            "```text",
            _usage(path, command),
            "```",
        ]
        lines += ["", *_parameters(command)]
    return _joined(lines)


def _commands(command: Any, path: list[str]) -> Iterator[tuple[list[str], Any]]:
    inner = getattr(command, "commands", {})
    if len(path) > 1 and (not inner or command.invoke_without_command):
        yield path, command
    for name, each in inner.items():
        yield from _commands(each, [*path, name])


def _usage(path: Sequence[str], command: Any) -> str:
    takes = [each for each in command.params if each.param_type_name == "argument"]
    shown = [_name(each).removesuffix("…") + ("…" if each.nargs != 1 else "") for each in takes]
    shown = [name if each.required else f"[{name}]" for name, each in zip(shown, takes, strict=True)]
    return " ".join([*path, *shown, "[OPTIONS]"])


def _parameters(command: Any) -> list[str]:
    rows = []
    for each in command.params:
        if each.name == "help" or getattr(each, "hidden", False):
            continue
        if each.param_type_name == "argument":
            rows.append((f"`{_name(each)}`", _cell(each.help or ""), ""))
        else:
            value = "" if each.is_flag else f" {_name(each)}"
            rows.append((f"`{', '.join(each.opts)}{value}`", _cell(each.help or ""), _default(each)))
    return [_table(("Argument or option", "Meaning", "Default"), rows)] if rows else []


def _name(parameter: Any) -> str:
    if parameter.metavar:
        return str(parameter.metavar)
    kind = parameter.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(each.value) for each in kind)
    return str(parameter.name).upper()


def _default(option: Any) -> str:
    value = option.default
    shown = (
        value is not None and value not in ((), [], False, "") and not callable(value) and "UNSET" not in repr(value)
    )
    return f"`{getattr(value, 'value', value)}`" if shown else ""


# --- settings ---


def settings() -> str:
    """Every setting with its variable, default and meaning, as ``config show`` and ``init`` tell them."""
    fields = Settings.model_fields
    lines = ["# Settings", "", _MADE, "", "Where values come from: [architecture](../architecture.md#settings).", ""]
    for section, field in fields.items():
        model = field.annotation
        lines += [f"## {section}", "", _plain(inspect.getdoc(model) or ""), ""]
        rows = []
        for name, each in model.model_fields.items():  # type: ignore[union-attr]
            full = f"{section}.{name}"
            default = getattr(getattr(Settings(), section), name)
            shown = f"`{_cell(str(default))}`" if default else ""
            rows.append((f"`{full}`", f"`{variable(full)}`", shown, _cell(each.description or "")))
        lines.append(_table(("Setting", "In the environment", "Default", "Meaning"), rows))
    return _joined(lines)


# --- HTTP ---


def http(engine: Engine) -> str:
    """The collector's API from its OpenAPI description, with the shipped catalog's events."""
    document = describe(read_services(engine, load_catalog()), 64 << 20)
    lines = [
        "# HTTP API",
        "",
        _MADE,
        "",
        "`appanalytics serve` answers on one port: ClickHouse's own HTTP protocol ([server](../server.md)), and the",
        "collector of events that this page describes ([how to use it](../collector.md)). OpenAPI 3.1, for programs:",
        "`GET /v1/openapi.json`.",
        "",
    ]
    for path, methods in document["paths"].items():
        for method, each in methods.items():
            lines += [f"## {method.upper()} {path}", "", _plain(each.get("description") or each["summary"]), ""]
            heads = [each for each in each.get("parameters", []) if "name" in each]
            rows = [(f"`{head['name']}` ({head['in']})", _cell(head.get("description", ""))) for head in heads]
            lines += [_table(("Parameter", "Meaning"), rows)] if rows else []
            answers = [(code, _cell(answer.get("description", ""))) for code, answer in each["responses"].items()]
            lines.append(_table(("Answer", "Meaning"), answers))
    lines += ["## Fields", ""]
    for name, schema in document["components"]["schemas"].items():
        if "properties" in schema:
            lines += [f"### {name}", "", _plain(schema.get("description", "")), ""]
            needed = schema.get("required", [])
            rows = [
                (f"`{field}`", _type(each), "yes" if field in needed else "", _cell(each.get("description", "")))
                for field, each in schema["properties"].items()
            ]
            lines.append(_table(("Field", "Type", "Required", "Meaning"), rows))
    return _joined(lines)


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        return " or ".join(kind)
    limits = [f"{word} {schema[key]:,}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    return " ".join([str(kind), *limits])


# --- Python ---


def python() -> str:
    """The public names, the front door's methods, and the rooms of pure functions."""
    lines = [
        "# Python",
        "",
        _MADE,
        "",
        "```python",
        "import appanalytics",
        "",
        "with appanalytics.open() as app:",
        '    print(app.query("ctr", by="source", grain="week"))',
        "```",
        "",
        "What this page names is promised: it changes only with a line in the [changelog](../../CHANGELOG.md).",
        "",
        "## appanalytics",
        "",
    ]
    for name in sorted(appanalytics.__all__):
        if name != "__version__":
            lines += _member(name, getattr(appanalytics, name))
    lines += ["## App", "", "What `appanalytics.open()` gives.", ""]
    for name, member in inspect.getmembers(App):
        if not name.startswith("_"):
            lines += _member(f"app.{name}", member.fget if isinstance(member, property) else member)
    for room in _PURE:
        module = import_module(f"appanalytics.{room}")
        lines += [f"## appanalytics.{room}", "", _plain(inspect.getdoc(module) or ""), ""]
        rows = [(f"`{name}`", _cell(_first(getattr(module, name)))) for name in sorted(module.__all__)]
        lines.append(_table(("Name", "What it is"), rows))
    return _joined(lines)


def _member(name: str, member: object) -> list[str]:
    if isinstance(member, FunctionType):
        signature = re.sub(r"\(self(, )?", "(", str(inspect.signature(member)))
        signature = re.sub(r"(: |-> )'([^']*)'", r"\1\2", signature)  # annotations are kept as texts
        signature = re.sub(r"<function (\w+) at 0x[0-9a-f]+>", r"\1", signature)
        head = ["```python", f"{name}{_short(signature)}", "```"]
    else:
        head = []
    return [f"### {name}", "", *head, "", _plain(inspect.getdoc(member) or ""), ""]


def _short(signature: str) -> str:
    """Module names before the types are noise in a page."""
    return re.sub(r"\b(?:[a-z_]+\.)+([A-Z]\w*)", r"\1", signature)


def _first(member: object) -> str:
    text = inspect.getdoc(member) or "" if callable(member) else f"`{member!r}`"[:80]
    return " ".join(text.split("\n\n")[0].split())


# --- Markdown ---


def _plain(text: str) -> str:
    """A docstring as Markdown: reST's double ticks are single ones there."""
    return re.sub(r"``([^`]+)``", r"`\1`", inspect.cleandoc(text)).replace("\b", "").strip()


def _cell(text: str) -> str:
    return " ".join(_plain(text).split()).replace("|", "\\|")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    escaped = [[cell if "\\|" in cell else cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *escaped]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def _joined(lines: Sequence[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"
