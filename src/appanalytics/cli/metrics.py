"""``appanalytics metrics``: the catalog, and what a number means."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from appanalytics.cli.output import print_records, say
from appanalytics.cli.questions import complete_metric
from appanalytics.cli.state import options

group = typer.Typer(help="Show what can be measured, and how each number is defined.", no_args_is_help=True)


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.add_typer(group, name="metrics")


@group.command("list")
def list_metrics() -> None:
    """List every measure and metric."""
    catalog, locale = _catalog()
    records = [_record(each, locale) for each in catalog.quantities()]
    print_records(records, ["metric", "label", "unit", "good", "description"])
    if options.format == "table":
        say(f"\ndimensions: {', '.join(catalog.dimensions)}")


@group.command("explain")
def explain_metric(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=complete_metric)],
) -> None:
    """Tell how one number is defined, and by what it can be sliced."""
    from appanalytics.catalog.describe import allowed_dimensions, definition

    catalog, locale = _catalog()
    quantity = catalog.quantity(name)
    record = _record(quantity, locale) | {"definition": definition(catalog, name), "owner": quantity.owner}
    record["slice by"] = ", ".join(allowed_dimensions(catalog, name))
    if options.format == "table":
        for key, value in record.items():
            say(f"{key:<12} {value}")
    else:
        print_records([record], list(record))


def _catalog() -> tuple[Any, str]:
    from appanalytics.catalog import load_catalog

    loaded = options.load()
    file = loaded.settings.catalog.file
    return load_catalog(loaded.path(file) if file else None), loaded.settings.reporting.locale


def _record(quantity: Any, locale: str) -> dict[str, Any]:
    return {
        "metric": quantity.name,
        "label": quantity.label(locale),
        "unit": quantity.unit,
        "good": quantity.good,
        "description": quantity.description,
    }
