"""Running experiments as a job: analysed, and their results put where dashboards read them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from appanalytics.errors import ExperimentError
from appanalytics.experiments import OpenExperiment, State, parse_experiment, read_registry
from appanalytics.experiments.ledger import Entry, entries
from appanalytics.progress import Progress, silent

if TYPE_CHECKING:
    from appanalytics.app import App

_NEVER = date(1970, 1, 1)


def analyze_running(app: App, day: date, progress: Progress = silent) -> str:
    """Analyse every running experiment as it was seen at the end of a day, and store the results.

    Stored results never get older: a day before the newest stored one refreshes that one instead, so that days may
    be run again and in any order. One experiment that cannot be analysed does not stop the others; it is an
    `ExperimentError` in the end that names it.
    """
    running = [entry for entry in entries(app.engine).values() if entry.state is State.RUNNING]
    done, broken = [], []
    for number, entry in enumerate(running):
        progress("experiments", number, len(running), "experiments")
        try:
            found = _open(app, entry)
            if entry.period.since <= day:
                found.refresh(as_of=max(day, _stored(app, found)))
                done.append(entry.name)
        except ExperimentError as error:
            broken.append(f"{entry.name}: {error.message}")
    progress("experiments", len(running), len(running), "experiments")
    if broken:
        others = f"; analysed: {', '.join(done)}" if done else ""
        raise ExperimentError(
            f"{len(broken)} of {len(running)} running experiments not analysed: {'; '.join(broken)}{others}",
            hint="appanalytics experiment list",
        )
    return f"{day}: {', '.join(done) or 'no running experiment'}"


def _open(app: App, entry: Entry) -> OpenExperiment:
    """By the registry's file, which must still be the registered one; by the ledger where the file is gone."""
    if entry.name in read_registry(app.experiments_folder):
        return app.experiment(entry.name)
    return app.opened(parse_experiment(entry.definition, f"the ledger's {entry.name}"))


def _stored(app: App, found: OpenExperiment) -> date:
    """The newest day of the stored results of this definition and catalog."""
    newest = app.engine.scalar(
        "SELECT max(day) FROM experiment_results WHERE experiment = {name:String} AND version = {version:String}",
        {"name": found.experiment.name, "version": found.version},
    )
    return newest if isinstance(newest, date) else _NEVER
