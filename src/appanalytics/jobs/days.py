"""Which day does a run process? One function, the same for a schedule, a person, a backfill and a second try.

A scheduler knows several dates, and they differ in meaning between its kinds of runs. What is asked for wins;
then the partition of the run, which *is* the day processed; then the day before the run's end in reporting time.
The clock is never asked, so the same run means the same day whenever it is repeated.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from appanalytics.errors import WindowError
from appanalytics.window import parse_moment

QUARTER_HOUR = timedelta(minutes=15)


def day_processed(*, asked: str | None, partition: str | None, end: datetime | None, zone: ZoneInfo) -> date:
    """The day of a run.

    ``asked`` is a person's parameter (ISO day), ``partition`` the run's partition key (ISO day), ``end`` the
    instant after which the run was due: the last day that was over then is meant. Raises `WindowError` when a
    text is no day, or nothing says which day.
    """
    for text in (asked, partition):
        if text:
            return parse_moment(text, zone).astimezone(zone).date()
    if end is None:
        raise WindowError("nothing says which day to process", hint="give the parameter day, such as 2026-11-22")
    return _aware(end).astimezone(zone).date() - timedelta(days=1)


def tick_processed(*, asked: str | None, end: datetime | None, zone: ZoneInfo) -> datetime:
    """The instant (UTC) of a run of every quarter hour: the newest end of a quarter hour that is not after it.

    Raises `WindowError` when the text is no time, or nothing says which time.
    """
    moment = parse_moment(asked, zone) if asked else end
    if moment is None:
        raise WindowError("nothing says which quarter hour to process", hint="give the parameter at")
    # Every offset in use is a multiple of a quarter hour, so quarter hours of all zones begin together.
    since_epoch = _aware(moment) - datetime.fromtimestamp(0, UTC)
    return datetime.fromtimestamp(0, UTC) + since_epoch // QUARTER_HOUR * QUARTER_HOUR


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise WindowError(f"the end of the run {moment} has no time zone")
    return moment.astimezone(UTC)
