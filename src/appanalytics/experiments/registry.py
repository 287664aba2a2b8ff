"""The registry: a folder with one YAML for each experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from appanalytics.errors import ExperimentError, nearest
from appanalytics.experiments.definition import Experiment


def read_experiment(path: Path) -> Experiment:
    """The experiment of a file; raises `ExperimentError` that names file and key."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ExperimentError(f"cannot read {path}: {error}") from None
    except yaml.YAMLError as error:
        raise ExperimentError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise ExperimentError(f"{path}: the top level must be a mapping with since, until, variants, …")
    return parse_experiment({"name": path.stem, **raw}, str(path))


def parse_experiment(raw: dict[str, Any], origin: str) -> Experiment:
    """An experiment of plain values; ``origin`` is named in errors."""
    try:
        return Experiment.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        text = "unknown key" if unknown else first["msg"].removeprefix("Value error, ")
        hint = nearest(key.split(".")[-1], Experiment.model_fields) if unknown else None
        raise ExperimentError(f"{origin}{': ' if key else ''}{key}: {text}", hint=hint) from None


def read_registry(folder: Path) -> dict[str, Experiment]:
    """All experiments of a folder by name; an absent folder has none.

    Raises `ExperimentError` for a broken file, and where two experiments of a layer share traffic on a common day.
    """
    found = {path.stem: read_experiment(path) for path in sorted(folder.glob("*.yaml"))} if folder.is_dir() else {}
    for one in found.values():
        for other in found.values():
            if one.name < other.name and collides(one, other):
                raise ExperimentError(
                    f"{one.name} and {other.name} share traffic of the layer {one.assignment.layer!r} on common days",
                    hint="give them other parts of `traffic`, other days or other layers",
                )
    return found


def find_experiment(folder: Path, name: str) -> Experiment:
    """The experiment of that name in a folder, or of a file given by its path."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return read_experiment(path)
    found = read_registry(folder)
    if name not in found:
        hint = nearest(name, found) if found else "write one: docs/experiments.md shows how"
        raise ExperimentError(f"no experiment {name!r} in {folder}", hint=hint)
    return found[name]


def collides(one: Experiment, other: Experiment) -> bool:
    """Two experiments in one layer, with common traffic and a common day.

    Days relative to the first event are compared with days of the same kind alone.
    """
    a, b = one.assignment, other.assignment
    if a.layer is None or a.layer != b.layer:
        return False
    if not _overlap(a.traffic, b.traffic):
        return False
    days = [(_key(each.since), _key(each.until)) for each in (one, other)]
    if len({kind for pair in days for kind, _ in pair}) > 1:
        return True  # they cannot be told apart before the first event, so they must not share traffic
    return _overlap(*((since[1], until[1]) for since, until in days))


def _overlap(a: tuple[Any, Any], b: tuple[Any, Any]) -> bool:
    return bool(a[0] < b[1] and b[0] < a[1])


def _key(text: str) -> tuple[str, int | str]:
    return ("day", int(text.removeprefix("day "))) if text.startswith("day ") else ("date", text)
