"""How long a person waits for a dashboard: ``python -m benchmarks.first_paint [SETTINGS] [--height PIXELS]``.

Beside a running Superset and server of this machine. Each page is opened in Chromium with nothing in Superset's cache
of results; the first one twice: in a browser that has just logged in, and in one that holds its programs already.
Told are the seconds until the first chart and until all charts have drawn. The window is so tall that all charts of a
page are seen at once, which is the hardest case: Superset asks only for those that can be seen.
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
_FIRST = """() => [...document.querySelectorAll('[data-test-viz-type]')]
  .some(chart => chart.querySelector('canvas, svg, table, .header-line')
    && !chart.querySelector('.loading, [data-test="loading-indicator"]'))"""


def forget_results(loaded: Loaded) -> None:
    """Empty Superset's cache of charts' results."""
    for file in (superset_folder(loaded).folder / "cache" / "data").glob("*"):
        file.unlink(missing_ok=True)


def opened(page: Browser, name: str, charts: int) -> tuple[float, float]:
    """Seconds until the first chart and until all charts have drawn."""
    began = time.monotonic()
    page.page.goto(f"{page.url}/superset/dashboard/{name}/", wait_until="commit", timeout=PATIENCE_SECONDS * 1000)
    page.page.wait_for_function(_FIRST, polling="raf", timeout=PATIENCE_SECONDS * 1000)
    first = time.monotonic() - began
    page.wait_until_drawn(charts, PATIENCE_SECONDS)
    return first, time.monotonic() - began


def main() -> None:
    """Print a line for each dashboard as it is measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("settings", nargs="?", type=Path)
    parser.add_argument("--height", type=int, default=3200)
    given = parser.parse_args()
    loaded = load_settings(given.settings)
    pages = {each.spec.name: len(list(each.spec.charts)) for each in specs_of(loaded)}
    print(f"{'seconds until':16} {'first chart':>12} {'all charts':>12}")
    with browser(superset_url(loaded), height=given.height) as page:
        page.log_in("admin", admin_password(loaded))
        name, charts = next(iter(pages.items()))
        forget_results(loaded)
        first, done = opened(page, name, charts)
        print(f"{name + ', fresh':16} {first:12.2f} {done:12.2f}", flush=True)
        late = []
        for name, charts in pages.items():
            forget_results(loaded)
            first, done = opened(page, name, charts)
            over = first > TARGET_SECONDS
            late += [name] if over else []
            print(f"{name:16} {first:12.2f} {done:12.2f}{'  over the target' if over else ''}", flush=True)
    named = f": {', '.join(late)}" if late else ""
    print(f"{len(pages)} dashboards; {len(late)} drew nothing for {TARGET_SECONDS:.0f} s{named}")


if __name__ == "__main__":
    main()
