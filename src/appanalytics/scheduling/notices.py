"""Who is told when the routine fails. Airflow calls these functions with its context."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from appanalytics.errors import AppAnalyticsError

log = logging.getLogger(__name__)


def task_failed(context: Mapping[str, Any]) -> None:
    """A task failed for good: told to the chats, once for the run, the task and the try."""
    instance = context["task_instance"]
    job = f"{instance.dag_id}.{instance.task_id}"
    error = context.get("exception") or "no reason is known; see its log"
    _tell(context, job, error, f"{instance.run_id}/{instance.map_index}/{instance.try_number}")


def run_failed(context: Mapping[str, Any]) -> None:
    """A run is over and not well. What its tasks did wrong was told; here is told that it was not over in time."""
    if context.get("reason") == "timed_out":
        run = context["dag_run"]
        _tell(context, run.dag_id, "not over by its deadline", run.run_id)


def _tell(context: Mapping[str, Any], job: str, error: BaseException | str, attempt: str) -> None:
    """Tell by the outbox, so that nobody hears it twice; where the warehouse is what failed, without it."""
    from appanalytics.app import open_app
    from appanalytics.jobs.failures import tell_failure, tell_without_warehouse
    from appanalytics.scheduling.step import moment_of
    from appanalytics.settings import load_settings

    log.error("%s failed: %s", job, error)
    loaded = load_settings()
    dag = job.partition(".")[0]
    about = moment_of(context, loaded.settings.zone)
    command = f"appanalytics run {dag} --day {about}" if "at" not in context.get("params", {}) else ""
    try:
        with open_app() as app:
            log.info("told: %s", tell_failure(app, job, about, error, attempt=attempt, command=command))
    except AppAnalyticsError as problem:
        log.warning("not told by the outbox: %s", problem)
        log.info("told without it: %s", tell_without_warehouse(loaded, job, about, error))
