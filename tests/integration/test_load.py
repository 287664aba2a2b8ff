"""Loading files: formats, bad files, bad rows, mappings; on the real engine."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from appanalytics.engine import Engine
from appanalytics.errors import AppAnalyticsError, FileError, MappingError
from appanalytics.warehouse.days import day_states
from appanalytics.warehouse.load import ChunkSize, LoadReport, TargetTable, load_files, parse_mapping, read_target

from .one_database import emptied, one_database

HEADER = "time,user_id,post_id,action,gender,age,country,city,os,source,exp_group\n"
ROW = "2024-03-01 10:00:00,1,10,view,0,30,Russia,Moscow,iOS,ads,1\n"
SIMPLE = "columns: {time: t, user_id: u, post_id: p, action: {constant: view}}"

Write = Callable[[str, str | bytes], Path]


@pytest.fixture(scope="module")
def database(engine_folder: Path) -> Iterator[Engine]:
    with one_database(engine_folder, "load") as made:
        yield made


@pytest.fixture
def engine(database: Engine) -> Engine:
    return emptied(database)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def load(engine: Engine, path: Path, mapping: str | None = SIMPLE, **more: Any) -> LoadReport:
    return load_files(engine, "feed", [path], parse_mapping(mapping) if mapping else None, **more)


def events(engine: Engine, columns: str = "user_id") -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in engine.rows(f"SELECT {columns} FROM feed_actions ORDER BY ALL")]


def rejects(engine: Engine) -> list[tuple[int, str, str]]:
    rows = engine.rows("SELECT line, reason, raw FROM rejects ORDER BY line, reason")
    return [(row["line"], row["reason"], row["raw"]) for row in rows]


def counts(engine: Engine) -> dict[str, int]:
    tables = ("feed_actions", "message_actions", "rejects", "loads", "load_chunks", "day_log")
    return {table: engine.scalar(f"SELECT count() FROM {table}") for table in tables}


def test_a_file_of_the_table_s_own_columns(engine: Engine, write: Write) -> None:
    report = load(engine, write("a.csv", HEADER + ROW), None)
    assert (report.rows, report.loaded, report.table) == (1, 1, "feed_actions")
    assert report.first == report.last
    names = "toString(time), user_id, post_id, action, gender, age, country, city, os, source, exp_group"
    expected = ("2024-03-01 10:00:00.000", 1, 10, "view", 0, 30, "Russia", "Moscow", "iOS", "ads", 1)
    assert events(engine, names) == [expected]
    assert str(report) == "a.csv: 1 rows, 1 loaded, 2024-03-01 10:00 … 2024-03-01 10:00 UTC"


def test_columns_that_a_file_lacks_take_the_table_s_defaults(engine: Engine, write: Write) -> None:
    load(engine, write("a.csv", "time,user_id,post_id,action,age,city\n2024-03-01,1,2,like,,\n"), None)
    columns = "gender, age, country, city, os, source, exp_group"
    assert events(engine, columns) == [(-1, 0, "unknown", "unknown", "unknown", "unknown", -1)]


def test_days_are_marked_in_the_reporting_zone(engine: Engine, write: Write) -> None:
    path = write("a.csv", "t,u,p\n2024-03-01T22:30Z,1,1\n2024-03-03T10:00Z,1,1\n")
    load(engine, path, zone=ZoneInfo("Europe/Moscow"))
    assert [state.day.isoformat() for state in day_states(engine)] == ["2024-03-02", "2024-03-03"]
    assert engine.scalar("SELECT count() FROM day_log") == 4  # before and after


KINDS = ("csv", "semicolon", "bar", "tsv", "space", "jsonl", "parquet")


def in_format(kind: str, rows: list[tuple[str, int, int]]) -> bytes:
    if kind == "parquet":
        times, users, posts = zip(*rows, strict=True)
        out = io.BytesIO()
        pq.write_table(pa.table({"t": times, "u": users, "p": posts}), out)
        return out.getvalue()
    if kind == "jsonl":
        return "".join(json.dumps({"t": t, "u": u, "p": p}) + "\n" for t, u, p in rows).encode()
    sign = {"csv": ",", "semicolon": ";", "bar": "|", "tsv": "\t", "space": "  "}[kind]
    return "".join(sign.join(map(str, row)) + "\n" for row in [("t", "u", "p"), *rows]).encode()


def test_formats_are_told_by_content(engine: Engine, write: Write) -> None:
    paths = []
    for number, kind in enumerate(KINDS):
        rows = [("2024-03-01T10:00:00Z", number, 8), ("2024-03-02T10:00:00Z", number, 10)]
        data = in_format(kind, rows)
        paths.append(write(f"{number}.bin", gzip.compress(data) if number % 2 else data))
    data = in_format("parquet", [("2024-03-01T10:00:00Z", 100, 8)])  # text is unzipped as it is read, this is not
    paths.append(write("7.other", gzip.compress(data)))
    report = load_files(engine, "feed", paths, parse_mapping(SIMPLE))
    assert [each.loaded for each in report.files] == [2] * len(KINDS) + [1]
    assert "8 files into feed_actions: 15 rows, 15 loaded" in str(report)
    expected = [(number, post) for number in range(len(KINDS)) for post in (8, 10)]
    assert events(engine, "user_id, post_id") == [*expected, (100, 8)]


SHAPES: list[tuple[str, int, int]] = [
    ("t,u,p\n", 0, 0),
    ("t,u,p", 0, 0),
    ("\ufefft,u,p\n2024-03-01,1,2\n", 1, 1),
    ("t,u,p\r\n2024-03-01,1,2\r\n2024-03-01,2,2\r\n", 2, 2),
    ("t,u,p\n2024-03-01,1,2", 1, 1),
    ("\n\nt,u,p\n\n2024-03-01,1,2\n\n\r\n2024-03-01,2,2\n", 2, 2),
    ('"t","u","p"\n"2024-03-01","1","2"\n', 1, 1),
    ("t , u,p\n 2024-03-01 , 1 ,2\n", 1, 1),
    ('t,u,p,"note\nof two lines"\n2024-03-01,1,2,"a\n,""b"""\n', 1, 1),
    ("t,u,p,,\n2024-03-01,1,2,,\n", 1, 1),
]


def test_shapes_of_text(engine: Engine, write: Write, subtests: pytest.Subtests) -> None:
    for content, rows, loaded in SHAPES:
        with subtests.test(content):
            path = write("a.csv", content)
            report = load(engine, path, chunk_size=ChunkSize(text_bytes=20))
            assert (report.rows, report.loaded, report.rejected) == (rows, loaded, 0)
            again = load(engine, path)
            assert (again.rows, again.loaded, again.already) == (rows, 0, loaded)


def test_a_file_that_is_judged_and_kept_at_once(engine: Engine, write: Write) -> None:
    """A file of more than a mebibyte has a second connection, on which chunks are judged ahead of their insert."""
    rows = [f"2024-03-0{1 + place % 9} 10:00:00,{place if place % 1000 else 'x'},7" for place in range(40_000)]
    path = write("a.csv", "t,u,p\n" + "\n".join(rows))
    assert path.stat().st_size > 1 << 20
    report = load(engine, path, chunk_size=ChunkSize(text_bytes=200_000))
    assert (report.rows, report.loaded, report.rejected) == (40_000, 39_960, 40)
    found = engine.rows("SELECT count() AS n, uniqExact(user_id) AS users, sum(user_id) AS total FROM feed_actions")
    expected = sum(place for place in range(40_000) if place % 1000)
    assert found == [{"n": 39_960, "users": 39_960, "total": expected}]
    assert [line for line, _, _ in rejects(engine)] == [2 + place for place in range(0, 40_000, 1000)]
    assert engine.scalar("SELECT arraySort(groupArray(chunk)) FROM load_chunks") == list(range(6))
    assert not stages(engine)
    assert load(engine, path).already == 39_960


def test_rejects_name_line_reason_and_row(engine: Engine, write: Write) -> None:
    rows = [
        b't,u,p,note',  # 1
        b'2024-03-01,1,1,ok',
        b'2024-03-01,x,1,',  # 3
        b'2024-03-01,1,1,"two',  # 4, 5
        b'lines"',
        b'yesterday,1,1,',  # 6
        b'2024-03-01,,1,',  # 7
        b'2024-03-01,1',  # 8
        b'1989-12-31,1,1,',  # 9
        b'2101-01-01,1,1,',  # 10
        b'2024-03-01,-1,1,',  # 11
        b'2024-03-01,18446744073709551616,1,',  # 12
        b'2024-03-01,1\x00,1,',  # 13
        b'2024-03-01,\xff\xfe,1,',  # 14
        b'2024-02-30,1,1,"unclosed',  # 15
        b',1,1,',  # 16
        b'2024-03-01,1,1,\xff',  # 17: a cell that nothing reads may hold anything
        b'2024-03-01,3.0,1,a,b,c',  # 18
        b'2024-03-01,3.0,1,a\rb',  # 19
        b'2024-03-01,3.0,1,last',  # 20
    ]  # fmt: skip
    report = load(engine, write("a.csv", b"\n".join(rows)))
    assert rejects(engine) == [
        (3, "user_id is not a whole number from 0", "2024-03-01,x,1,"),
        (6, "time is not readable", "yesterday,1,1,"),
        (7, "user_id is empty", "2024-03-01,,1,"),
        (8, "2 cells instead of 4", "2024-03-01,1"),
        (9, "time is before 1990 or after 2100", "1989-12-31,1,1,"),
        (10, "time is before 1990 or after 2100", "2101-01-01,1,1,"),
        (11, "user_id is not a whole number from 0", "2024-03-01,-1,1,"),
        (12, "user_id is not a whole number from 0", "2024-03-01,18446744073709551616,1,"),
        (13, "user_id is not a whole number from 0", "2024-03-01,1\x00,1,"),
        (14, "user_id is not a whole number from 0", "2024-03-01,\ufffd\ufffd,1,"),
        (15, "a quote is not closed", '2024-02-30,1,1,"unclosed'),
        (16, "time is empty", ",1,1,"),
        (18, "6 cells instead of 4", "2024-03-01,3.0,1,a,b,c"),
        (19, "a carriage return is inside of the row", "2024-03-01,3.0,1,a\rb"),
    ]
    assert [user for (user,) in events(engine)] == [1, 1, 1, 3]
    assert (report.rows, report.loaded, report.rejected) == (18, 4, 14)
    assert report.reasons["user_id is not a whole number from 0"] == 5
    assert "5 × user_id is not a whole number from 0" in str(report)


def test_text_and_attributes(engine: Engine, write: Write) -> None:
    path = write(
        "a.csv",
        b't,u,p,sex,years,land\n2024-03-01,1,1,m,"1,0",Norge\n2024-03-01,2,1,f,121,NO\n2024-03-01,3,1,,N/A,-\n'
        b"2024-03-01,4,1,x,20,\xff\n2024-03-01,5,1,m,20,\xff\n"
        b"2024-03-01,6,1,m,2x,a\x00b\n2024-03-01,7,1,m,20, \xc3\xa5 \n",
    )
    mapping = """
    thousands: ","
    null: [N/A, "-"]
    columns:
      time: t
      user_id: u
      post_id: p
      action: {constant: like}
      gender: {column: sex, values: {m: 0, f: 1}}
      age: {column: years, default: 18}
      country: {column: land, values: {NO: Norway, Norge: Norway}, others: keep}
      source: {expression: "if(toInt64OrZero(u) > 2, 'ads', upper(sex))"}
    """
    load(engine, path, mapping)
    found = events(engine, "user_id, gender, age, country, source")
    assert found == [(1, 0, 10, "Norway", "M"), (3, -1, 18, "unknown", "ads"), (7, 0, 20, "å", "ads")]
    assert [(line, reason) for line, reason, _ in rejects(engine)] == [
        (3, "age is not in 0–120"),
        (5, "gender is not among its values"),
        (6, "country is not text (invalid UTF-8, or a NUL byte)"),
        (7, "age is not a whole number"),
    ]


@pytest.mark.parametrize(
    ("others", "loaded", "skipped", "reasons"),
    [
        ("reject", [(1, "iOS")], 0, {"os is not among its values": 1}),
        ("keep", [(1, "iOS"), (2, "b")], 0, {}),
        ("skip", [(1, "iOS")], 1, {}),
        ("default", [(1, "iOS"), (2, "none")], 0, {}),
    ],
)
def test_values_that_are_not_listed(
    engine: Engine, write: Write, others: str, loaded: list[Any], skipped: int, reasons: dict[str, int]
) -> None:
    mapping = SIMPLE[:-1] + f", os: {{column: o, values: {{a: iOS}}, others: {others}, default: none}}}}"
    report = load(engine, write("a.csv", "t,u,p,o\n2024-03-01,1,1,a\n2024-03-01,2,1,b\n"), mapping)
    assert events(engine, "user_id, os") == loaded
    assert (report.skipped, report.reasons) == (skipped, reasons)


def test_skipped_rows_are_counted_and_not_judged(engine: Engine, write: Write) -> None:
    path = write("a.csv", "t,u,p,kind\n2024-03-01,1,1,view\nbroken,1,1,follow\n2024-03-01,1,1,\n2024-03-01,1\n")
    report = load(engine, path, "skip: {kind: [follow, '']}\n" + SIMPLE)
    assert (report.rows, report.loaded, report.skipped, report.rejected) == (4, 1, 2, 1)


TIMES: list[tuple[str, str, str | None]] = [
    ("iso", "2024-03-01T10:00:00Z", "2024-03-01 10:00:00.000"),
    ("iso", "2024-03-01 10:00:00.1239", "2024-03-01 07:00:00.123"),
    ("iso", "2024-03-01T10:00+05:30", "2024-03-01 04:30:00.000"),
    ("iso", "2024-03-01", "2024-02-29 21:00:00.000"),
    ("iso", "1709287200", None),
    ("iso", "2024-03-01 24:00:00", None),
    ("iso", "2024-02-30", None),
    ("iso", "Mar 1 2024", None),
    ("unix_s", "1709287200", "2024-03-01 10:00:00.000"),
    ("unix_s", "1709287200.5", "2024-03-01 10:00:00.500"),
    ("unix_s", "1709287200000", None),
    ("unix_s", "99999999999999999999", None),
    ("unix_s", "-99999999999999", None),
    ("unix_ms", "1709287200123", "2024-03-01 10:00:00.123"),
    ("unix_ms", "9223372036854775807", None),
    ("%d/%m/%Y %H:%M", "1/3/2024 9:05", "2024-03-01 06:05:00.000"),
    ("%d/%m/%Y %H:%M", "31/2/2024 9:05", None),
    ("%Y%m%d", "20240301", "2024-02-29 21:00:00.000"),
    ("%m/%d/%y %I:%M %p", "03/01/24 01:05 PM", "2024-03-01 10:05:00.000"),
    ("%d.%m.%Y %H:%M:%S.%f", "01.03.2024 10:00:00.250", "2024-03-01 07:00:00.250"),
    ("%Y-%m-%d %H:%M:%S %z", "2024-03-01 10:00:00 +0000", "2024-03-01 10:00:00.000"),
    ("%d %b %Y", "01 Mar 2024", "2024-02-29 21:00:00.000"),
]


def test_times(engine: Engine, write: Write) -> None:
    for reading in dict.fromkeys(reading for reading, _, _ in TIMES):
        cells = [(cell, expected) for each, cell, expected in TIMES if each == reading]
        rows = "".join(f"{cell},{place}\n" for place, (cell, _) in enumerate(cells))
        origin = f"{{column: t, as: '{reading}', zone: Europe/Moscow}}"
        mapping = f"columns: {{time: {origin}, user_id: u, post_id: u, action: {{constant: view}}}}"
        load(engine, write("a.csv", f"t,u\n{rows}"), mapping)
        expected_rows = [(place, expected) for place, (_, expected) in enumerate(cells) if expected]
        assert events(engine, "user_id, toString(time)") == expected_rows, reading
        engine.execute("TRUNCATE TABLE feed_actions")


def test_a_clock_that_is_put_back_shows_its_first_hour(engine: Engine, write: Write, tmp_path: Path) -> None:
    time = "{{column: t, as: '{}', zone: Europe/Berlin}}"
    base = "columns: {{time: " + time + ", user_id: u, post_id: u, action: {{constant: view}}}}"
    load(engine, write("a.csv", "t,u\n2016-10-30 02:30:00,1\n"), base.format("iso"))
    load(engine, write("b.csv", "t,u\n30.10.2016 02:30,2\n"), base.format("%d.%m.%Y %H:%M"))
    naive = pa.array([1477794600], pa.timestamp("s"))  # 02:30 on a clock
    pq.write_table(pa.table({"t": naive, "u": [3]}), tmp_path / "c.parquet")
    load(engine, tmp_path / "c.parquet", base.format("iso"))
    assert events(engine, "user_id, toString(time)") == [(user, "2016-10-30 00:30:00.000") for user in (1, 2, 3)]


IDS: list[tuple[str, str, int | None]] = [
    ("number", "18446744073709551615", 2**64 - 1),
    ("number", "007", 7),
    ("number", "-1", None),
    ("number", "1e3", None),
    ("signed", "-1", 2**64 - 1),
    ("signed", "-8845298781299428018", 2**64 - 8845298781299428018),
    ("signed", "9223372036854775808", None),
    ("text", "a", 0xD24EC4F1A98C6E5B),  # xxHash's own test vectors
    ("text", "abc", 0x44BC2CF5AD770999),
]


def test_ids(engine: Engine, write: Write) -> None:
    for reading in dict.fromkeys(reading for reading, _, _ in IDS):
        cells = [(cell, expected) for each, cell, expected in IDS if each == reading]
        rows = "".join(f"2024-03-01,{cell},{place}\n" for place, (cell, _) in enumerate(cells))
        mapping = (
            f"columns: {{time: t, user_id: {{column: u, as: {reading}}}, post_id: p, action: {{constant: view}}}}"
        )
        load(engine, write("a.csv", f"t,u,p\n{rows}"), mapping)
        expected_rows = [(place, expected) for place, (_, expected) in enumerate(cells) if expected is not None]
        assert events(engine, "post_id, user_id") == expected_rows, reading
        engine.execute("TRUNCATE TABLE feed_actions")


def test_json_lines(engine: Engine, write: Write) -> None:
    lines = [
        '{"t": 1709287200.5, "we `ird": {"id": "5"}, "p": 6, "os": null}',
        "",
        '{"t": "1709287200", "we `ird": {"id": 18446744073709551615}, "p": "7", "os": "a\\u0000"}',
        "not json",
        "[1, 2]",
        '{"t": 1709287200, "p": 6}',
        '{"t": 1709287200, "we `ird": {"id": 5}, "p": 6, "os": "i\\nOS"}',
    ]
    mapping = """
    columns:
      time: {column: t, as: unix_s}
      user_id: we `ird.id
      post_id: p
      action: {constant: view}
      os: os
      city: {column: nowhere, default: x}
    """
    report = load(engine, write("a.jsonl", "\n".join(lines)), mapping)
    assert (report.rows, report.loaded) == (6, 2)
    assert events(engine, "user_id, post_id, os, city") == [(5, 6, "i\nOS", "x"), (5, 6, "unknown", "x")]
    assert [(line, reason) for line, reason, _ in rejects(engine)] == [
        (3, "os is not text (invalid UTF-8, or a NUL byte)"),
        (4, "the line is not a JSON object"),
        (5, "the line is not a JSON object"),
        (6, "user_id is empty"),
    ]


def test_json_lines_without_a_mapping(engine: Engine, write: Write) -> None:
    row = {"time": "2024-03-01T00:00:00Z", "user_id": 1, "post_id": 2, "action": "view"}
    lines = [json.dumps(row), json.dumps({**row, "user_id": 2, "city": "Minsk"})]
    load(engine, write("a.jsonl", "\n".join(lines)), None)
    assert events(engine, "user_id, city") == [(1, "unknown"), (2, "Minsk")]


def test_parquet_types(engine: Engine, tmp_path: Path) -> None:
    table = pa.table(
        {
            "t": pa.array([1709287200123, 1709287200123, None, 1709287200123], pa.timestamp("ms", "Asia/Tokyo")),
            "u": pa.array([-1, 5, 6, None], pa.int64()).dictionary_encode(),
            "p": pa.array([2**64 - 1, 1, 1, 1], pa.decimal128(20)),
            "a": pa.array([30.0, 30.5, None, 1], pa.float64()),
            "g": pa.array([True, None, True, True]),
            "c": pa.array(["Россия", None, "x", "x"]).dictionary_encode(),
            "o": pa.array(["x" * 3, "", "x", "x"], pa.large_string()),
            "s": pa.array([b"ads", b"\xff", b"x", b"x"]),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    mapping = """
    columns:
      {time: t, user_id: {column: u, as: signed}, post_id: p, action: {constant: view}, gender: g, country: c, os: o,
       source: s, exp_group: a}
    """
    load(engine, tmp_path / "a.parquet", mapping, chunk_size=ChunkSize(parquet_rows=3))
    names = "toString(time), user_id, post_id, gender, country, os, source, exp_group"
    expected = ("2024-03-01 10:00:00.123", 2**64 - 1, 2**64 - 1, 1, "Россия", "xxx", "ads", 30)
    assert events(engine, names) == [expected]
    found = rejects(engine)
    assert [(line, reason) for line, reason, _ in found] == [
        (2, "source is not text (invalid UTF-8, or a NUL byte)"),
        (3, "time is empty"),
        (4, "user_id is empty"),
    ]
    assert json.loads(found[1][2])["u"] == 6


REFUSED_FILES: list[tuple[str, bytes | None, str]] = [
    ("none.csv", None, "there is no file"),
    ("folder", None, "is a folder, not a file"),
    ("empty.csv", b"", "is empty"),
    ("a.csv.gz", b"t,u,p\n", "is not gzipped, though its name ends in .gz"),
    ("cut.csv.gz", gzip.compress(b"t,u,p\n2024-03-01,1,1\n" * 99)[:-30], "ends in the middle of its gzip data"),
    ("broken.csv.gz", b"\x1f\x8b" + b"x" * 99, "cannot be read"),
    ("a.parquet", b"t,u,p\n", "is not a sound Parquet file"),
    ("cut.parquet", b"PAR1" + b"x" * 99, "is not a sound Parquet file"),
    ("pretty.json", b'{\n "t": 1\n}\n', "no line of .* is a JSON object"),
    ("list.json", b"[1, 2]\n", "no line of .* is a JSON object"),
    ("utf16.csv", "t,u,p\n".encode("utf-16"), "is UTF-16 text"),
    ("latin.csv", b"t,u,\xff\n", "the header of"),
    ("double.csv", b"t,u,u,p\n2024-03-01,1,2,3\n", "has 2 columns named 'u'"),
]


def test_files_that_are_refused_change_nothing(
    engine: Engine, write: Write, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    good = write("good.csv", "t,u,p\n2024-03-01,1,1\n")
    (tmp_path / "folder").mkdir()
    for name, content, message in REFUSED_FILES:
        with subtests.test(name):
            if content is not None:
                write(name, content)
            with pytest.raises(FileError, match=message) as caught:
                load_files(engine, "feed", [good, tmp_path / name], parse_mapping(SIMPLE))
            assert "\n" not in str(caught.value)
    assert set(counts(engine).values()) == {0}


MISFITS: list[tuple[str | None, str, str | None]] = [
    (None, "column 't' is not one of feed_actions", "known: action, age"),
    (
        "columns: {time: tt, user_id: u, post_id: p, action: {constant: view}}",
        "has no column 'tt'",
        "did you mean t?",
    ),
    (
        "columns: {time: t, user_id: u, post_id: p, action: {constant: view}, contry: x}",
        "columns.contry",
        "country",
    ),
    ("columns: {time: t, user_id: u, action: {constant: view}}", "nothing is mapped to post_id", None),
    (
        "columns: {time: t, user_id: u, post_id: p, action: {constant: click}}",
        "'click': action is none of view, like",
        None,
    ),
    (
        "columns: {time: t, user_id: u, post_id: p, action: {column: p, values: {a: view, b: liek}}}",
        "'liek'",
        None,
    ),
    (SIMPLE[:-1] + ", age: {constant: old}}", "'old': age is not a whole number", None),
    (SIMPLE[:-1] + ", age: {constant: 200}}", "'200': age is not in 0–120", None),
    (SIMPLE[:-1] + ", age: {column: p, default: 200}}", "default '200' is not in 0…120", None),
    (SIMPLE[:-1] + ", age: {column: p, as: unix_s}}", "not read as 'unix_s'", "number"),
    (SIMPLE.replace("time: t", "time: {column: t, as: '%Q'}"), "%Q is unknown", None),
    (SIMPLE.replace("time: t", "time: {column: t, default: x}"), "cannot take a default", None),
    (SIMPLE[:-1] + ", city: {expression: 'lower(x)'}}", "has no column 'x'", None),
    (SIMPLE[:-1] + ", city: {expression: 'lower(t, t)'}}", "the mapping does not work", None),
    (SIMPLE[:-1] + ", city: {expression: \"match(t, '(')\"}}", "the mapping does not work", None),
    (SIMPLE[:-1] + ", city: {expression: \"file('/etc/passwd')\"}}", "file is not a function", None),
    ("source: messages\n" + SIMPLE, "the mapping is for 'messages'", None),
    ("skip: {kind: [x]}\n" + SIMPLE, "has no column 'kind'", None),
]


def test_mappings_that_do_not_fit_change_nothing(engine: Engine, write: Write, subtests: pytest.Subtests) -> None:
    path = write("a.csv", "t,u,p\n2024-03-01,1,1\n")
    for mapping, message, hint in MISFITS:
        with subtests.test(message):
            with pytest.raises(MappingError) as caught:
                load(engine, path, mapping)
            assert message in caught.value.message
            assert hint is None or hint in (caught.value.hint or "")
    assert set(counts(engine).values()) == {0}
    assert not stages(engine)


def stages(engine: Engine) -> list[Any]:
    return engine.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'load_stage%'"
    )


def test_a_mapping_under_which_no_row_is_sound(engine: Engine, write: Write) -> None:
    path = write("a.csv", "t,u,p\n" + "2024-03-01,name,1\n" * 100)
    with pytest.raises(MappingError, match="none of the first 100 rows can be loaded; 100 times: user_id is not"):
        load(engine, path)
    assert set(counts(engine).values()) == {0}
    assert not stages(engine)


def test_column_names_may_be_anything(engine: Engine, write: Write) -> None:
    names = ["t'`\"; DROP TABLE x --", "{p0:String}", "имя %s \\ $$"]
    header = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    quoted = [json.dumps(name, ensure_ascii=False) for name in names]
    mapping = (
        f"columns:\n  time: {{column: {quoted[0]}}}\n  user_id: {{column: {quoted[1]}}}\n"
        f"  post_id: {{column: {quoted[2]}}}\n  action: {{constant: view}}\n"
        f"  city: {{expression: '`{{p0:String}}` || ''{{p1:String}}''\\'}}\n".replace("\\'", "'")
    )
    load(engine, write("a.csv", header + "\n2024-03-01,1,2\n"), mapping)
    assert events(engine, "user_id, post_id, city") == [(1, 2, "1{p1:String}")]


def test_a_file_is_loaded_once_under_any_name(engine: Engine, write: Write) -> None:
    content = b"t,u,p\n2024-03-01,1,1\nx,1,1\n"
    first = load(engine, write("a.csv", content))
    before = counts(engine)
    again = load_files(
        engine,
        "feed",
        [write("b.txt", content), write("c.csv.gz", gzip.compress(content))],
        parse_mapping(SIMPLE),
    )
    assert (first.loaded, first.rejected) == (1, 1)
    assert [(each.rows, each.loaded, each.already, each.rejected) for each in again.files] == [(2, 0, 1, 1)] * 2
    assert counts(engine) == before
    assert "1 loaded before" in str(again)


def test_the_same_file_twice_in_one_call(engine: Engine, write: Write) -> None:
    path = write("a.csv", "t,u,p\n2024-03-01,1,1\n")
    report = load_files(engine, "feed", [path, path], parse_mapping(SIMPLE))
    assert (report.loaded, report.already, len(events(engine))) == (1, 1, 1)


def test_another_mapping_of_a_loaded_file_is_refused_unless_asked_for(engine: Engine, write: Write) -> None:
    path = write("a.csv", "t,u,p\n2024-03-01,1,1\n")
    load(engine, path)
    other = SIMPLE.replace("constant: view", "constant: like")
    with pytest.raises(MappingError, match="was loaded with another mapping"):
        load(engine, path, other)
    assert load(engine, path, other, again=True).loaded == 1
    assert load(engine, path, other).loaded == 0
    assert load(engine, path, other, again=True).loaded == 1
    assert len(events(engine)) == 3


def test_the_same_content_may_go_into_both_tables(engine: Engine, write: Write) -> None:
    path = write("a.csv", "t,u,p\n2024-03-01,1,2\n")
    load(engine, path)
    mapping = parse_mapping("columns: {time: t, user_id: u, receiver_id: p}")
    assert load_files(engine, "messages", [path], mapping).loaded == 1


def test_a_given_table(engine: Engine, write: Write) -> None:
    engine.execute(
        "CREATE TABLE clicks (at DateTime, who UInt64, action String, n UInt16 DEFAULT 3, w Float64 DEFAULT 0, "
        "until Nullable(DateTime64(3)), place Nullable(String), by Nullable(UInt64), size Nullable(Int8)) "
        "ENGINE = MergeTree ORDER BY at SETTINGS non_replicated_deduplication_window = 100"
    )
    types = {
        "at": "DateTime",
        "who": "UInt64",
        "action": "String",
        "n": "UInt16",
        "w": "Float64",
        "until": "Nullable(DateTime64(3))",
        "place": "Nullable(String)",
        "by": "Nullable(UInt64)",
        "size": "Nullable(Int8)",
    }
    defaults = {"n": "3", "w": "0."}
    target = TargetTable("clicks", tuple(types), types, defaults, ranges={"n": (1, 9)}, allowed={}, time="at")
    header = "at,who,action,n,until,place,by,size\n"
    path = write(
        "a.csv", header + "2024-03-01,1,any,,,,,\n2024-03-01,2,any,10,,,,\n2024-03-01,3,x,4,2024-03-02,b,5,6\n"
    )
    report = load_files(engine, "feed", [path], target=target)
    rows = engine.rows("SELECT who, action, n, toString(until) AS t, place, by, size FROM clicks ORDER BY who")
    assert [tuple(row.values()) for row in rows] == [
        (1, "any", 3, None, None, None, None),
        (3, "x", 4, "2024-03-02 00:00:00.000", "b", 5, 6),
    ]
    assert report.reasons == {"n is not in 1–9": 1}
    with pytest.raises(MappingError, match="column w of clicks is Float64"):
        load_files(
            engine, "feed", [path], parse_mapping("columns: {at: at, who: who, action: action, w: n}"), target=target
        )
    constant = "columns: {at: {constant: 2024-03-01}, who: {constant: 1}, action: {constant: x}}"
    with pytest.raises(MappingError, match="uses no column of the file"):
        load_files(engine, "feed", [path], parse_mapping(constant), target=target)
    engine.execute("DROP TABLE clicks SYNC")


def test_a_parquet_file_with_a_broken_page(engine: Engine, tmp_path: Path) -> None:
    table = pa.table({"t": ["2024-03-01"] * 5000, "u": list(range(5000)), "p": list(range(5000))})
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd")
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    data[3000:9000] = b"x" * 6000
    (tmp_path / "a.parquet").write_bytes(data)
    with pytest.raises(FileError, match="is not a sound Parquet file"):
        load(engine, tmp_path / "a.parquet")


def test_an_unknown_source(engine: Engine) -> None:
    with pytest.raises(MappingError) as caught:
        read_target(engine, "fed")
    assert "feed" in (caught.value.hint or "")
    with pytest.raises(AppAnalyticsError):
        load_files(engine, "feed", [])
