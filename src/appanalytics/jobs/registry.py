"""All jobs by name: what a schedule runs, and what ``appanalytics run`` runs by hand.

A job takes the open warehouse and a day, does its work whole or not at all, and answers with one line. Running it
again for the same day leaves the same state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from appanalytics.errors import IntegrityError, QuestionError, nearest
from appanalytics.jobs import quality, tables
from appanalytics.jobs.alert_messages import run_alerts
from appanalytics.jobs.analyses import audience_table, retention_table
from appanalytics.jobs.experiments import analyze_running
from appanalytics.jobs.report import report_by_schedule
from appanalytics.progress import Progress, silent

if TYPE_CHECKING:
    from appanalytics.app import App


@dataclass(frozen=True, slots=True)
class Job:
    """A named piece of routine work. ``summary`` says what is there afterwards."""

    name: str
    summary: str
    work: Callable[[App, date, Progress], str]

    def run(self, app: App, day: date, progress: Progress = silent) -> str:
        """Do it for a day; the answer is one line for people."""
        return self.work(app, day, progress)


def _backup(app: App, day: date, progress: Progress) -> str:
    from appanalytics.jobs.backup import backup_of_day

    return str(backup_of_day(app, day, progress))


def _daily_tables(app: App, day: date, progress: Progress) -> str:
    """What the tasks of the DAG `daily_tables` do, one after the other."""
    told = [tables.make_tables(app, day, progress)]
    told += [make(app, day, progress).partition(": ")[2] for make in (audience_table, retention_table)]
    return "; ".join(told)


def _daily_report(app: App, day: date, progress: Progress) -> str:
    return report_by_schedule(app, day)


def _data_quality(app: App, day: date, progress: Progress) -> str:
    report = quality.check_everything(app, day, progress)
    if report.failed:
        raise IntegrityError(
            f"{len(report.failed)} checks failed, first: {report.failed[0]}", hint="appanalytics check"
        )
    return f"{day}: {len(report.checks)} checks, {report.status}"


JOBS = {
    job.name: job
    for job in (
        Job("backup", "There is a backup named after the day; the oldest are gone.", _backup),
        Job(
            "daily_tables",
            "Rollups, report table, audience and retention have the day; its data are checked.",
            _daily_tables,
        ),
        Job("audience_table", "Dashboards have the day's new, retained, returning and gone users.", audience_table),
        Job("retention_table", "Dashboards have who of every cohort came on the day.", retention_table),
        Job("daily_report", "The day's report is written and sent to the chats.", _daily_report),
        Job("data_quality", "All checks of the warehouse were made and kept.", _data_quality),
        Job("anomaly_alerts", "Bins up to now are judged; incidents that changed are told.", run_alerts),
        Job("experiments_daily", "Running experiments are analysed; dashboards have the results.", analyze_running),
    )
}


def job(name: str) -> Job:
    """The job of that name; raises `QuestionError` with the nearest one."""
    if name not in JOBS:
        raise QuestionError(f"unknown job {name!r}", hint=nearest(name, JOBS))
    return JOBS[name]


def run_job(app: App, day: date, name: str) -> str:
    """Run a job for a day; the line that it answers with."""
    return job(name).run(app, day)


def run_days(app: App, name: str, days: list[date], progress: Progress = silent) -> Iterator[str]:
    """Run a job for each day, in the order given; one line after each. A failure ends it and names the day."""
    for day in days:
        yield job(name).run(app, day, progress)
