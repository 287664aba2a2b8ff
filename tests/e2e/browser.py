"""A real Chromium on Superset: opens dashboards, waits until every chart has drawn, says what went wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
_DRAWN = """() => {
  const charts = [...document.querySelectorAll('[data-test-viz-type]')];
  const busy = document.querySelectorAll('.loading, [data-test="loading-indicator"], .ant-spin-spinning').length;
  const empty = charts.filter(c => !c.querySelector('canvas, svg, table, .header-line'));
  return {charts: charts.length, busy: busy, empty: empty.map(c => c.innerText.slice(0, 60))};
}"""
_ERRORS = """() => [...document.querySelectorAll('[role=alert], .ant-alert-error, [data-test="error-message"]')]
  .map(e => e.innerText.trim()).filter(t => t)"""


class Browser:
    """A page that is logged in. ``height`` is tall, for a dashboard draws only what can be seen."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    def log_in(self, user: str, password: str) -> None:
        """Fill in the form as a person does."""
        self.page.goto(f"{self.url}/login/", wait_until="domcontentloaded")
        self.page.locator("input#username, input[name=username]").first.fill(user)
        self.page.locator("input#password, input[name=password]").first.fill(password)
        self.page.locator("button[type=submit], input[type=submit]").first.click()
        self.page.wait_for_url("**/superset/welcome/**", timeout=60_000)

    def open(self, dashboard: str, charts: int, patience: float = 90) -> float:
        """Open a dashboard and wait until all its charts have drawn; returns the seconds that it took."""
        began = time.monotonic()
        self.page.goto(f"{self.url}/superset/dashboard/{dashboard}/", wait_until="domcontentloaded")
        self.wait_until_drawn(charts, patience)
        return time.monotonic() - began

    def wait_until_drawn(self, charts: int, patience: float = 90) -> None:
        """Wait until so many charts are there and none is busy or empty."""
        state: dict[str, object] = {}
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            state = self.page.evaluate(_DRAWN)
            if state["charts"] == charts and not state["busy"] and not state["empty"]:
                return
            time.sleep(0.25)
        raise AssertionError(f"not drawn after {patience} s: {state}; errors: {self.errors()}")

    def errors(self) -> list[str]:
        """Texts of all boxes of errors on the page."""
        return list(self.page.evaluate(_ERRORS))

    def number(self, title: str) -> str:
        """The big number of the chart with that title."""
        holders = self.page.locator(".dashboard-component-chart-holder", has=self.page.locator(".header-line"))
        holder = holders.filter(has=self.page.get_by_text(title, exact=True)).first
        return holder.locator(".header-line").first.inner_text().strip()

    def choose(self, label: str, value: str) -> None:
        """Pick a value of a native filter and apply."""
        box = self.page.locator("[data-test='filter-control-name']", has_text=label).first
        control = box.locator("xpath=ancestor::*[.//input][1]").locator("input").first
        control.click()
        control.fill(value)
        self.page.locator(".ant-select-item-option", has_text=value).first.click()
        self.page.keyboard.press("Escape")
        self.page.locator("[data-test='filter-bar__apply-button']").click()

    def picture(self, file: Path) -> None:
        """What is seen, as a PNG."""
        self.page.screenshot(path=file)


@contextmanager
def browser(url: str, height: int = 3200, width: int = 1600) -> Iterator[Browser]:
    """Chromium without a window; nothing but Superset is reached."""
    host = urlsplit(url).netloc
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            page = started.new_page(viewport={"width": width, "height": height})
            page.route("**/*", lambda route: _allow(route, host))
            yield Browser(page, url)
        finally:
            started.close()


def _allow(route: Route, host: str) -> None:
    where = urlsplit(route.request.url)
    if where.netloc in (host, "") or where.scheme in ("data", "blob"):
        route.continue_()
    else:
        route.abort()
