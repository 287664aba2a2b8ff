"""What should be there by now and is not: told to the chats of alerts once for each day, whoever runs the routine.

Looked at with every tick of the alerts, so it is told too when a scheduler has paused a job, lost it or hangs in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from appanalytics.jobs.messages import post_office
from appanalytics.jobs.tables import tables_ready
from appanalytics.markup import escape
from appanalytics.notify import Draft, Letter

if TYPE_CHECKING:
    from appanalytics.app import App

_WORDS = {
    "en": ("{job} for {day} is late", "Due at {due} and not there yet.", "To run it now:"),
    "ru": ("{job} за {day} опаздывает", "Срок был {due}, результата ещё нет.", "Запустить сейчас:"),
}
#: A routine that did nothing on any of so many days before is not in use, and nothing of it is late.
_IN_USE_DAYS = 7


@dataclass(frozen=True, slots=True)
class Late:
    """A job whose day is not there although it was due at an instant."""

    job: str
    day: date
    due: datetime


def late_jobs(app: App, now: datetime) -> list[Late]:
    """Jobs that are due by `schedule.tables_due` or `schedule.report_due` and not done for yesterday."""
    given = app.loaded.settings.schedule
    local = now.astimezone(app.zone)
    day = local.date() - timedelta(days=1)
    found = []
    for job, due_at, is_done in (
        ("daily_tables", given.tables_due, tables_ready),
        ("daily_report", given.report_due, _reported),
    ):
        if "off" in (due_at, getattr(given, job)):
            continue
        due = datetime.combine(local.date(), time.fromisoformat(due_at), app.zone)
        if local >= due and not is_done(app, day) and _in_use(app, day, is_done):
            found.append(Late(job, day, due))
    return found


def tell_lateness(app: App, now: datetime) -> int:
    """Write what is late, to every chat that gets alerts; returns the messages. A second time writes nothing."""
    office = post_office(app)
    drafts = [
        Draft(f"late/{late.job}/{late.day}/{chat.name}", chat.name, _letter(late, chat.locale or office.locale))
        for late in late_jobs(app, now)
        for chat in office.chats
        if chat.alerts
    ]
    return office.outbox.write(drafts)


def _letter(late: Late, locale: str) -> Letter:
    headline, said, again = (
        text.format(job=late.job, day=late.day, due=f"{late.due:%H:%M}") for text in _WORDS[locale]
    )
    command = f"appanalytics run {late.job} --day {late.day}"
    return Letter(f"⏰ <b>{escape(headline)}</b>\n{escape(said)}\n\n{again} <code>{escape(command)}</code>")


def _in_use(app: App, day: date, is_done: Callable[[App, date], bool]) -> bool:
    return any(is_done(app, day - timedelta(days=back)) for back in range(1, _IN_USE_DAYS + 1))


def _reported(app: App, day: date) -> bool:
    """True when the day's report was written for a chat, also if it could only say that data are missing."""
    return bool(
        app.engine.scalar(
            "SELECT count() FROM outbox WHERE startsWith(key, {start:String})", {"start": f"daily/{day}/"}
        )
    )
