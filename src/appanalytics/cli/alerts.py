"""``appanalytics alerts``: the replay of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from appanalytics.cli.output import print_records, say
from appanalytics.cli.state import options
from appanalytics.errors import QuestionError

group = typer.Typer(help="Anomalies: few alerts, early, true.", no_args_is_help=True)

COLUMNS = ["start", "end", "metric", "slice", "direction", "severity", "value", "expected"]

_METHOD = Annotated[
    str | None, typer.Option(help="Detector: experts, seasonal, original, rolling_z, seasonal_naive, or a plugin.")
]


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.add_typer(group, name="alerts")


@group.callback()
def _group() -> None:
    """Anomalies: few alerts, early, true."""


@group.command("backtest")
def backtest(
    series: Annotated[Path | None, typer.Option(metavar="FILE", help="Replay this file of time,value.")] = None,
    labels: Annotated[Path | None, typer.Option(metavar="FILE", help="Its anomalies: start,end.")] = None,
    method: _METHOD = None,
) -> None:
    """Replay a file row by row, as ticks would have judged it: which alerts, when, and how many a week."""
    if series is None:
        raise QuestionError("which series?", hint="give --series FILE, a file of time,value")
    from appanalytics.anomalies import replay_file

    replay = replay_file(series, labels, method or "experts", options.load().settings.zone)
    print_records(replay.alerts, COLUMNS, numbers=["value", "expected"])
    say(f"{len(replay.alerts)} alerts in {replay.weeks:.1f} weeks: {replay.rate:.2f} a week")
    if labels:
        shown = [
            f"{name} {'–' if value is None else f'{value:.2f}'}"
            for name, value in (("precision", replay.precision), ("recall", replay.recall))
        ]
        delay = "–" if replay.delay is None else f"{replay.delay:.0f} bins"
        say(f"{', '.join(shown)}, median delay {delay}")
