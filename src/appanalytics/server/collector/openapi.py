"""The collector's description for programs: OpenAPI 3.1, made from the same types that read the events."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import msgspec

from appanalytics.server.collector.decode import MOST_EVENTS
from appanalytics.server.collector.events import SERVICE, Services

_BATCH = "Idempotency-Key"
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}


def describe(services: Services, longest: int) -> dict[str, Any]:
    """The document; ``longest`` is the longest body in bytes."""
    _, kinds = msgspec.json.schema_components([services.union], ref_template="#/components/schemas/{name}")
    for service in services.all:
        for name in service.wide:
            kinds[service.type.__name__]["properties"][name].update({"maximum": 2**64 - 1})
    one = {"anyOf": [{"$ref": f"#/components/schemas/{service.type.__name__}"} for service in services.all]}
    many = {"type": "array", "items": {"$ref": "#/components/schemas/Event"}, "maxItems": MOST_EVENTS}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AppAnalytics collector",
            "version": version("appanalytics"),
            "description": "Takes events of an app and answers when they are durable.",
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "the app's key"}},
            "schemas": {**kinds, "Event": one, **_answers()},
        },
        "security": [{"key": []}],
        "paths": {"/v1/events": {"post": _post(many, longest)}, "/v1/status": {"get": _status()}},
    }


def _post(many: dict[str, Any], longest: int) -> dict[str, Any]:
    about = (
        f"A JSON array, or one JSON object a line (NDJSON); at most {MOST_EVENTS:,} events and {longest >> 20} MiB, "
        "plain or compressed (Content-Encoding gzip, deflate, br, zstd, lz4). An event's `"
        f"{SERVICE}` says what it is. Good events are stored even if others of the request are refused. With an "
        f"{_BATCH} a request can be sent again until it is answered: it is stored once."
    )
    return {
        "operationId": "sendEvents",
        "summary": "Store events",
        "description": about,
        "parameters": [
            {
                "name": _BATCH,
                "in": "header",
                "required": False,
                "description": "the batch's id, of the client's choice, the same for each attempt",
                "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": r"^[\x21-\x7e]+$"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": many}, "application/x-ndjson": {"schema": _TEXT}},
        },
        "responses": {
            "200": _answer("All events are stored, durably.", "Receipt"),
            "207": _answer("Some events are stored, durably; the others are refused for good.", "Receipt"),
            "422": _answer("Every event is refused for good.", "Receipt"),
            **_problems(400, 401, 413, 415, 429, 503),
        },
    }


def _status() -> dict[str, Any]:
    return {
        "operationId": "status",
        "summary": "What the collector did since it started",
        "responses": {"200": _answer("Counters.", "Status"), **_problems(401)},
    }


def _answers() -> dict[str, Any]:
    error = {
        "type": "object",
        "required": ["index", "reason"],
        "properties": {"index": {**_COUNT, "description": "the event's place in the request"}, "reason": _TEXT},
    }
    receipt = {
        "batch": {**_TEXT, "description": "the batch's id; as `load` in the table of rejects after the app's name"},
        "accepted": {**_COUNT, "description": "events stored"},
        "rejected": {**_COUNT, "description": "events refused; they are in the table `rejects`"},
        "known": {"type": "boolean", "description": "true when an earlier attempt was stored, and this one was not"},
        "errors": {"type": "array", "items": error, "description": "why events were refused; the first 1,000"},
    }
    status: dict[str, Any] = dict.fromkeys(("requests", "events", "rejected", "inserts"), _COUNT)
    status["waiting"] = {
        **_COUNT,
        "description": "requests that are not in the tables yet; the answered ones are durable",
    }
    status["held"] = {**_COUNT, "description": "bytes of them, of at most `memory`"}
    status["memory"] = _COUNT
    status["unsure"] = {
        "type": "boolean",
        "description": "true while the tables do not take the events of the journal",
    }
    status["last"] = {"type": ["string", "null"], "format": "date-time"}
    problem = {"title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT}
    return {
        "Receipt": {"type": "object", "required": list(receipt), "properties": receipt},
        "Status": {"type": "object", "required": list(status), "properties": status},
        "Problem": {"type": "object", "required": ["title", "status"], "properties": problem},
    }


_TITLES = {
    400: "The body or a header cannot be read; nothing was stored.",
    401: "No key, or an unknown one.",
    413: "The body is too long, or holds too many events.",
    415: "The encoding of the body is unknown.",
    429: "Too much waits to be stored; send it again after Retry-After seconds.",
    503: "Not stored yet, or not for sure; send it again with the same id.",
}


def _problems(*statuses: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": _TITLES[status], "content": content} for status in statuses}


def _answer(description: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}
