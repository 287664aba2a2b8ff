"""One tick of alerts at full scale: read from ClickHouse, judged, stored; and 500 series of 60 days replayed.

    python -m benchmarks.anomalies_tick WAREHOUSE_URL [--min-size 6]

The warehouse is a copy of a demo: the state of alerts is written into it. Series are made many by a smaller least
size and more metrics; the first run learns four weeks, then eight quarter hours are judged one by one. Last comes the
tick that also judges a day (new users and windows of days).
"""

from __future__ import annotations

import argparse
import time
from datetime import timedelta
from statistics import median

from appanalytics.anomalies.catchup import catch_up
from appanalytics.anomalies.watch import Watch
from appanalytics.app import open_app
from benchmarks.anomalies import OWN, measure_speed

METRICS = (
    "views", "likes", "ctr", "feed_users", "messages", "senders", "messenger_users", "users", "views_per_user",
    "likes_per_user", "messages_per_user", "new_users", "wau", "mau", "stickiness",
)  # fmt: skip
DIMENSIONS = ("source", "os", "country", "city", "gender", "age_group")


def main() -> None:
    """Print seconds of wall and CPU of a tick."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--min-size", type=float, default=6.0)
    given = parser.parse_args()
    with open_app(given.url) as app:
        days = app.days_with_events()
        if days is None:
            raise SystemExit("no events")
        watch = Watch(app.catalog, app.zone, METRICS, DIMENSIONS, min_size=given.min_size)
        now = days.end - timedelta(hours=6)
        started = time.perf_counter(), time.process_time()
        caught = catch_up(app.engine, watch, now)
        print(f"{caught}: {time.perf_counter() - started[0]:.1f} s, {time.process_time() - started[1]:.1f} s of CPU")
        walls, cpus = [], []
        for number in range(1, 9):
            started = time.perf_counter(), time.process_time()
            caught = catch_up(app.engine, watch, now + timedelta(minutes=15 * number))
            walls.append(time.perf_counter() - started[0])
            cpus.append(time.process_time() - started[1])
        print(f"a tick of {caught.series} series: {median(walls):.2f} s ({min(walls):.2f}–{max(walls):.2f}), "
              f"{median(cpus):.2f} s of CPU")  # fmt: skip
        for late in (-10, 6):
            catch_up(app.engine, watch, days.end + timedelta(minutes=late))
        started = time.perf_counter(), time.process_time()
        caught = catch_up(app.engine, watch, days.end + timedelta(minutes=40))
        last = app.engine.scalar("SELECT max(time) FROM anomaly_points WHERE minutes = 1440")
        many = app.engine.scalar(
            "SELECT uniqExact(metric, dimension, slice) FROM anomaly_points WHERE minutes = 1440"
        )
        wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
        print(f"the tick that judges {last:%Y-%m-%d} by {many} daily series, too: {caught}")
        print(f"{wall:.2f} s, {cpu:.2f} s of CPU")
    wall = time.perf_counter()
    cpu = measure_speed(OWN)
    print(f"500 series × 60 days: {time.perf_counter() - wall:.1f} s, {cpu:.1f} s of CPU")


if __name__ == "__main__":
    main()
