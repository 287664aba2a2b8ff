"""What other rooms know of a day that a report should say: data quality, open incidents, experiments."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from appanalytics.experiments import State
from appanalytics.experiments.ledger import entries
from appanalytics.jobs.messages import post_office
from appanalytics.locales import locale_of
from appanalytics.markup import plain
from appanalytics.reports import Finding

if TYPE_CHECKING:
    from appanalytics.app import App

#: Weights: above those of unusual moves (50) is what casts doubt on numbers or asks for a decision.
_FAILED, _INCIDENT, _ENDED, _WARNED, _RUNNING = 100.0, 80.0, 60.0, 20.0, 10.0

_WORDS = {
    "en": {
        "failed": "Data quality: {count} failed checks of the day, first {first}.",
        "warned": "Data quality: {count} warnings of the day, first {first}.",
        "incident": "Open incident: {title}",
        "running": "Experiment {name}: day {day} of {days}.",
        "ended": "Experiment {name}: the planned {days} days are over, decide on it.",
        "broken": "Experiment {name}: its numbers cannot be trusted ({checks}).",
        "decided": "Experiment {name}: decided, {decision}.",
    },
    "ru": {
        "failed": "Качество данных: не пройдено проверок за день: {count}, первая: {first}.",
        "warned": "Качество данных: предупреждений за день: {count}, первое: {first}.",
        "incident": "Открытый инцидент: {title}",
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
    return [*_quality(app, day, code), *_incidents(app, code), *_experiments(app, day, code)]


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


def _incidents(app: App, locale: str) -> list[Finding]:
    """Incidents whose thread has no answer yet, by the first line of what was told last."""
    titles = [plain(letter.html).strip().split("\n", 1)[0] for letter in post_office(app).outbox.open_threads()]
    return [
        Finding("🚨", _WORDS[locale]["incident"].format(title=title), _INCIDENT) for title in dict.fromkeys(titles)
    ]


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
