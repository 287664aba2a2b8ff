"""What the server costs over the embedded engine, and what it withstands:

python -m benchmarks.server                    a small query, statements at once
python -m benchmarks.server streams [FORMAT…]  20 M rows in every format
python -m benchmarks.server fuzz COUNT [SEED]  mutated requests

The in-process figures are taken in this process on a folder of its own, the others over HTTP from a server in another
process; the same statements are taken in turns in one run. Beside medians stand best deciles, because the machine may
have other work.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import clickhouse_connect
import urllib3
from clickhouse_connect.driver.client import Client
from tests.integration.mutations import CANARY, mutated, send_broken_http
from tests.integration.served import Served, served

from benchmarks.resident import Sizes, sampled, size_now

_USERS = {"admin": {"role": "admin"}, "reader": {"role": "reader", "max_seconds": 2, "max_rows": 1_000_000}}
_ROWS = 20_000_000
#: Formats of results, without those that need a schema, a template or other columns, that are other programs' wires,
#: and without second names.
_PLAIN = (
    "NOT match(name, '^(Protobuf|CapnProto|Template|CustomSeparated|AvroConfluent|GeoJSON|Npy|PNG|Prometheus)"
    "|Wire$|^ODBC|NoEscapes|^(TSV|Raw|LineAsString|MD$|JSONL|NDJSON|PrettyND|PrettyJSONL)')"
)
#: Formats that write one column after the other, or one table of everything: they hold the result by their nature.
_WHOLE = "match(name, '^JSON(Compact)?Columns|MonoBlock$')"
#: Threads that send mutated requests; a reader may run 16 statements at once.
_FUZZERS = 12
#: A line to stderr after so many requests of each.
_TOLD = 500
#: An answer that takes longer is a hang; a busy machine may take some seconds.
_HANGS_SECONDS = 60


def main() -> None:
    """Print all figures, or fuzz."""
    with tempfile.TemporaryDirectory() as name, served(Path(name) / "w", _USERS) as server:
        if sys.argv[1:2] == ["fuzz"]:
            for line in fuzz(server, int(sys.argv[2]), seed=int(sys.argv[3]) if len(sys.argv) > 3 else 7):
                print(line, flush=True)
            return
        if sys.argv[1:2] == ["streams"]:
            streams(server, sys.argv[2:])
            return
        small(server, Path(name) / "mine")
        concurrency(server)


def small(server: Served, folder: Path) -> None:
    """A query of one row, and one of 1,000 rows: in-process, over HTTP with the same client, and plain HTTP."""
    mine = clickhouse_connect.get_client(interface="chdb", path=str(folder))
    remote = _client(server)
    http = urllib3.PoolManager()
    headers = {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": "secret"}
    url = f"http://127.0.0.1:{server.port}/"
    for sql in ("SELECT 1", "SELECT number, toString(number) FROM numbers(1000)"):
        figures = _times(
            lambda sql=sql: mine.query(sql),
            lambda sql=sql: remote.query(sql),
            lambda sql=sql: http.request("POST", url, body=sql, headers=headers),
        )
        for label, (inside, outside, plain) in zip(
            ("median", "best decile"), zip(*figures, strict=True), strict=True
        ):
            cost = outside - inside
            print(f"{sql}: {label} in-process {inside:.2f} ms, HTTP {outside:.2f} (+{cost:.2f}), bare {plain:.2f}")


def _times(*calls: Callable[[], object], repeat: int = 200) -> list[tuple[float, float]]:
    """Median and best decile of each call, in milliseconds."""
    taken: list[list[float]] = [[] for _ in calls]
    for turn in range(repeat + 20):
        for call, times in zip(calls, taken, strict=True):
            started = time.perf_counter()
            call()
            if turn >= 20:
                times.append((time.perf_counter() - started) * 1000)
    return [(statistics.median(times), sorted(times)[len(times) // 10]) for times in taken]


def streams(server: Served, shapes: list[str]) -> None:
    """20 M rows in every format that needs no schema of its own, one after the other on one server."""
    asked = f"SELECT name FROM system.formats WHERE is_output AND {_PLAIN} ORDER BY {_WHOLE}, name"
    known = server.text(asked).split()
    held = server.text(f"SELECT name FROM system.formats WHERE {_WHOLE}").split()
    server.text("SELECT number FROM numbers(1000000)")
    before = size_now(server.process.pid).resident
    print(f"{_ROWS:,} rows of two integers; memory: the most during a stream, over {before:.0f} MB before the first")
    worst = 0.0
    for shape in shapes or known:
        grown = stream(server, shape, before)
        worst = max(worst, 0 if shape in held else grown)
    print(f"the most of all formats that can be streamed: +{worst:.0f} MB; not those: {', '.join(sorted(held))}")


def stream(server: Served, shape: str, before: float) -> float:
    """Stream in one format; by how many MB the server grew."""
    url = f"http://127.0.0.1:{server.port}/?max_threads=2"
    body = f"SELECT number, number % 1000 AS a FROM numbers({_ROWS}) FORMAT {shape}"
    headers = {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": "secret"}
    started, size = time.perf_counter(), 0
    with sampled(server.process.pid, every=0.1) as sizes:
        response = urllib3.PoolManager().request("POST", url, body=body, headers=headers, preload_content=False)
        for piece in response.stream(1 << 20):
            size += len(piece)
    taken = time.perf_counter() - started
    if response.status != 200:
        print(f"{shape}: status {response.status}, {size} bytes", flush=True)
        return 0.0
    grown = max(each.resident for each in sizes.all) - before
    print(f"{shape:50} {size / 1e6:6.0f} MB in {taken:5.1f} s, memory {grown:+4.0f} MB", flush=True)
    return grown


def concurrency(server: Served) -> None:
    """32 reads that sleep 2 s at once, and inserts beside a long read."""
    threads = [threading.Thread(target=server.text, args=("SELECT sleep(2)",)) for _ in range(32)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"32 reads of 2 s at once: {time.perf_counter() - started:.1f} s")
    server.text("CREATE TABLE beside (a Int64) ENGINE = MergeTree ORDER BY a")
    quiet = _inserts(server)
    long = threading.Thread(target=server.ask, args=("SELECT count() FROM numbers(1000000000000)",), kwargs={
        "query_id": "long", "max_threads": "1"})  # fmt: skip
    long.start()
    beside = _inserts(server)
    server.text("KILL QUERY WHERE query_id = 'long' SYNC")
    long.join()
    print(f"an insert: {quiet:.1f} ms alone, {beside:.1f} ms beside a long read")


def _inserts(server: Served) -> float:
    return _times(lambda: server.text("INSERT INTO beside VALUES (1)"), repeat=30)[0][0]


def fuzz(server: Served, count: int, seed: int) -> Iterator[str]:
    """Send mutated requests as a reader; no crash, no hang, no 500, nothing written, no file read."""
    server.text("CREATE TABLE kept (a Int8) ENGINE = MergeTree ORDER BY a")
    canary = server.folder.with_name("canary")
    canary.write_text(CANARY)
    every_table = "SELECT database, name, metadata_modification_time, total_rows FROM system.tables "
    every_table += "WHERE database != 'system' ORDER BY ALL"
    tables = server.text(every_table)
    started = time.perf_counter()
    seen: Counter[int] = Counter()
    with sampled(server.process.pid) as sizes, ThreadPoolExecutor(_FUZZERS) as pool:
        works = [
            pool.submit(_fuzz, server, (count + n) // _FUZZERS, seed + n, str(canary), sizes) for n in range(_FUZZERS)
        ]
        for work in works:
            seen += work.result()
    assert server.process.poll() is None
    assert server.text("SELECT count() FROM kept") == "0\n"
    assert server.text(every_table) == tables
    assert seen[500] == 0
    counts = ", ".join(f"{status or 'broken HTTP'}: {found:,}" for status, found in sorted(seen.items()))
    taken = time.perf_counter() - started
    yield f"{seen.total():,} requests as one run in {taken:.0f} s, seed {seed}, {_FUZZERS} clients"
    yield f"answers by status: {counts}"
    yield "no crash, no hang, no 500, no write, no file read; the server's size:"
    yield from sizes.told()


def _fuzz(server: Served, count: int, seed: int, canary: str, sizes: Sizes) -> Counter[int]:
    chance = random.Random(seed)
    http = urllib3.PoolManager(retries=False, timeout=_HANGS_SECONDS)
    seen: Counter[int] = Counter()
    while seen.total() < count:
        if chance.random() < 0.05:
            data, status = send_broken_http(chance, server.port, canary), 0
            assert not data.startswith(b"HTTP/1.1 500"), data
            what: object = data
        else:
            method, path, headers, body = what = mutated(chance, canary)
            try:
                url = f"http://127.0.0.1:{server.port}{path}"
                answer = http.request(method, url, body=body, headers=headers)
            except urllib3.exceptions.TimeoutError:
                raise AssertionError("it hangs", what) from None
            except (urllib3.exceptions.LocationParseError, ValueError):
                continue  # the client does not send it
            except urllib3.exceptions.ProtocolError:
                assert server.process.poll() is None, what
                continue  # the connection was refused as malformed
            data, status = answer.data, answer.status
            assert status != 500, (what, data[:500])
        assert CANARY.encode() not in data, what
        seen[status] += 1
        if seen.total() % _TOLD == 0 and sizes.all:
            last = sizes.all[-1]
            print(
                f"{last.second:.0f} s: {seen.total() * _FUZZERS:,}, {last.resident:.0f} MB",
                file=sys.stderr,
                flush=True,
            )
    return seen


def _client(server: Served) -> Client:
    return clickhouse_connect.get_client(
        host="127.0.0.1", port=server.port, username="admin", password="secret", autogenerate_session_id=False
    )


if __name__ == "__main__":
    main()
