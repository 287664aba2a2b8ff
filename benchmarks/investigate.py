"""Investigations of the demo's story against its truth, and of its ordinary days.

Run ``python -m benchmarks.investigate FOLDER`` on a warehouse that the simulation made (``appanalytics up`` does).
Prints lines of Markdown tables; CPU is that of the whole process.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from appanalytics.app import App, open_app
from appanalytics.investigate import Findings
from appanalytics.simulate.truth import GroundTruth, read_truth

#: Metrics asked on ordinary days.
ORDINARY = ("dau", "new_users", "views", "ctr", "messages", "messenger_dau")


def main() -> None:
    """Story days, then ordinary days."""
    with open_app(f"chdb://{Path(sys.argv[1]).resolve()}") as app:
        truth = read_truth(app.engine)
        assert truth is not None, "no simulated world in there"
        story(app, truth)
        ordinary(app, truth)


def measured(app: App, metric: str, day: str) -> tuple[Findings, float]:
    """The findings, and seconds of CPU; the second of two runs, with files in the cache."""
    app.investigate(metric, day)
    started = time.process_time()
    return app.investigate(metric, day), time.process_time() - started


def story(app: App, truth: GroundTruth) -> None:
    """What was injected, what was found."""
    told: dict[str, Callable[[Findings, dict[str, object]], str]] = {
        "outage": outage, "campaign": campaign, "flash_mob": service, "chatter": service,
    }  # fmt: skip
    print(
        "| Event | Asked | CPU, s | Segments | Ruled out | Against the truth |\n"
        "| --- | --- | ---: | --- | --- | --- |"
    )
    for kind, tell in told.items():
        event = truth.event(kind)
        if event is None:
            continue
        metric = "feed_dau" if kind == "outage" else str(event.slice["metric"])
        found, seconds = measured(app, metric, event.days[0])
        names = ", ".join(each.name for each in found.segments) or "none (general)"
        out = ", ".join(found.ruled_out)
        print(f"| {kind} | {metric} | {seconds:.1f} | {names} | {out} | {tell(found, event.sizes)} |")


def outage(found: Findings, sizes: dict[str, object]) -> str:
    """Known users kept away, by city."""
    silenced = sizes["silenced_feed_users"]
    assert isinstance(silenced, dict)
    missed = found.people.absent
    assert missed is not None
    total = sum(silenced.values())
    cities = ", ".join(
        f"{each.value} {each.missing:,.0f} of {silenced.get(each.value, 0):,}" for each in missed.places
    )
    return f"missing {missed.missing:,.0f}, truth {total:,} ({missed.missing / total - 1:+.1%}): {cities}"


def campaign(found: Findings, sizes: dict[str, object]) -> str:
    """Newcomers beyond the usual number, and their return."""
    came = found.people.newcomers
    assert came is not None
    beyond, usual = came.of("beyond"), came.of("ordinary", "ads")
    assert beyond is not None
    assert beyond.next_day is not None
    assert usual is not None
    assert usual.next_day is not None
    back = beyond.next_day
    return (
        f"{beyond.users:,} newcomers beyond the usual, truth {sizes['newcomers']:,}; "
        f"back next day {back.estimate:.2%} [{back.low:.2%} … {back.high:.2%}], "
        f"truth {sizes['share_back_next_day']:.2%}; ordinary ads {usual.next_day.estimate:.1%}"
    )


def service(found: Findings, sizes: dict[str, object]) -> str:
    """By what factor, and which other metrics moved."""
    factor = next(value for name, value in sizes.items() if name in ("views_factor", "messages_factor"))
    moved = ", ".join(each.metric for each in found.moved if each.is_unusual)
    return f"{1 + (found.relative or 0):.2f} times the expected, the law says {factor}; moved too: {moved}"


def ordinary(app: App, truth: GroundTruth) -> None:
    """Days on which nothing was injected: how often a segment is named, how often the band is left."""
    held = app.days_with_events()
    assert held is not None
    odd = {date.fromisoformat(day) for event in truth.events for day in event.days if event.kind != "experiment"}
    days = [held.first_day + timedelta(days=number) for number in range(21, 75)]
    days = [day for day in days if day not in odd and day <= held.last_day]
    print("\n| Metric | Days | A segment named | Outside of the 99 % band |\n| --- | ---: | ---: | ---: |")
    for metric in ORDINARY:
        found = [app.investigate(metric, day) for day in days]
        named = sum(bool(each.segments) for each in found)
        print(f"| {metric} | {len(days)} | {named} | {sum(each.is_unusual for each in found)} |")


if __name__ == "__main__":
    main()
