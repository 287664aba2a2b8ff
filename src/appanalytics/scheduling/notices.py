"""Who is told when the routine fails. Airflow calls these functions with its context; they never raise."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

log = logging.getLogger(__name__)


def task_failed(context: Mapping[str, Any]) -> None:
    """A task failed for good: tell the chats once for the run, the task and its try."""
    instance = context["task_instance"]
    error = context.get("exception") or "no reason given"
    log.error("%s.%s failed: %s", instance.dag_id, instance.task_id, error)
    attempt = f"{instance.run_id}/{instance.task_id}/{getattr(instance, 'map_index', -1)}/{instance.try_number}"
    _tell(context, instance.dag_id, f"{instance.task_id}: {error}", attempt)


def run_failed(context: Mapping[str, Any]) -> None:
    """A run is over and not well. What its tasks did wrong was told; here is told that it was not over in time."""
    if context.get("reason") == "timed_out":
        run = context["dag_run"]
        log.error("%s: not over by its deadline", run)
        _tell(context, run.dag_id, "the run was not over by its deadline and was ended", f"{run.run_id}/deadline")


def _tell(context: Mapping[str, Any], job: str, error: str, attempt: str) -> None:
    """Write it to the outbox and deliver; a failure here must not hide the first one."""
    from appanalytics.app import open_app
    from appanalytics.jobs.failures import tell_failure
    from appanalytics.scheduling.step import at_hand

    try:
        with open_app() as app:
            try:
                about: Any = at_hand(app, context)
            except Exception:  # a run that does not know its day is a failure to tell, too
                about = str(context["dag_run"].run_id)
            delivery = tell_failure(app, job, about, error, attempt=attempt)
        log.info("told the chats: %s", delivery)
    except Exception:
        log.exception("the chats could not be told")
