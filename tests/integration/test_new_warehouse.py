"""A warehouse without events, and one whose schema is not ours any more: what is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from appanalytics.catalog import load_catalog
from appanalytics.engine import Engine
from appanalytics.errors import IntegrityError, SettingsError, WarehouseMissing
from appanalytics.experiments.observe import check_rolled
from appanalytics.jobs.redash import _address, change_redash
from appanalytics.settings import load_settings
from appanalytics.warehouse.load.target import read_table, type_range
from appanalytics.warehouse.migrate import migrate
from appanalytics.warehouse.rollup import Layout


def test_without_events_there_is_no_experiment(engine: Engine) -> None:
    layout = Layout.read(engine, load_catalog(), ZoneInfo("UTC"))
    with pytest.raises(WarehouseMissing, match="holds no events yet") as told:
        check_rolled(engine, layout, date(2026, 3, 1), date(2026, 3, 2))
    assert "appanalytics simulate" in (told.value.hint or "")
    with pytest.raises(WarehouseMissing, match="has no table likes_of_friends"):
        read_table(engine, "likes_of_friends")
    with pytest.raises(ValueError, match="String is not an integer type"):
        type_range("String")
    name = engine.scalar("SELECT min(name) FROM schema_migrations")
    engine.execute("INSERT INTO schema_migrations (name, sha256) VALUES ({name:String}, 'other')", {"name": name})
    with pytest.raises(IntegrityError, match=f"migration {name} was changed after it ran"):
        migrate(engine)


def test_redash_needs_a_key_and_a_server_that_it_can_reach(tmp_path: Path) -> None:
    folder = load_settings(environ={"APPANALYTICS_WAREHOUSE__URL": f"chdb://{tmp_path}/warehouse"}, folder=tmp_path)
    with pytest.raises(SettingsError, match="the key of Redash is missing"):
        change_redash(folder)
    with pytest.raises(SettingsError, match="no server runs for this warehouse") as told:
        _address(folder)
    assert "redash.warehouse" in (told.value.hint or "")
    served = load_settings(environ={"APPANALYTICS_WAREHOUSE__URL": "http://10.0.0.1:8123/app"}, folder=tmp_path)
    assert _address(served).host == "10.0.0.1"
