"""Write the generated pages, ``docs/metrics.md`` and ``docs/reference``: ``make docs``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from appanalytics.catalog import Active, Catalog, Dimension, Measure, Ratio, Source, load_catalog
from appanalytics.catalog.describe import allowed_dimensions, definition

PAGE = Path(__file__).with_name("metrics.md")
_GOOD = {"up": "up", "down": "down", "none": "neither"}
_INTRO = """\
# Metrics

Every number that AppAnalytics can tell, as the shipped catalog defines it.
This page is generated: change `src/appanalytics/catalog/default.yaml`, then run `make docs`.

- A [measure](#measures) counts, sums, or counts different values over events.
- A [metric](#metrics-1) is a ratio of two of them, or the users active in a window that ends with each bucket.
- A [dimension](#dimensions) slices both; its values also serve as filters (`--where country=Russia`).

The same from the command line: `appanalytics metrics list` and `appanalytics metrics explain ctr`.

A project adds entries, or replaces them by name, in a file of its own (setting `catalog.file`); `name: null` takes an
entry out.

How to read the numbers:

- Counts are whole numbers. Shares are fractions in JSON, CSV and Python, and per cent in tables.
- A ratio whose lower part is 0 is null (a dash in tables), never 0 or infinite.
- *Users* are different users of the whole bucket, so the days of a week do not add up to the week.
- Windows of days (`wau`, `mau`, …) and calendar periods hold at the **end** of each bucket: `mau` by month is that of
  the month's last day.
- A user seen with two values of a dimension counts once in each of them, and once in the total.
"""

_DIMENSIONS = """\
## Dimensions

*Small rollups*: the smallest rollups keep the dimension, so that questions about it are the fastest.
Unknown values have a name, too: `unknown`, or null where the dimension is a number.
"""


def page(catalog: Catalog) -> str:
    """The page as Markdown; each entry has an anchor of its name (``#source-feed``, ``#dimension-os``, ``#ctr``)."""
    parts = [
        _INTRO,
        "## Overview\n",
        _overview(catalog),
        "## Sources\n\nTables of events.\n",
        _sources(catalog),
        _DIMENSIONS,
        _dimensions(catalog),
        "## Measures\n",
        *(_quantity(catalog, each) for each in catalog.measures.values()),
        "## Metrics\n",
        *(_quantity(catalog, each) for each in catalog.metrics.values()),
    ]
    return "\n".join(parts).rstrip() + "\n"


def main() -> None:
    """Write the pages."""
    from appanalytics.app import open_app
    from docs import reference_pages

    PAGE.write_text(page(load_catalog()), encoding="utf-8")
    with open_app("chdb://memory", create=True) as app:
        made = reference_pages.pages(app.engine)
    for name, text in made.items():
        (reference_pages.FOLDER / name).write_text(text, encoding="utf-8")
    print(f"wrote docs/{PAGE.name} and docs/reference: {', '.join(made)}")


def _overview(catalog: Catalog) -> str:
    rows = [
        (f"[{each.name}](#{each.name})", each.label("en"), each.unit, each.description)
        for each in catalog.quantities()
    ]
    return _table(("Name", "Label", "Unit", "Meaning"), rows)


def _sources(catalog: Catalog) -> str:
    rows = []
    for each in catalog.sources.values():
        named = {"time": each.time, "user": each.user, **each.columns}
        columns = ", ".join(f"{name} = `{column}`" for name, column in named.items())
        rows.append((_anchored("source", each.name), _both(each), f"`{each.table}`", columns))
    return _table(("Name", "Label", "Table", "Columns by their names in the catalog"), rows)


def _dimensions(catalog: Catalog) -> str:
    rows = [
        (
            _anchored("dimension", each.name),
            _both(each),
            _values(each),
            f"[{each.parent}](#dimension-{each.parent})" if each.parent else "",
            f"[{each.only}](#source-{each.only})" if each.only else "all",
            "yes" if each.compact else "",
        )
        for each in catalog.dimensions.values()
    ]
    return _table(("Name", "Label", "Values", "Parent", "Sources", "Small rollups"), rows)


def _values(dimension: Dimension) -> str:
    if dimension.values:
        return ", ".join(f"{name} ({code})" for code, name in dimension.values.items())
    if dimension.bands:
        return "bands of `" + dimension.column + "`: " + ", ".join(dimension.band_labels)
    if dimension.kind == "number":
        unknown = "" if dimension.unknown is None else f"; {dimension.unknown} is unknown"
        return f"whole numbers{unknown}"
    return "texts of the events"


def _quantity(catalog: Catalog, each: Measure | Ratio | Active) -> str:
    lines = [f"### {each.name}", "", f"**{_both(each)}.** {each.description}", ""]
    lines += [f"- {title}: {text}" for title, text in _facts(catalog, each) if text]
    return "\n".join([*lines, ""])


def _facts(catalog: Catalog, each: Measure | Ratio | Active) -> Iterator[tuple[str, str]]:
    yield "Formula", definition(catalog, each.name)
    yield "Unit", each.unit
    yield "Good news", _GOOD[each.good]
    yield "Slice by", ", ".join(f"[{name}](#dimension-{name})" for name in allowed_dimensions(catalog, each.name))
    yield "Made of", _links(_parents(each))
    yield "Used in", _links([other.name for other in catalog.metrics.values() if each.name in _parents(other)])
    yield "Owner", each.owner


def _parents(each: Measure | Ratio | Active) -> Sequence[str]:
    if isinstance(each, Ratio):
        return each.ratio
    return [each.active] if isinstance(each, Active) else []


def _links(names: Sequence[str]) -> str:
    return ", ".join(f"[{name}](#{name})" for name in names)


def _anchored(kind: str, name: str) -> str:
    return f'<a id="{kind}-{name}"></a>`{name}`'


def _both(entry: Measure | Ratio | Active | Dimension | Source) -> str:
    """The label in English, and in Russian where it differs."""
    english, russian = entry.label("en"), entry.label("ru")
    return english if english == russian else f"{english} / {russian}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


if __name__ == "__main__":
    main()
