"""What other rooms know of a day that a report should say: data quality, open incidents, experiments."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from appanalytics.anomalies import store
from appanalytics.anomalies.incidents import State as Incident
from appanalytics.anomalies.words import Speaker
from appanalytics.experiments import State
from appanalytics.experiments.ledger import entries
from appanalytics.locales import locale_of
from appanalytics.reports import Finding

if TYPE_CHECKING:
    from appanalytics.app import App

#: Weights: above those of unusual moves (50) is what casts doubt on numbers or asks for a decision.
_FAILED, _INCIDENT, _ENDED, _OVER, _WARNED, _RUNNING = 100.0, 80.0, 60.0, 45.0, 20.0, 10.0
#: The most urgent first.
_SEVERITIES = ("critical", "warning", "info")

_WORDS = {
    "en": {
        "failed": "Data quality: {count} failed checks of the day, first {first}.",
        "warned": "Data quality: {count} warnings of the day, first {first}.",
        "incident": "Open incident: {title}, since {start}",
        "over": "Incident of the day: {title}, {start} – {end}",
        "more": " (and {count} more)",
        "running": "Experiment {name}: day {day} of {days}.",
        "ended": "Experiment {name}: the planned {days} days are over, decide on it.",
        "broken": "Experiment {name}: its numbers cannot be trusted ({checks}).",
        "decided": "Experiment {name}: decided, {decision}.",
    },
    "ru": {
        "failed": "Качество данных: не пройдено проверок за день: {count}, первая: {first}.",
        "warned": "Качество данных: предупреждений за день: {count}, первое: {first}.",
        "incident": "Открытый инцидент: {title}, с {start}",
        "over": "Инцидент за день: {title}, {start} – {end}",
        "more": " (и ещё {count})",
        "running": "Эксперимент {name}: день {day} из {days}.",
        "ended": "Эксперимент {name}: запланированные дни ({days}) прошли, пора решать.",
        "broken": "Эксперимент {name}: числам нельзя верить ({checks}).",
        "decided": "Эксперимент {name}: принято решение, {decision}.",
    },
}
_DECISIONS = {
    "en": {"ship": "ship", "do_not_ship": "do not ship", "go_on": "go on"},
    "ru": {"ship": "выкатывать", "do_not_ship": "не выкатывать", "go_on": "продолжать"},
}


def worth_knowing(app: App, day: date, locale: str) -> list[Finding]:
    """Findings of the other rooms about a day, in a language."""
    code = locale_of(locale).code
    return [*_quality(app, day, code), *_incidents(app, day, code), *_experiments(app, day, code)]


def _quality(app: App, day: date, locale: str) -> list[Finding]:
    """Failed checks of the day's data, as `quality` holds them; warnings where none failed."""
    rows = app.engine.rows(
        "SELECT status, name, compared, slice FROM quality WHERE day = {day:Date} AND about_day = {day:Date}"
        " AND status IN ('failed', 'warning') ORDER BY position",
        {"day": day},
    )
    for status, key, weight in (("failed", "failed", _FAILED), ("warning", "warned", _WARNED)):
        found = [row for row in rows if row["status"] == status]
        if found:
            first = ", ".join(part for part in (found[0]["compared"] or found[0]["name"], found[0]["slice"]) if part)
            return [Finding("🧹", _WORDS[locale][key].format(count=len(found), first=first), weight)]
    return []


def _incidents(app: App, day: date, locale: str) -> list[Finding]:
    """Incidents that touch the day, as the incident tables hold them: a sentence of the open, one of the rest.

    Each names the most urgent, then the most anomalous. Muted ones and those that were never certain are left out.
    """
    window = app.day_window(day)
    speaker = Speaker(app.catalog, app.zone, locale)
    touching = [
        found.row
        for found in store.read_incidents(app.engine, app.now())
        if not found.muted
        and found.row["state"] != str(Incident.DROPPED)
        and found.row["start"] < window.end
        and (found.row["state"] != str(Incident.RESOLVED) or found.row["end"] > window.start)
    ]
    touching.sort(key=lambda row: (_SEVERITIES.index(row["severity"]), -abs(row["score"]), row["id"]))
    said = []
    for name, weight, is_over in (("incident", _INCIDENT, False), ("over", _OVER, True)):
        rows = [row for row in touching if (row["state"] == str(Incident.RESOLVED)) is is_over]
        if rows:
            text = _WORDS[locale][name].format(
                title=speaker.title(rows[0], "open"),
                start=speaker.moment(rows[0]["start"]),
                end=speaker.moment(rows[0]["end"]),
            )
            text += _WORDS[locale]["more"].format(count=len(rows) - 1) if rows[1:] else ""
            said.append(Finding("🚨", f"{text}.", weight))
    return said


def _experiments(app: App, day: date, locale: str) -> list[Finding]:
    """Running experiments, those whose planned days are over, and those decided since the day began."""
    words, found = _WORDS[locale], []
    decided = _decided(app, day)
    broken = _broken(app)
    for name, entry in sorted(entries(app.engine).items()):
        days = (entry.period.until - entry.period.since).days
        if name in decided:
            decision = _DECISIONS[locale].get(decided[name], decided[name])
            found.append(Finding("🧪", words["decided"].format(name=name, decision=decision), _ENDED))
        if entry.state is not State.RUNNING or entry.period.since > day:
            continue
        number = (day - entry.period.since).days + 1
        if name in broken:
            found.append(Finding("🧪", words["broken"].format(name=name, checks=broken[name]), _FAILED))
        elif number >= days:
            found.append(Finding("🧪", words["ended"].format(name=name, days=days), _ENDED))
        else:
            found.append(Finding("🧪", words["running"].format(name=name, day=number, days=days), _RUNNING))
    return found


def _decided(app: App, day: date) -> dict[str, str]:
    """Decisions written since the day began and within two days, by experiment; the newest of each."""
    rows = app.engine.rows(
        "SELECT experiment, argMax(decision, written) AS decision FROM decisions"
        " WHERE written >= {start:DateTime64(6, 'UTC')} AND written < {start:DateTime64(6, 'UTC')} + toIntervalDay(2)"
        " GROUP BY experiment",
        {"start": app.day_window(day).start},
    )
    return {row["experiment"]: row["decision"] for row in rows}


def _broken(app: App) -> dict[str, str]:
    """Failed checks of experiments' newest stored results."""
    rows = app.engine.rows(
        "SELECT experiment, arrayStringConcat(arraySort(groupUniqArray(check)), ', ') AS checks"
        " FROM experiment_checks WHERE part = 'check' AND status = 'failed' AND (experiment, version) IN"
        " (SELECT experiment, argMax(version, analysed) FROM experiment_results GROUP BY experiment)"
        " GROUP BY experiment"
    )
    return {row["experiment"]: row["checks"] for row in rows}
