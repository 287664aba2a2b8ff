"""Build the command line and run it: our errors become one line and an exit code, never a traceback."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import typer
from typer.exceptions import Abort, TyperException

from appanalytics.cli.output import tell
from appanalytics.cli.state import options, take_options
from appanalytics.errors import AppAnalyticsError, UserError

_COMMON = (
    "Options of every command, before or after its name: --format table|json|csv, --warehouse URL, "
    "--config FILE, --debug (show tracebacks). Exit code 2: a mistake you can mend; 1: a failure."
)

# The modules of commands, in the order in which `--help` lists them.
_GROUPS = (
    "setup",
    "up",
    "serve",
    "simulate",
    "events",
    "questions",
    "investigate",
    "retention",
    "audience",
    "alerts",
    "experiment",
    "experiment_before",
    "report",
    "dashboards",
    "messages",
    "jobs",
    "status",
    "backup",
    "warehouse",
    "airflow",
    "redash",
    "metrics",
)

_STOPPED = 130  # what a shell reports for Ctrl-C

cli = typer.Typer(
    name="appanalytics",
    help="Exact product analytics for social apps on ClickHouse.",
    epilog=_COMMON,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


@cli.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    show_version: bool = typer.Option(False, "--version", help="Show the version and leave."),
) -> None:
    if show_version:
        from appanalytics import __version__

        print(f"appanalytics {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(2)


for group in _GROUPS:
    import_module(f"appanalytics.cli.{group}").add_to(cli)
for subgroup in cli.registered_groups:
    subgroup.epilog = _COMMON
for holder in (cli, *(subgroup.typer_instance for subgroup in cli.registered_groups)):
    for command in holder.registered_commands if holder else ():
        command.epilog = _COMMON


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code: 0, 2 for a user's mistake, 1 for a failure."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)  # its errors are told by ours
    try:
        rest = take_options(arguments)
        code = typer.main.get_command(cli).main(rest, prog_name="appanalytics", standalone_mode=False)
    except AppAnalyticsError as error:
        if options.debug:
            raise
        tell(error)
        return error.exit_code
    except TyperException as error:
        if message := error.format_message():  # none when a subcommand is missing: its help has been printed
            tell(UserError(message, hint="appanalytics COMMAND --help lists what a command takes"))
        return error.exit_code
    except (KeyboardInterrupt, Abort):
        code = _STOPPED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if options.debug:
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())[:400]
        tell(AppAnalyticsError(f"unexpected failure: {text}", hint="--debug shows where; please report it"))
        return 1
    if code == _STOPPED:
        print("stopped; what was finished is kept, and running the same command again goes on", file=sys.stderr)
    return int(code or 0)
