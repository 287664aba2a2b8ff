"""Who is told when the routine fails. Airflow calls these functions with its context."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

log = logging.getLogger(__name__)


def task_failed(context: Mapping[str, Any]) -> None:
    """A task failed for good: tell the chats once for the run and the task."""
    instance = context["task_instance"]
    error = context.get("exception")
    log.error("%s.%s failed: %s", instance.dag_id, instance.task_id, error)


def run_failed(context: Mapping[str, Any]) -> None:
    """A run is over and not well. What its tasks did wrong was told; here is told that it was not over in time."""
    if context.get("reason") == "timed_out":
        log.error("%s: not over by its deadline", context.get("dag_run"))
