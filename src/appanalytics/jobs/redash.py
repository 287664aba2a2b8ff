"""Redash as a job: the settings' Redash gets the report tables of the settings' warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appanalytics.engine import WarehouseUrl
from appanalytics.engine.endpoint import find_endpoint
from appanalytics.errors import SettingsError
from appanalytics.progress import Progress, silent
from appanalytics.redash import Change, Redash, apply, plan, report_spec

if TYPE_CHECKING:
    from appanalytics.settings import Loaded


def change_redash(
    loaded: Loaded, *, dry: bool = False, check: bool = True, progress: Progress = silent
) -> tuple[list[Change], dict[str, int]]:
    """Plan (``dry``) or make the changes; with ``check`` every query is then run and its rows are counted."""
    given = loaded.settings.redash
    if given.key is None:
        raise SettingsError("the key of Redash is missing", hint="an admin's API key: APPANALYTICS_REDASH__KEY")
    password = given.password.get_secret_value() if given.password else ""
    spec = report_spec(
        _address(loaded),
        loaded.settings.schedule.dimensions,
        user=given.user,
        password=password,
        locale=loaded.settings.reporting.locale,
    )
    with Redash(given.url, given.key.get_secret_value()) as redash:
        if dry:
            return plan(redash, spec), {}
        done = apply(redash, spec, progress)
        return done, run_queries(redash, [query.name for query in spec.queries]) if check else {}


def run_queries(redash: Redash, names: list[str]) -> dict[str, int]:
    """Run the queries of these names once; rows by name."""
    from appanalytics.redash.spec import TAG

    found = {each["name"]: each["id"] for each in redash.pages("queries", tags=TAG)}
    return {name: redash.run(found[name]) for name in names}


def _address(loaded: Loaded) -> WarehouseUrl:
    """Where Redash reaches the warehouse: as told, else the server that runs for it, else the server it is."""
    given = loaded.settings.redash
    url = loaded.warehouse()
    if given.warehouse:
        return WarehouseUrl.parse(given.warehouse)
    if url.path is None and url.host:
        return url
    found = find_endpoint(url.path, wait_seconds=1) if url.path else None
    if found is None:
        raise SettingsError(
            "no server runs for this warehouse", hint="appanalytics serve, or the setting redash.warehouse"
        )
    return WarehouseUrl.parse(f"http://{found.host}:{found.port}/{url.database}")
