"""The demo's history replayed: are its four incidents found, when, explained right, and what else is told?

    python -m benchmarks.anomalies_demo WAREHOUSE_URL [--all]

The warehouse is one of `appanalytics simulate`; its truth is stored beside the events. Nothing is written. A delay is
counted as for the made-up worlds: bins after the first one. The message is the first one that a chat would get; its
explanation reads the last whole hour of the incident, of which the replay has all events.
"""

from __future__ import annotations

import argparse
import re
import time
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from appanalytics.anomalies import store
from appanalytics.anomalies.catchup import advance
from appanalytics.anomalies.incidents import Incident
from appanalytics.anomalies.watch import watchable
from appanalytics.anomalies.watching import Watching
from appanalytics.app import App, open_app
from appanalytics.investigate import Findings
from appanalytics.jobs.alert_messages import investigated, letter
from appanalytics.jobs.alerts import watch_of
from appanalytics.simulate.truth import Injected, read_truth

KINDS = ("campaign", "outage", "flash_mob", "chatter")
#: An incident belongs to what was injected when it fires in its days, or in the day after them.
GRACE = timedelta(days=1)


class Told(Watching):
    """Keeps each incident as it was when it became certain, and when its first whole hour was there."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.told: dict[str, Incident] = {}
        self.later: dict[str, Incident] = {}

    def _bin(self, *given: Any) -> None:
        super()._bin(*given)
        for each in self.open:
            if each.fired and each.id not in self.told:
                self.told[each.id] = deepcopy(each)
            hour = self.watch.bins_an_hour
            if each.fired and self.tick == -(-each.start // hour) * hour + hour - 1:
                self.later[each.id] = deepcopy(each)

    def run_day(self, *given: Any, **named: Any) -> Any:
        """The same of incidents of days."""
        found = super().run_day(*given, **named)
        for each in found.changed.values():
            if each.fired and each.id not in self.told:
                self.told[each.id] = deepcopy(each)
        return found


def verdict(event: Injected, incident: Incident, why: Findings | None) -> str:
    """Whether series, direction and segments are those that were injected; each fault is named."""
    named = {str(value) for each in why.segments for _, value in each.where} if why else set()
    faults = []
    if why is None or not why.ruled_out:
        faults.append("nothing is ruled out")
    if (incident.direction == "down") != (event.kind == "outage"):
        faults.append(f"direction {incident.direction}")
    if event.kind == "outage" and named != set(event.slice["city"]):
        faults.append(f"cities {sorted(named)} instead of {event.slice['city']}")
    if event.kind == "campaign" and event.slice["country"] not in named:
        faults.append(f"{sorted(named)} instead of {event.slice['country']}")
    if event.kind in ("flash_mob", "chatter"):
        if named:
            faults.append(f"{sorted(named)} named, it was everybody")
        if not any(key.metric.startswith(event.slice["metric"]) for key in incident.members):
            faults.append(f"{event.slice['metric']} is no part of it")
    if event.kind == "chatter" and any(not key.metric.startswith("mess") for key in incident.members):
        faults.append("other services are part of it")
    return "; ".join(faults) or "right"


def show(app: App, watching: Told, event: Injected | None, incident: Incident, start: datetime) -> None:
    """An incident beside the truth, with the message of its first minute."""
    step = watching.watch.step
    bins = incident.fired - int(start.timestamp()) // step
    certain = datetime.fromtimestamp((incident.fired + 1) * step, UTC) - start
    found = store.as_stored(watching.watch, incident)
    why = investigated(app, found)
    print(f"\n{event.kind if event else 'other'}: {incident.lead}, {len(incident.members)} series")
    print(f"delay {bins} bins, certain {certain} after its start")
    _say(app, event, incident, found, why)
    if later := watching.later.get(incident.id):
        print("its first whole hour:")
        found = store.as_stored(watching.watch, later)
        _say(app, event, later, found, investigated(app, found))


def _say(app: App, event: Injected | None, incident: Incident, found: store.Stored, why: Findings | None) -> None:
    print(re.sub("<[^>]+>", "", letter(app, found, "open", "en", why).html))
    print(f"→ {verdict(event, incident, why) if event else '-'}"
          f" (segments: {[each.name for each in why.segments] if why else '-'})")  # fmt: skip


def main() -> None:
    """Replay, and print the incidents beside the truth."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--all", action="store_true", help="every metric of the catalog")
    given = parser.parse_args()
    with open_app(given.url) as app:
        days, truth, watch = app.days_with_events(), read_truth(app.engine), watch_of(app)
        if days is None or truth is None:
            raise SystemExit("the warehouse has no simulated history")
        if given.all:
            watch = replace(watch, metrics=watchable(app.catalog))
        started, watching = time.perf_counter(), Told(watch)
        for _ in advance(app.engine, watching, days.end, since=days.start, settled=True):
            pass
        found = sorted(watching.told.values(), key=lambda each: each.fired)
        print(f"{time.perf_counter() - started:.0f} s, {len(watching.lanes.keys)} series by bins,"
              f" {len(watching.days.keys)} by days, {len(found)} incidents told")  # fmt: skip
        others = list(found)
        for kind in KINDS:
            event = truth.event(kind)
            if event is None:
                continue
            start = datetime.combine(date.fromisoformat(event.days[0]), datetime.min.time(), app.zone)
            end = datetime.combine(date.fromisoformat(event.days[-1]), datetime.min.time(), app.zone) + 2 * GRACE
            fired = {each.id: datetime.fromtimestamp((each.fired + 1) * watch.step, UTC) for each in found}
            mine = [each for each in found if start <= fired[each.id] < end]
            others = [each for each in others if each not in mine]
            if mine:
                show(app, watching, event, mine[0], start)
            else:
                print(f"{kind}: not found")
        weeks = (days.end - days.start) / timedelta(days=7) - 2
        print(f"\n{len(others)} others in {weeks:.1f} weeks: {', '.join(str(each.lead) for each in others)}")
        for each in others:
            show(app, watching, None, each, datetime.fromtimestamp(each.start * watch.step, UTC))


if __name__ == "__main__":
    main()
