"""schemathesis on the collector's description, and broken bodies of every kind: a clear answer, nothing lost."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
import urllib3
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .served import Served, served

#: Requests of each operation; more with FUZZ=20000.
EXAMPLES = int(os.environ.get("FUZZ", "25"))
USERS: dict[str, dict[str, object]] = {"admin": {"role": "admin"}, "reader": {"role": "reader"}}
HEADERS = {"Authorization": "Bearer admin.secret"}
#: Which events are taken is told by event (207, 422), so a body that is right or wrong as a whole is not asked for.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
short = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Fuzzed:
    """A server, and what it said that it took."""

    server: Served
    accepted: int = 0
    rejected: int = 0
    known: set[str] = field(default_factory=set)

    def note(self, told: dict[str, Any]) -> None:
        """Count a receipt, unless it repeats an earlier one."""
        if not told["known"]:
            self.accepted += told["accepted"]
            self.rejected += told["rejected"]

    def stored(self, what: str) -> int:
        """Rows of tables of events, or rejects."""
        self.server.settle()
        tables = ("feed_actions", "message_actions") if what == "events" else ("rejects",)
        return sum(int(self.server.text(f"SELECT count() FROM {table}")) for table in tables)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with served(tmp_path_factory.mktemp("fuzzed") / "warehouse", USERS) as running:
        found = Fuzzed(running)
        yield found
        assert running.process.poll() is None
        assert found.stored("events") == found.accepted
        assert found.stored("rejects") == found.rejected


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
def test_what_the_description_allows_and_forbids(fuzzed: Fuzzed, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{fuzzed.server.port}/v1/openapi.json")
    paths = []
    for found in schema.get_all_operations():
        operation = found.ok()
        paths.append(operation.path)
        if mode is GenerationMode.POSITIVE or operation.path == "/v1/events":  # the other takes nothing

            @given(case=operation.as_strategy(generation_mode=mode))
            @short
            def ask(case: Any) -> None:
                answer = case.call(headers=HEADERS, timeout=20)
                if case.path == "/v1/events" and answer.status_code in (200, 207, 422):
                    fuzzed.note(answer.json())
                case.validate_response(answer, checks=CHECKS)

            ask()
    assert sorted(paths) == ["/v1/events", "/v1/status"]


def view(**more: Any) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"service": "feed", "time": now, "user_id": 1, "post_id": 5, "action": "view", **more}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)
EVENTS = st.builds(
    lambda more: {key: value for key, value in {**view(), **more}.items() if value != "(left out)"},
    st.dictionaries(st.sampled_from([*view(), "age", "country", "exp_group", "☃"]), JSON | st.just("(left out)")),
)


@given(
    events=st.lists(EVENTS | JSON, max_size=5),
    broken=st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=3)), max_size=2),
    lines=st.booleans(),
)
@short
def test_broken_bodies(fuzzed: Fuzzed, events: list[Any], broken: list[tuple[int, bytes]], *, lines: bool) -> None:
    body = b"\n".join(json.dumps(event).encode() for event in events) if lines else json.dumps(events).encode()
    for place, piece in broken:
        body = body[: place % (len(body) + 1)] + piece + body[place % (len(body) + 1) + len(piece) :]
    url = f"http://127.0.0.1:{fuzzed.server.port}/v1/events"
    answer = urllib3.request("POST", url, body=body, headers=HEADERS, retries=False, timeout=20)
    assert answer.status in (200, 207, 400, 422), (answer.status, answer.data[:500], body)
    told = answer.json()
    if answer.status == 400:
        assert told["title"]
        assert told["status"] == 400
        return
    fuzzed.note(told)
    places = [error["index"] for error in told["errors"]]
    assert places == sorted(set(places))
    assert len(places) == told["rejected"]
    assert all(error["reason"] for error in told["errors"])
    none = broken or body.strip() == b"[]"  # a single line that is an empty array
    assert told["accepted"] + told["rejected"] >= (0 if none else len(events))
