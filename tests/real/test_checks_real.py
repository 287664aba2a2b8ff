"""Checks of a warehouse that holds the real feed of a company: what they find is there, counted with pandas."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from appanalytics.catalog import load_catalog
from appanalytics.engine import Engine
from appanalytics.warehouse.checks import Limits, Status
from appanalytics.warehouse.checks.copies import copies
from appanalytics.warehouse.checks.scope import read_scope
from appanalytics.warehouse.checks.values import impossible_values
from appanalytics.warehouse.rollup import Layout

pytestmark = pytest.mark.real
FILE = Path("feed") / "deskdrop_interactions.csv.gz"


def test_a_month_of_the_real_feed_was_recorded_twice_in_part(
    feed_year: Engine, real_data: Path, utc: ZoneInfo
) -> None:
    scope = read_scope(feed_year, Layout.read(feed_year, load_catalog(), utc), Limits(), None, None, full=True)

    frame = pd.read_csv(real_data / FILE).query("eventType in ['VIEW', 'LIKE']")
    frame["day"] = pd.to_datetime(frame["timestamp"], unit="s").dt.date
    copied = frame.duplicated(["timestamp", "contentId", "personId", "eventType"])
    by_day = copied.groupby(frame["day"]).agg(["sum", "mean"])
    bad = by_day[(by_day["sum"] >= scope.limits.copied_least) & (by_day["mean"] > scope.limits.copied_share)]
    assert (bad.index.min(), bad.index.max(), len(bad)) == (date(2016, 5, 31), date(2016, 7, 1), 24)

    found = copies(scope)
    listed = [each for each in found if each.day]
    assert [each.found for each in listed] == pytest.approx([bad["mean"][each.day] for each in listed])
    assert {each.status for each in found} == {Status.FAILED}
    assert found[-1].hint == f"and {len(bad) - len(listed)} more of this kind"
    assert [each.status for each in impossible_values(scope)] == [Status.OK]
