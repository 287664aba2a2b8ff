"""Steps of `appanalytics.jobs` as tasks; the warehouse is opened, and what is heavy imported, inside of the task."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


log = logging.getLogger(__name__)


def step(
    work: str,
    *,
    name: str | None = None,
    form: Iterable[str] = (),
    options: dict[str, Any] | None = None,
    **given: Any,
) -> Any:
    """A task that calls ``work`` (``module.function`` of `appanalytics.jobs`) with the app, the day and ``given``.

    Results of other tasks may be among ``given``. ``form`` names parameters of the DAG that are passed on as they
    were filled in. ``options`` are the task's own, such as `outlets`.
    """
    return _task(work, name, options)(work=work, given=given, form=list(form))


def steps(work: str, argument: str, values: Sequence[str], *, options: dict[str, Any] | None = None) -> Any:
    """The same step for each of ``values``, mapped: Airflow shows one task with as many instances."""
    mapped = _task(
        work, None, {"map_index_template": f"{{{{ task.op_kwargs['given']['{argument}'] }}}}", **(options or {})}
    )
    return mapped.partial(work=work).expand(given=[{argument: value} for value in values])


def job(name: str, *, options: dict[str, Any] | None = None) -> Any:
    """A task that runs a whole job of the registry."""
    return _task("registry.run_job", name, options)(work="registry.run_job", given={"name": name})


def wait_for_tables(asset: Any, patience: timedelta) -> Any:
    """A sensor that waits for the report tables of the day, and is skipped when they do not come in time.

    The asset's events tell the graph who makes the tables; that they are there is asked of the warehouse, because a
    command may have made them.
    """
    waiting = task.sensor(
        task_id="wait_for_tables",
        mode="reschedule",
        poke_interval=60,
        timeout=patience.total_seconds(),
        soft_fail=True,
        inlets=[asset],
    )
    return waiting(_tables_are_there)()


def moment_of(context: Any, zone: ZoneInfo) -> date | datetime:
    """The day of a run; its instant (or the quarter hour asked for) where the DAG's form asks for a time."""
    from appanalytics.jobs.days import day_processed, tick_processed

    run, params = context["dag_run"], context.get("params", {})
    end = run.data_interval_end or run.run_after
    if "at" in params:
        return tick_processed(asked=params["at"], end=end, zone=zone) if params["at"] else end.astimezone(UTC)
    # Of a scheduled run both say the same, but where the cron's hour was skipped by the clock Airflow 3.3 names the
    # partition after the day on which it runs.
    partition = None if run.run_type == "scheduled" else run.partition_key
    return day_processed(asked=params.get("day"), partition=partition, end=end, zone=zone)


def _task(work: str, name: str | None, options: dict[str, Any] | None) -> Any:
    return task(task_id=name or work.rpartition(".")[2], **(options or {}))(_call)


def _call(work: str, given: dict[str, Any], form: Sequence[str] = ()) -> Any:
    """Do the work of a task; what it returns is JSON for the tasks after it."""
    from appanalytics.app import open_app
    from appanalytics.errors import AppAnalyticsError

    context = get_current_context()
    module, _, function = work.rpartition(".")
    asked = {key: context["params"][key] for key in form}
    try:
        with open_app() as app:
            moment = moment_of(context, app.zone)
            log.info("%s for %s", work, moment)
            result = getattr(import_module(f"appanalytics.jobs.{module}"), function)(app, moment, **given, **asked)
    except AppAnalyticsError as error:  # it says what is wrong in a line; where it was noticed helps nobody
        raise error.with_traceback(None) from None
    log.info("%s", result)
    return result if isinstance(result, int | str | None) else str(result)


def _tables_are_there() -> bool:
    from appanalytics.app import open_app
    from appanalytics.jobs.tables import tables_ready

    context = get_current_context()
    with open_app() as app:
        day = moment_of(context, app.zone)
        return tables_ready(app, day)
