"""``appanalytics airflow``: Airflow's own command line, on the Airflow of these settings."""

from __future__ import annotations

import os

import typer

from appanalytics.cli.output import say
from appanalytics.cli.state import options

_SECRET = ("KEY", "SECRET", "PASSWORD", "CONN", "TOKEN")


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    passing = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    cli.command(context_settings=passing)(airflow)


def airflow(context: typer.Context) -> None:
    """Airflow's own commands, such as: airflow backfill create --dag-id daily_tables --from-date … --to-date …

    They run with the environment of the settings. `appanalytics airflow environment` shows it, secrets masked: what a
    deployment of your own (containers, Celery, Kubernetes) needs.
    """
    from appanalytics.jobs.parts.airflow import Airflow
    from appanalytics.settings import system_environment

    place = Airflow(options.load())
    if context.args == ["environment"]:
        for name, value in sorted(place.environment().items()):
            say(f"{name}={'****' if any(word in name for word in _SECRET) else value}")
        return
    place.check()
    os.chdir(place.loaded.base)
    program = str(place.program)
    os.execve(program, [program, *context.args], {**system_environment(), **place.environment()})  # noqa: S606
