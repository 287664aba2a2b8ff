"""``appanalytics dashboards``: Superset's dashboards from specs, and Superset itself."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appanalytics.cli.output import print_records, progress, say
from appanalytics.cli.state import options
from appanalytics.errors import SettingsError

if TYPE_CHECKING:
    from appanalytics.dashboards.plan import Plan

group = typer.Typer(help="Dashboards in Superset, made from specs in YAML.", no_args_is_help=True)
_COLUMNS = ("action", "kind", "name", "field", "now", "wanted")


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.add_typer(group, name="dashboards")


@group.command("plan")
def plan() -> None:
    """Show what apply would create and change, field by field, what was edited by hand, what prune would delete."""
    from appanalytics.dashboards.plan import make_plan
    from appanalytics.jobs.dashboards import bundle_of, log_in, state_file

    loaded = options.load()
    bundle = bundle_of(loaded)
    with _needs_httpx(), log_in(loaded) as superset:
        found = make_plan(superset, bundle, state_file(loaded))
    _show(found)
    if options.format == "table":
        say("nothing to do" if not found.changes else "apply: appanalytics dashboards apply")


@group.command("apply")
def apply() -> None:
    """Make Superset as the specs say. A second time changes nothing; edits by hand are undone."""
    from appanalytics.dashboards.plan import apply as apply_bundle
    from appanalytics.jobs.dashboards import bundle_of, connection_of, log_in, state_file, superset_url

    loaded = options.load()
    bundle = bundle_of(loaded)
    with _needs_httpx(), log_in(loaded) as superset:
        done = apply_bundle(superset, bundle, connection_of(loaded), state_file(loaded))
    _show(done)
    if options.format == "table":
        say("nothing to do" if done.is_empty else f"applied: {superset_url(loaded)}/dashboard/list/")


@group.command("prune")
def prune() -> None:
    """Delete from Superset what came from specs and is in them no more. What people made there stays."""
    from appanalytics.dashboards.plan import prune as prune_bundle
    from appanalytics.jobs.dashboards import bundle_of, connection_of, log_in, state_file

    loaded = options.load()
    bundle = bundle_of(loaded)
    with _needs_httpx(), log_in(loaded) as superset:
        done = prune_bundle(superset, bundle, connection_of(loaded), state_file(loaded))
    records = [{"action": "delete", "kind": kind, "name": name} for kind, _, name in done.surplus]
    if records or options.format != "table":
        print_records(records, ["action", "kind", "name"])
    if options.format == "table":
        say(f"deleted {len(records)}" if records else "nothing to delete")


@group.command("pull")
def pull() -> None:
    """Take what was edited by hand in Superset into your own specs, before an apply undoes it."""
    from appanalytics.dashboards.plan import make_plan
    from appanalytics.dashboards.pull import pull as pull_edits
    from appanalytics.jobs.dashboards import bundle_of, log_in, own_specs, specs_of, state_file

    loaded = options.load()
    bundle, folder = bundle_of(loaded), own_specs(loaded)
    with _needs_httpx(), log_in(loaded) as superset:
        plan = make_plan(superset, bundle, state_file(loaded))
    done = pull_edits(plan, specs_of(loaded), folder, loaded.settings.reporting.locale)
    if done or options.format != "table":
        print_records([each.record() for each in done], ["name", "key", "value", "state"])
    if options.format == "table":
        say(f"written into {folder}; now: appanalytics dashboards apply" if done else "nothing was edited by hand")


@group.command("export")
def export(
    out: Annotated[Path, typer.Option("--out", metavar="ZIP", help="The file that is written.")],
) -> None:
    """Write the bundle that Superset imports (Settings, Import dashboards; or its API). Needs no running Superset."""
    from appanalytics.jobs.dashboards import bundle_of

    content = bundle_of(options.load())
    out.write_bytes(content.zipped())
    say(f"written: {out}, {len(content.files)} files")


@group.command("serve")
def serve() -> None:
    """Set Superset up, start it, wait until it answers, apply the dashboards; stop with Ctrl-C.

    It needs `make superset-venv` and a server of the warehouse (`appanalytics serve`). Starting twice is harmless.
    """
    from appanalytics.dashboards.plan import apply as apply_bundle
    from appanalytics.dashboards.roles import ensure_reader_role
    from appanalytics.jobs import dashboards as jobs

    signal.signal(signal.SIGTERM, _end)  # the default would leave Superset running, with nobody to stop it
    loaded = options.load()
    for name, made in jobs.ensure_account(loaded).items():
        say(f"user of the warehouse made now, shown this once: {name:8} {made}")
    with _needs_httpx(), progress() as watch:
        password = jobs.prepare_superset(loaded, watch)
    if password is not None:
        say(f"Superset's admin, password shown this once: admin {password}")
    with progress() as watch:
        running = jobs.running_superset(loaded, watch)
        wait = running.__enter__()
    try:
        bundle = jobs.bundle_of(loaded)
        with jobs.log_in(loaded) as superset:
            done = apply_bundle(superset, bundle, jobs.connection_of(loaded), jobs.state_file(loaded))
            ensure_reader_role(superset)
        say(f"dashboards: {len(done.changes)} changes")
        say(f"Superset: {jobs.superset_url(loaded)}/dashboard/list/ ; stop with Ctrl-C")
        wait()
    finally:
        running.__exit__(None, None, None)


def _end(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


class _NeedsHttpx:
    def __enter__(self) -> None:
        try:
            import httpx  # noqa: F401
        except ModuleNotFoundError:
            hint = "pip install 'appanalytics[dashboards]'"
            raise SettingsError("dashboards need the package httpx", hint=hint) from None

    def __exit__(self, *_: object) -> None:
        return None


def _needs_httpx() -> _NeedsHttpx:
    return _NeedsHttpx()


def _show(found: Plan) -> None:
    records = [change.record() for change in found.changes]
    if records or options.format != "table":
        print_records(records, list(_COLUMNS))
