"""Dashboards in a real Chromium: they open, all charts draw, filters change numbers, the live one refreshes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from tests.e2e.browser import CHROMIUM, Browser, browser
from tests.e2e.conftest import Stand

from appanalytics.dashboards import load_specs
from appanalytics.dashboards.superset import keep_secrets

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]
SPECS = {each.spec.name: each.spec for each in load_specs()}


@pytest.fixture(scope="module")
def chromium(stand: Stand) -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.fail(f"there is no {CHROMIUM}: install Debian's package chromium")
    with browser(stand.url) as opened:
        opened.log_in("admin", keep_secrets(stand.loaded.path("superset")).admin_password)
        yield opened


def charts_of(name: str) -> int:
    return len(list(SPECS[name].charts))


@pytest.mark.parametrize("name", SPECS)
def test_every_dashboard_draws_all_its_charts(stand: Stand, chromium: Browser, name: str) -> None:
    chromium.open(name, charts_of(name), patience=180)
    assert not chromium.errors()
    chromium.picture(stand.pictures / f"{name}.png")


def test_a_filter_changes_the_numbers_to_those_of_query(stand: Stand, chromium: Browser) -> None:
    chromium.open("main", charts_of("main"), patience=180)
    with stand.open() as app:
        until = app.today()
        everybody = app.query("views", until=until).value()
        women = app.query("views", where={"gender": "female"}, until=until).value()
    assert chromium.number("Views") == f"{everybody:,}"
    chromium.choose("Gender", "female")
    deadline = time.monotonic() + 90
    while chromium.number("Views") != f"{women:,}" and time.monotonic() < deadline:
        time.sleep(0.5)
    assert chromium.number("Views") == f"{women:,}"


def test_the_live_page_refreshes_while_events_stream_in(stand: Stand, chromium: Browser) -> None:
    chromium.open("today", charts_of("today"), patience=180)
    before = chromium.number("Views")
    stand.server.text(
        "INSERT INTO feed_actions (time, user_id, post_id, action)"
        " SELECT now64(3), number, 1, 'view' FROM numbers(5000)"
    )
    deadline = time.monotonic() + 3 * SPECS["today"].refresh + 60
    while chromium.number("Views") == before and time.monotonic() < deadline:
        time.sleep(1)
    assert int(chromium.number("Views").replace(",", "")) >= int(before.replace(",", "")) + 5000
