"""The demo's history replayed: are its four incidents found, when, and what else is told?

    python -m benchmarks.anomalies_demo WAREHOUSE_URL

The warehouse is one of `appanalytics simulate`; its truth is stored beside the events. Nothing is written.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, date, datetime, timedelta

from appanalytics.anomalies.catchup import backtest
from appanalytics.app import open_app
from appanalytics.jobs.alerts import watch_of
from appanalytics.simulate.truth import read_truth

KINDS = ("campaign", "outage", "flash_mob", "chatter")
#: An incident belongs to what was injected when it fires in its days, or in the day after them.
GRACE = timedelta(days=1)


def main(url: str) -> None:
    """Replay, and print the incidents beside the truth."""
    with open_app(url) as app:
        days, truth, watch = app.days_with_events(), read_truth(app.engine), watch_of(app)
        if days is None or truth is None:
            raise SystemExit("the warehouse has no simulated history")
        started = time.perf_counter()
        found, watching = backtest(app.engine, watch, days.start, days.end)
        print(f"{time.perf_counter() - started:.0f} s, {len(watching.lanes.keys)} series")
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
            for each in mine[:1]:
                print(f"{kind:10} {fired[each.id] - start} after its start: {each.lead}, {len(each.members)} series")
            if not mine:
                print(f"{kind:10} not found")
        weeks = (days.end - days.start) / timedelta(days=7) - 2
        print(f"{len(others)} others in {weeks:.1f} weeks: {', '.join(str(each.lead) for each in others)}")


if __name__ == "__main__":
    main(sys.argv[1])
