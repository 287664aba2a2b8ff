"""``appanalytics messages``: what waits, what was sent, what was given up; deliver, try again, test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from appanalytics.cli.output import print_records, say
from appanalytics.cli.state import options
from appanalytics.errors import QuestionError, nearest

if TYPE_CHECKING:
    from appanalytics.notify import Delivery

group = typer.Typer(help="Messages: what waits, what was sent, what was given up.", no_args_is_help=True)
_STATES = ("waiting", "sent", "dead", "dropped")
_Patience = Annotated[float, typer.Option(metavar="SECONDS", help="How long to wait for retries and rate limits.")]


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.add_typer(group, name="messages")


@group.command("list")
def listing(
    state: Annotated[str | None, typer.Option(help="waiting, sent, dead (given up) or dropped (not needed).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The newest so many.")] = 30,
) -> None:
    """List messages, the newest first, with their state, attempts and last error."""
    from appanalytics.jobs.messages import post_office

    if state not in (None, *_STATES):
        raise QuestionError(f"unknown state {state!r}", hint=nearest(str(state), _STATES))
    with options.open() as app:
        office = post_office(app)
        rows, summary = office.outbox.listing(state, limit), office.outbox.summary()
    columns = ["written", "chat", "kind", "state", "tries", "key", "error"]
    print_records([{name: row[name] for name in columns} for row in rows], columns, numbers=["tries"])
    say(str(summary))


@group.command("chats")
def chats() -> None:
    """List the chats of the settings and where their messages land; addresses are not shown."""
    from appanalytics.jobs.messages import post_office

    with options.open() as app:
        office = post_office(app)
        rows = [
            {"name": chat.name, "channel": chat.channel, "to": chat.to, "locale": chat.locale,
             "metrics": ", ".join(chat.metrics), "severity": chat.severity.value,
             "page": str(office.page(chat)) if chat.channel == "folder" else ""}
            for chat in office.chats
        ]  # fmt: skip
    print_records(rows, list(rows[0]))


@group.command("deliver")
def deliver(patience: _Patience = 60.0) -> None:
    """Deliver what waits. Run it as often as you like: nothing is sent twice."""
    from appanalytics.jobs.messages import deliver_messages

    with options.open() as app:
        finish(deliver_messages(app, patience=patience))


@group.command("retry")
def retry(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="KEY…", help="Keys of messages; all unless given.")
    ] = None,
    patience: _Patience = 60.0,
) -> None:
    """Try messages again that were given up, once what stood in their way is mended."""
    from appanalytics.jobs.messages import deliver_messages, post_office

    with options.open() as app:
        revived = post_office(app).outbox.revive(keys or None)
        if missing := sorted(set(keys or []) - set(revived)):
            raise QuestionError(
                f"no message {missing[0]!r} was given up", hint="appanalytics messages list --state dead"
            )
        say(f"{len(revived)} messages are tried again")
        finish(deliver_messages(app, patience=patience))


@group.command("page")
def page(
    chat: Annotated[
        str | None, typer.Argument(metavar="CHAT", help="One chat; all that are folders otherwise.")
    ] = None,
) -> None:
    """Show where the pages are that look like the chats of this machine; open them in a browser."""
    from appanalytics.jobs.messages import pages, post_office

    with options.open() as app:
        office = post_office(app)
        rows = [{"chat": name, "page": path.as_uri()} for name, path in pages(office, chat)]
    print_records(rows, ["chat", "page"])


@group.command("test")
def send_test(
    chat: Annotated[str | None, typer.Argument(metavar="CHAT", help="One chat; all unless given.")] = None,
) -> None:
    """Send a short message to every chat, to see that it arrives."""
    from appanalytics.jobs import messages as job

    with options.open() as app:
        delivery = job.send_test(app, chat)
        office = job.post_office(app)
        for each in office.chats:
            if each.channel == "folder":
                say(f"{each.name}: see {office.page(each)}")
        finish(delivery)


def finish(delivery: Delivery) -> None:
    """Tell what a delivery did; leave with 1 where a message was given up or a channel does not work."""
    say(str(delivery))
    for problem in delivery.problems:
        say(f"⚠️ {problem}")
    if delivery.problems:
        raise typer.Exit(1)
