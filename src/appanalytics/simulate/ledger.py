"""What the warehouse knows of its simulated world: which one it is, which chunks are in, what is true of it."""

from __future__ import annotations

import json
from typing import Any

from appanalytics.engine import Engine
from appanalytics.errors import UserError
from appanalytics.simulate.world import World
from appanalytics.warehouse.meta import read_meta, write_meta

WORLD_KEY = "simulation"
CHUNKS_KEY = "simulation_chunks"
TRUTH_KEY = "ground_truth"
LIVE_KEY = "live_injections"


def is_complete(engine: Engine, world: World) -> bool:
    """True when the warehouse holds the whole history of this world.

    Raises `UserError` when it holds another world, or events that were not simulated.
    """
    text = read_meta(engine, WORLD_KEY)
    if text is None:
        _refuse_foreign_events(engine)
        return False
    stored = json.loads(text)
    if stored["digest"] != world.digest:
        raise UserError(
            f"the warehouse {engine.url} already holds another simulated app: {stored['told']}",
            hint="ask for that one, or give another --warehouse",
        )
    return bool(stored["complete"])


def record_world(engine: Engine, world: World, *, complete: bool) -> None:
    """Claim the warehouse for a world, or say that its history is complete."""
    record = {"digest": world.digest, "told": str(world), "complete": complete, "world": world.as_record()}
    write_meta(engine, WORLD_KEY, json.dumps(record, sort_keys=True))


def chunks_done(engine: Engine) -> int:
    """Number of chunks that are stored; chunks are written in order."""
    return int(read_meta(engine, CHUNKS_KEY) or 0)


def record_chunks(engine: Engine, done: int) -> None:
    """Say that the first ``done`` chunks are stored."""
    write_meta(engine, CHUNKS_KEY, str(done))


def record_injection(engine: Engine, record: dict[str, Any]) -> None:
    """Add what a live stream was made to do to the truth; the same twice is there once."""
    held = read_injections(engine)
    if record not in held:
        write_meta(engine, LIVE_KEY, json.dumps([*held, record], ensure_ascii=False))


def read_injections(engine: Engine) -> list[dict[str, Any]]:
    """What live streams of this warehouse were made to do, in the order of asking."""
    found: list[dict[str, Any]] = json.loads(read_meta(engine, LIVE_KEY) or "[]")
    return found


def _refuse_foreign_events(engine: Engine) -> None:
    for table in ("feed_actions", "message_actions"):
        if engine.scalar(f"SELECT count() FROM {table}"):
            raise UserError(
                f"the warehouse {engine.url} already holds events in {table}",
                hint="simulate into an empty one: --warehouse chdb:///another/folder",
            )
