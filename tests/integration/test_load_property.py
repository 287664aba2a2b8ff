"""Random tables in every format, cut anywhere, in parts and in any order: what arrives is what an oracle says."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appanalytics.engine import Engine
from appanalytics.warehouse.load import ChunkSize, load_files, parse_mapping

ZONE = ZoneInfo("America/Sao_Paulo")
NAMES = ("when", "who", 'it\'s "what"', "did", "sex", "years", "land", "note")
MAPPING = parse_mapping(
    """
    skip: {did: [FOLLOW]}
    null: [N/A]
    thousands: " "
    columns:
      time: {column: when, zone: America/Sao_Paulo}
      user_id: {column: who, as: signed}
      post_id: "it's \\"what\\""
      action: {column: did, values: {VIEW: view, LIKE: like}}
      gender: {column: sex, values: {m: 0, f: 1}, others: default}
      age: years
      country: {column: land, values: {NO: Norway}, others: keep}
      exp_group: {expression: "if(startsWith(note, 'x'), 7, length(sex))"}
    """
)
NASTY = ["", "x", "a,b", 'say "hi"', "two\nlines", "tab\there", "{p0:String}", "\\", "é", "x\r\ny", " ", "'"]
CELLS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "when": (
        ["2016-09-01", "2016-09-01T12:34:56.789", "2016-07-01 00:30+03:00", "2017-01-31 23:59:59Z", " 2016-10-02 "],
        ["", "N/A", "2016-02-30", "1465413032", "12:00", "1980-01-01", "2150-06-01", "2016-09-01T25:00", *NASTY],
    ),
    "who": (
        ["0", "1", "-1", "-9223372036854775808", "9223372036854775807", "1 000", "12.0"],
        ["", "N/A", "9223372036854775808", "1.5", "1e3", "abc", "--1"],
    ),
    NAMES[2]: (["0", "7", "18446744073709551615"], ["-1", "18446744073709551616", "", "0x1"]),
    "did": (["VIEW", "LIKE", "FOLLOW", " VIEW"], ["view", "", "N/A", "SHARE"]),
    "sex": (["m", "f", "", "x", "N/A"], []),
    "years": (["0", "120", "", "N/A", "30.0"], ["121", "-1", "old", "3.5"]),
    "land": (["NO", "Россия", "", "N/A", " Chile "], []),
    "note": (NASTY, []),
}  # fmt: skip


@dataclass(frozen=True)
class Event:
    time: datetime
    user_id: int
    post_id: int
    action: str
    gender: int
    age: int
    country: str
    exp_group: int


def seen(cell: str) -> str:
    text = cell.strip(" ")
    return "" if text == "N/A" else text


def whole(text: str, low: int, high: int) -> int | None:
    digits = text.replace(" ", "").removesuffix(".0")
    try:
        number = int(digits) if digits.lstrip("+-").isdigit() and digits.count("-") < 2 else None
    except ValueError:
        return None
    return number if number is not None and low <= number <= high else None


def moment(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not text.startswith(("19", "20", "21")) or "-" not in text[:5]:
        return None
    aware = (time if time.tzinfo else time.replace(tzinfo=ZONE)).astimezone(UTC)
    return aware if 1990 <= aware.year <= 2100 else None


def oracle(row: Sequence[str]) -> Event | str:
    """The event that a row is, or "skip" or "reject"."""
    when, who, what, did, sex, years, land, note = map(seen, row)
    if did == "FOLLOW":
        return "skip"
    time, user, post = moment(when), whole(who, -(2**63), 2**63 - 1), whole(what, 0, 2**64 - 1)
    action = {"VIEW": "view", "LIKE": "like"}.get(did)
    age = 0 if years == "" else whole(years, 0, 120)
    if time is None or user is None or post is None or action is None or age is None:
        return "reject"
    group = 7 if note.startswith("x") else len(sex)
    gender = {"m": 0, "f": 1}.get(sex, -1)
    return Event(
        time, user % 2**64, post, action, gender, age, {"NO": "Norway", "": "unknown"}.get(land, land), group
    )


def cell_of(name: str) -> st.SearchStrategy[str]:
    good, bad = CELLS[name]
    return st.sampled_from([*(list(good) * (1 + 4 * len(bad) // len(good))), *bad])


rows = st.tuples(*(cell_of(name) for name in NAMES))
tables = st.lists(rows, min_size=1, max_size=25)


@dataclass(frozen=True)
class Written:
    """A file's bytes and the line of each of its rows."""

    data: bytes
    lines: list[int]


def delimited(table: Sequence[Sequence[str]], delimiter: str, line_end: str, quoting: int, bom: bool) -> Written:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow(NAMES)
    lines = []
    for row in table:
        lines.append(out.getvalue().count("\n") + 1)
        writer.writerow(row)
    return Written((b"\xef\xbb\xbf" if bom else b"") + out.getvalue().encode(), lines)


def json_lines(table: Sequence[Sequence[str]], blank: bool) -> Written:
    end = "\n\n" if blank else "\n"
    text = "".join(json.dumps(dict(zip(NAMES, row, strict=True)), ensure_ascii=False) + end for row in table)
    return Written(text.encode(), [1 + place * len(end) for place in range(len(table))])


def parquet(table: Sequence[Sequence[str]], group: int, empty_is_null: bool) -> Written:
    columns = {
        name: pa.array([None if empty_is_null and not row[at] else row[at] for row in table], pa.string())
        for at, name in enumerate(NAMES)
    }
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, row_group_size=group)
    return Written(out.getvalue(), list(range(1, len(table) + 1)))


@st.composite
def files(draw: st.DrawFn, table: Sequence[Sequence[str]]) -> Written:
    kind = draw(st.sampled_from(["csv", "csv", "tsv", "jsonl", "parquet"]))
    if kind == "parquet":
        written = parquet(table, draw(st.integers(1, 30)), draw(st.booleans()))
    elif kind == "jsonl":
        written = json_lines(table, draw(st.booleans()))
    else:
        ends, quoting = draw(st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\n", csv.QUOTE_ALL)]))
        written = delimited(table, "," if kind == "csv" else "\t", ends, quoting, draw(st.booleans()))
    return Written(gzip.compress(written.data), written.lines) if draw(st.booleans()) else written


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables, data=st.data())
def test_what_arrives_is_what_the_oracle_says(
    engine: Engine, table: list[tuple[str, ...]], data: st.DataObject
) -> None:
    for name in ("feed_actions", "rejects", "loads", "load_chunks"):
        engine.execute(f"TRUNCATE TABLE {name}")
    cut = data.draw(st.integers(0, len(table)), "first part")
    parts = [part for part in (table[:cut], table[cut:]) if part]
    written = [data.draw(files(part), "file") for part in parts]
    size = ChunkSize(data.draw(st.integers(200, 3000), "bytes"), data.draw(st.integers(5, 30), "rows"))
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"part{place}" for place in range(len(written))]
        for path, each in zip(paths, written, strict=True):
            path.write_bytes(each.data)
        order = data.draw(st.permutations(range(len(paths))), "order")
        reports = [load_files(engine, "feed", [paths[place]], MAPPING, chunk_size=size) for place in order]
        again = load_files(engine, "feed", paths, MAPPING, chunk_size=size)

    verdicts = [oracle(row) for row in table]
    expected = Counter(each for each in verdicts if isinstance(each, Event))
    assert Counter(Event(**row) for row in engine.rows(QUERY)) == expected
    assert sum(each.loaded for each in reports) == expected.total()
    assert sum(each.skipped for each in reports) == verdicts.count("skip")
    assert sum(each.rejected for each in reports) == verdicts.count("reject")
    assert sum(each.rows for each in reports) == len(table)
    assert again.loaded == 0 or len({each.data for each in written}) < len(written)
    for path, part, each in zip(paths, parts, written, strict=True):
        bad = [line for line, row in zip(each.lines, part, strict=True) if oracle(row) == "reject"]
        if len({other.data for other in written}) == len(written):
            assert reject_lines(engine, path) == bad


QUERY = "SELECT time, user_id, post_id, action, gender, age, country, exp_group FROM feed_actions"


def reject_lines(engine: Engine, path: Path) -> list[int]:
    rows = engine.rows("SELECT line FROM rejects WHERE file = {file:String} ORDER BY line", {"file": str(path)})
    return [row["line"] for row in rows]
