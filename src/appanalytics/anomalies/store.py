"""State, series, incidents and people's actions in the warehouse's tables."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from appanalytics.anomalies.incidents import UNWATCHED, Incident
from appanalytics.anomalies.lanes import Judged
from appanalytics.anomalies.watch import Watch
from appanalytics.anomalies.watching import Watching
from appanalytics.engine import Engine


def load(engine: Engine, watching: Watching) -> None:
    """Fill a fresh state with the stored one of its watch; it is younger than those of other watches."""
    rows = engine.rows(
        "SELECT version, toUnixTimestamp(tick) AS tick, base64Encode(state) AS state FROM anomaly_state"
        " WHERE watch = {watch:String} ORDER BY version DESC LIMIT 1",
        {"watch": watching.watch.fingerprint()},
    )
    if rows:
        tick = int(rows[0]["tick"]) // watching.watch.step
        watching.load(tick, int(rows[0]["version"]), base64.b64decode(rows[0]["state"]))
    watching.version = int(engine.scalar("SELECT max(version) FROM anomaly_state"))


def save(engine: Engine, watching: Watching) -> None:
    """Write a state as the next version. This ends a run."""
    assert watching.tick is not None  # noqa: S101
    watching.version += 1
    row = {
        "watch": [watching.watch.fingerprint()],
        "version": pa.array([watching.version], pa.uint64()),
        "tick": _seconds([watching.tick * watching.watch.step]),
        "state": pa.array([watching.dump()], pa.binary()),
    }
    engine.insert("anomaly_state", pa.table(row))


def write_points(engine: Engine, watch: Watch, judged: Sequence[Judged]) -> None:
    """Write verdicts; those written before are replaced by the same."""
    if not judged:
        return
    keys = [key for each in judged for key in each.keys]
    value = np.concatenate([each.value for each in judged])
    table = {
        "metric": [key.metric for key in keys],
        "dimension": [key.dimension for key in keys],
        "slice": [key.value for key in keys],
        "time": _seconds([each.number * watch.step for each in judged for _ in each.keys]),
        "minutes": pa.array([each.every * watch.minutes for each in judged for _ in each.keys], pa.uint16()),
        "value": pa.array(value, pa.float64(), mask=np.isnan(value)),
        "expected": np.concatenate([each.expected for each in judged]),
        "spread": np.concatenate([each.spread for each in judged]),
        "score": pa.array(np.concatenate([each.score for each in judged]), pa.float64()).cast(pa.float32()),
        "alarm": pa.array(np.concatenate([each.alarm for each in judged]), pa.bool_()),
    }
    engine.insert("anomaly_points", pa.table(table))


def write_incidents(engine: Engine, watch: Watch, incidents: Iterable[Incident], version: int) -> None:
    """Write the newest face of incidents under a version; once more changes nothing."""
    rows = [record(watch, each) | {"version": version} for each in incidents]
    if not rows:
        return
    times = {name: _seconds([row[name] for row in rows]) for name in ("start", "end", "fired", "changed")}
    rest = {name: [row[name] for row in rows] for name in rows[0] if name not in times and name != "version"}
    table = pa.table({**rest, **times, "version": pa.array([version] * len(rows), pa.uint64())})
    engine.insert("incidents", table)


def close_unwatched(engine: Engine, watching: Watching, now: datetime) -> int:
    """End the stored incidents that are open and that a state does not know; returns how many.

    They are those of another configuration, which nobody would ever end: series that are not watched any more, or
    thresholds under which the incident was not found again. Doubts are dropped. Once more finds nothing to do.
    """
    unknown = "state IN ('pending', 'firing', 'recovering') AND id NOT IN {known:Array(String)}"
    bound = {"known": [each.id for each in watching.open], "note": UNWATCHED, "now": now, "version": watching.version}
    count = int(engine.scalar(f"SELECT count() FROM incidents FINAL WHERE {unknown}", bound))
    if count:
        engine.execute(
            "INSERT INTO incidents SELECT * REPLACE (if(fired IS NULL, 'dropped', 'resolved') AS state,"
            " {note:String} AS note, {now:DateTime('UTC')} AS changed, {version:UInt64} AS version)"
            f" FROM (SELECT * FROM incidents FINAL WHERE {unknown})",
            bound,
        )
    return count


def record(watch: Watch, incident: Incident) -> dict[str, Any]:
    """An incident as plain values; times are seconds."""
    lead = incident.members[incident.lead]
    is_bin = incident.kind == "metric" and not watch.is_daily(incident.lead.metric)
    is_share = is_bin and watch.parts(incident.lead.metric)[1] is not None
    per = lead.size if is_share else lead.ticks
    members = [
        {"metric": key.metric, "slice": key.slice, "score": round(each.peak, 2), "actual": each.actual,
         "expected": each.expected, "size": each.size, "ticks": each.ticks}
        for key, each in incident.ranked()
    ]  # fmt: skip
    return {
        "id": incident.id, "kind": incident.kind, "state": str(incident.state), "severity": str(incident.severity),
        "direction": incident.direction, "metric": incident.lead.metric, "slice": incident.lead.slice,
        "start": incident.start * watch.step, "end": (incident.last + 1) * watch.step,
        "fired": incident.fired * watch.step if incident.fired else None, "changed": incident.changed * watch.step,
        "value": lead.actual / per if per else 0.0, "expected": lead.expected / per if per else 0.0,
        "score": lead.peak, "members": json.dumps(members, ensure_ascii=False), "note": incident.note,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stored:
    """An incident of the table, with what people did about it.

    ``told`` is the ``changed`` (seconds) of which messages were written last, at ``told_at``, as of the severity
    ``told_as``; 0, None and empty: never.
    """

    row: dict[str, Any]
    muted: bool
    acknowledged: str
    told: int
    told_at: datetime | None
    told_as: str = ""

    @property
    def members(self) -> list[dict[str, Any]]:
        """Its series, the most anomalous first."""
        found: list[dict[str, Any]] = json.loads(self.row["members"])
        return found


def as_stored(watch: Watch, incident: Incident) -> Stored:
    """An incident as if it were read from the table, and nobody had done anything about it."""
    row = record(watch, incident)
    times = {
        name: datetime.fromtimestamp(row[name], UTC) if row[name] is not None else None
        for name in ("start", "end", "fired", "changed")
    }
    return Stored(row | times, False, "", 0, None)


def read_incidents(
    engine: Engine, now: datetime, *, all_states: bool = False, since: datetime | None = None
) -> list[Stored]:
    """Incidents, the newest first: those that are or were certain, or all."""
    rows = engine.rows(
        "SELECT * FROM incidents FINAL WHERE ({all:Bool} OR fired IS NOT NULL)"
        " AND changed >= {since:DateTime('UTC')} ORDER BY start DESC, id",
        {"all": all_states, "since": since or datetime(1970, 1, 2, tzinfo=UTC)},
    )
    actions = engine.rows("SELECT * EXCEPT kind, toString(kind) AS kind FROM alert_actions ORDER BY written")
    return [_stored(row, actions, now) for row in rows]


def act(engine: Engine, kind: str, now: datetime, **what: Any) -> None:
    """Append an action: ``incident``, ``metric``, ``slice``, ``until``, ``version``, ``text``."""
    row = {
        "kind": [kind], "incident": [what.get("incident", "")], "metric": [what.get("metric", "")],
        "slice": [what.get("slice", "")], "until": pa.array([what.get("until")], pa.timestamp("s", "UTC")),
        "version": pa.array([what.get("version", 0)], pa.uint64()), "text": [what.get("text", "")],
        "written": pa.array([now], pa.timestamp("ms", "UTC")),
    }  # fmt: skip
    engine.insert("alert_actions", pa.table(row))


def _stored(row: dict[str, Any], actions: Sequence[dict[str, Any]], now: datetime) -> Stored:
    row = row | {name: _aware(row[name]) for name in ("start", "end", "fired", "changed")}
    muted, acknowledged, told, told_at, told_as = False, "", 0, None, ""
    for each in actions:
        mine = each["incident"] == row["id"]
        if each["kind"] in ("mute", "unmute"):
            general = not each["incident"] and each["metric"] in ("", row["metric"])
            if mine or (general and each["slice"] in ("", row["slice"])):
                until = _aware(each["until"])
                muted = each["kind"] == "mute" and (until is None or until > now)
        elif mine and each["kind"] == "ack":
            acknowledged = each["text"] or "yes"
        elif mine:
            told, told_at, told_as = int(each["version"]), _aware(each["written"]), each["text"]
    return Stored(row, muted, acknowledged, told, told_at, told_as)


def _aware(moment: datetime | None) -> datetime | None:
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _seconds(values: Sequence[int | None]) -> pa.Array:
    return pa.array(values, pa.int64()).cast(pa.timestamp("s", "UTC"))
