"""A scheduled job that failed for good: told to the chats that want alerts, once for each job, day and try."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from appanalytics.errors import AppAnalyticsError
from appanalytics.jobs.messages import PostOffice, deliver_messages, post_office
from appanalytics.markup import escape
from appanalytics.notify import Delivery, Draft, Letter

if TYPE_CHECKING:
    from appanalytics.app import App
    from appanalytics.chats import Chat
    from appanalytics.settings import Loaded

_WORDS = {
    "en": ("{job} failed for {day}", "Run it again once the cause is mended:"),
    "ru": ("{job}: сбой за {day}", "Когда причина устранена, запустите снова:"),
}
#: Characters of an error that are told; the log has all of it.
_LONGEST = 600


def tell_failure(
    app: App,
    job: str,
    about: date | datetime | str,
    error: BaseException | str,
    *,
    attempt: int | str = 1,
    command: str = "",
    patience: float = 30.0,
) -> Delivery:
    """Write that a job failed, to every chat that gets alerts, and deliver.

    ``about`` is the day or time that was processed, ``attempt`` tells one failure from the next: telling the same
    again writes nothing. ``command`` is what runs it again (``appanalytics run JOB --day DAY`` unless given). Secrets
    in the error are masked. A failure here must not hide the first one: catch `AppAnalyticsError` around it.
    """
    office = post_office(app)
    when = about if isinstance(about, str) else about.isoformat()
    again = command or f"appanalytics run {job} --day {when}"
    drafts = [
        Draft(
            f"failure/{job}/{when}/{attempt}/{chat.name}", chat.name, _letter(office, chat, job, when, error, again)
        )
        for chat in office.chats
        if chat.alerts
    ]
    office.outbox.write(drafts)
    return deliver_messages(app, patience=patience)


def tell_without_warehouse(
    loaded: Loaded, job: str, about: date | datetime | str, error: BaseException | str
) -> Delivery:
    """The same when the warehouse does not answer: an outbox in memory, so a second failure is told again."""
    from appanalytics.app import App
    from appanalytics.engine import WarehouseUrl, connect
    from appanalytics.warehouse.migrate import migrate

    engine = connect(WarehouseUrl.parse("chdb://memory"), create=True)
    try:
        migrate(engine)
        return tell_failure(App(loaded, engine), job, about, error)
    finally:
        engine.close()


def _letter(office: PostOffice, chat: Chat, job: str, when: str, error: BaseException | str, again: str) -> Letter:
    headline, hint = _WORDS[chat.locale or office.locale]
    said = office.mask(_told(error))[:_LONGEST]
    lines = [f"🛑 <b>{escape(headline.format(job=job, day=when))}</b>", escape(said), ""]
    lines.append(f"{hint} <code>{escape(again)}</code>")
    return Letter("\n".join(lines))


def _told(error: BaseException | str) -> str:
    """An error of ours speaks for itself; of others the kind is part of what went wrong."""
    return str(error) if isinstance(error, str | AppAnalyticsError) else f"{type(error).__name__}: {error}"
