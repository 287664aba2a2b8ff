"""The daily report as a job: made, written to a folder, and sent to the chats of the settings."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from appanalytics.chats import Chat
from appanalytics.errors import DeliveryError, SettingsError
from appanalytics.jobs.messages import deliver_messages, post_office
from appanalytics.jobs.worth_knowing import worth_knowing
from appanalytics.notify import Delivery, Draft, Letter
from appanalytics.reports import Contents, DailyReport, daily_report, load_contents

if TYPE_CHECKING:
    from appanalytics.app import App


def daily_report_of(
    app: App, day: date, *, locale: str | None = None, folder: Path | None = None
) -> tuple[DailyReport, list[Path]]:
    """Make the report of a day and write text and picture; returns it and the files."""
    settings = app.loaded.settings.reporting
    report = make_report(app, day, locale or settings.locale)
    return report, report.save(folder or app.loaded.path(settings.folder))


def make_report(app: App, day: date, locale: str, contents: Contents | None = None) -> DailyReport:
    """The report of a day with what other rooms know of it."""
    return daily_report(
        app.engine,
        app.layout,
        day,
        locale=locale,
        contents=contents,
        as_of=app.now(),
        news=worth_knowing(app, day, locale),
        events=app.known_events,
    )


def send_daily_report(
    app: App,
    day: date,
    *,
    chats: Collection[str] = (),
    patience: float = 60.0,
    made: DailyReport | None = None,
) -> Delivery:
    """Send the report of a day to every chat that wants reports (or only to ``chats``), in its language and metrics.

    May be repeated: the key of a message is report, day and chat. A day whose data are not complete is told under
    another key, so that its numbers can follow once they are there. ``made`` is a report with the shipped contents
    that is there already.
    """
    office = post_office(app)
    wanted = [office.chat(name) for name in chats] or [each for each in office.chats if each.reports]
    reports: dict[tuple[str, str, tuple[str, ...]], DailyReport] = {(made.locale, "", ()): made} if made else {}
    drafts = []
    for chat in wanted:
        locale = chat.locale or office.locale
        kind = (locale, chat.contents or "", chat.metrics)
        if kind not in reports:
            reports[kind] = make_report(app, day, locale, _contents_of(app, chat))
        report = reports[kind]
        key = f"daily/{day}/{chat.name}" if report.complete else f"daily/{day}/incomplete/{chat.name}"
        drafts.append(Draft(key, chat.name, Letter(report.html, report.picture(), report.caption)))
    office.outbox.write(drafts)
    return deliver_messages(app, patience=patience)


def report_by_schedule(app: App, day: date, *, chats: Collection[str] = (), dry_run: bool = False) -> str:
    """The job: written to the folder and sent to all chats or some; a dry run writes the files and sends nothing.

    Raises `DeliveryError` while a chat waits for its report; repeating this sends it.
    """
    report, files = daily_report_of(app, day)
    written = f"{day}: {', '.join(path.name for path in files)}"
    if dry_run:
        return written
    delivery = send_daily_report(app, day, chats=chats, made=report)
    waiting = sorted(
        {each.chat for each in post_office(app).outbox.pending() if each.key.startswith(f"daily/{day}/")}
    )
    if waiting:
        why = f": {delivery.problems[0]}" if delivery.problems else ""
        raise DeliveryError(
            f"the report of {day} waits for {', '.join(waiting)}{why}", hint="appanalytics messages deliver"
        )
    return "; ".join([written, str(delivery), *delivery.problems])


def _contents_of(app: App, chat: Chat) -> Contents:
    """The chat's own contents or the shipped ones, only with the metrics that it wants."""
    contents = load_contents(app.loaded.path(chat.contents) if chat.contents else None)
    sections = []
    for section in contents.sections:
        if metrics := [item for item in section.metrics if chat.wants(item.metric)]:
            sections.append(section.model_copy(update={"metrics": metrics}))
    picture = [item for item in contents.picture if chat.wants(item.metric)]
    if not sections:
        raise SettingsError(f"chat {chat.name}: none of its metrics is in the report {contents.origin}")
    return contents.model_copy(update={"sections": sections, "picture": picture})
