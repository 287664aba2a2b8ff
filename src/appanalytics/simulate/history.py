"""Write the world's history: users first, then chunks of days, each stored once or not at all."""

from __future__ import annotations

from appanalytics.engine import Engine
from appanalytics.progress import Progress, silent
from appanalytics.simulate import chunks, ledger
from appanalytics.simulate.truth import GroundTruth, measure_truth, read_truth, write_truth
from appanalytics.simulate.world import World
from appanalytics.warehouse.days import mark_changed


def simulate(engine: Engine, world: World, progress: Progress = silent) -> GroundTruth:
    """Make the warehouse hold exactly this world's history, and return what is true of it.

    The tables must exist. A history that is complete is left alone, an interrupted one is continued. Raises
    `UserError` when the warehouse holds another world or events that were not simulated.
    """
    if ledger.is_complete(engine, world) and (truth := read_truth(engine)):
        return truth
    ledger.record_world(engine, world, complete=False)
    days = [world.day(number) for number in range(world.days)]
    mark_changed(engine, days)
    chunks.fill_scratch(engine, world)
    _write_days(engine, world, progress)
    truth = measure_truth(engine, world)
    chunks.drop_scratch(engine)
    write_truth(engine, truth)
    mark_changed(engine, days)
    ledger.record_world(engine, world, complete=True)
    return truth


def _write_days(engine: Engine, world: World, progress: Progress) -> None:
    plan = chunks.cut(world)
    total = sum(chunk.events for chunk in plan)
    for done in range(ledger.chunks_done(engine), len(plan)):
        progress("simulate", sum(chunk.events for chunk in plan[:done]), total, "events")
        chunks.write_chunk(engine, world, plan[done])
        ledger.record_chunks(engine, done + 1)
    progress("simulate", total, total, "events")
