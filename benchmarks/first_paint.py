"""How long a person waits for a dashboard: ``python -m benchmarks.first_paint [SETTINGS] [--height PIXELS]``.

Beside a running Superset and server of this machine. Each page is opened in Chromium with nothing in Superset's cache
of results; the first one twice: in a browser that has just logged in, and in one that holds its programs already.
Told are the seconds until the first paint (as the browser's Paint Timing has it: something can be seen), the first
chart and all charts. The window is so tall that all charts of a page are seen at once, which is the hardest case:
Superset asks only for those that can be seen.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from tests.e2e.browser import Browser, browser

from appanalytics.jobs.dashboards import admin_password, specs_of, superset_folder, superset_url
from appanalytics.settings import Loaded, load_settings

TARGET_SECONDS = 5.0
PATIENCE_SECONDS = 120
_PAINT = "() => performance.getEntriesByName('first-paint')[0].startTime / 1000"
_FIRST = """() => [...document.querySelectorAll('[data-test-viz-type]')]
  .some(chart => chart.querySelector('canvas, svg, table, .header-line')
    && !chart.querySelector('.loading, [data-test="loading-indicator"]'))"""


def forget_results(loaded: Loaded) -> None:
    """Empty Superset's cache of charts' results."""
    for file in (superset_folder(loaded).folder / "cache" / "data").glob("*"):
        file.unlink(missing_ok=True)


def opened(page: Browser, name: str, charts: int) -> tuple[float, float, float]:
    """Seconds until the first paint, the first chart and all charts."""
    began = time.monotonic()
    page.page.goto(f"{page.url}/superset/dashboard/{name}/", wait_until="commit", timeout=PATIENCE_SECONDS * 1000)
    page.page.wait_for_function(_FIRST, polling="raf", timeout=PATIENCE_SECONDS * 1000)
    first = time.monotonic() - began
    page.wait_until_drawn(charts, PATIENCE_SECONDS)
    return float(page.page.evaluate(_PAINT)), first, time.monotonic() - began


def main() -> None:
    """Print a line for each dashboard as it is measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("settings", nargs="?", type=Path)
    parser.add_argument("--height", type=int, default=3200)
    given = parser.parse_args()
    loaded = load_settings(given.settings)
    pages = {each.spec.name: len(list(each.spec.charts)) for each in specs_of(loaded)}
    print(f"{'seconds until':16} {'first paint':>12} {'first chart':>12} {'all charts':>12}")
    with browser(superset_url(loaded), height=given.height) as page:
        page.log_in("admin", admin_password(loaded))
        fresh, late = next(iter(pages)), []
        for label, name in ((f"{fresh}, fresh", fresh), *((name, name) for name in pages)):
            forget_results(loaded)
            paint, first, done = opened(page, name, pages[name])
            late += [label] if paint > TARGET_SECONDS else []
            print(f"{label:16} {paint:12.2f} {first:12.2f} {done:12.2f}", flush=True)
    named = f": {', '.join(late)}" if late else ""
    print(f"{len(pages)} dashboards; first paint later than {TARGET_SECONDS:.0f} s: {len(late)}{named}")


if __name__ == "__main__":
    main()
