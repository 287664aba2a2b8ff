"""What an event of a service may hold, from the columns of its table."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pyarrow as pa
import pytest

from appanalytics.errors import SettingsError
from appanalytics.server.collector.events import Services, _service
from appanalytics.warehouse.load.target import TargetTable

TIME = datetime(2026, 3, 1, 12, 0, 0, 123_987, tzinfo=UTC)


def table(**types: str) -> TargetTable:
    return TargetTable("things", ("time", *types), {"time": "DateTime64(3, 'UTC')", **types})


def services(*tables: TargetTable) -> Services:
    made = tuple(_service(f"s{place}", each, "time") for place, each in enumerate(tables))
    types = [each.type for each in made]
    return Services(made, msgspec.json.Decoder(), msgspec.json.Decoder(), types)


def test_kinds_of_columns() -> None:
    """Numbers with a point, truth and text besides whole numbers; what may be null may be left out."""
    service = _service("shop", table(price="Float64", paid="Bool", note="Nullable(String)", at="DateTime"), "time")
    given = {"service": "shop", "time": TIME, "price": 2.5, "paid": True, "at": TIME}
    event = msgspec.convert(given, service.type)
    arrow = service.to_arrow([event])
    assert arrow.schema.types == [pa.timestamp("ms", "UTC"), pa.float64(), pa.bool_(), pa.string(),
                                  pa.timestamp("ms", "UTC")]  # fmt: skip
    assert arrow.to_pylist()[0]["note"] is None
    assert arrow.column("time")[0].as_py() == TIME.replace(microsecond=123_000)
    for wrong in ({"paid": 1}, {"price": "2.5"}, {"note": ""}, {"more": 1}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(given | wrong, service.type)


def test_instants_that_may_be_missing_are_null() -> None:
    service = _service("shop", table(seen="Nullable(DateTime64(3))"), "time")
    events = [
        msgspec.convert({"service": "shop", "time": TIME, **more}, service.type) for more in ({}, {"seen": TIME})
    ]
    assert service.to_arrow(events).column("seen").to_pylist() == [None, TIME.replace(microsecond=123_000)]


def test_a_column_that_no_event_can_fill_needs_a_default() -> None:
    with pytest.raises(SettingsError, match=r"cannot fill column tags of things \(Array\(String\)\)") as told:
        _service("shop", table(tags="Array(String)"), "time")
    assert "--no-collector" in (told.value.hint or "")
    with_default = TargetTable("things", ("time", "tags"), {"time": "DateTime", "tags": "Array(String)"},
                               {"tags": "[]"})  # fmt: skip
    assert _service("shop", with_default, "time").columns == ("time",)


def test_two_services_that_mean_other_types_by_one_name_have_no_common_schema() -> None:
    assert services(table(size="UInt8"), table(size="UInt8")).schema is not None
    assert services(table(size="UInt8"), table(size="String")).schema is None
    assert services(table(size="UInt8"), table(place="String")).own == ("place", "size")
