// What a program with @clickhouse/client does, against the server whose URL is given; prints JSON of what it saw.
import { createClient } from "@clickhouse/client";

const [url, username, password] = process.argv.slice(2);
const seen = {};
const client = createClient({
  url, username, password, application: "e2e", compression: { request: true, response: true },
});

seen.ping = (await client.ping()).success;
await client.command({ query: "CREATE OR REPLACE TABLE node (id UInt64, name String) ENGINE = MergeTree ORDER BY id" });
await client.insert({
  table: "node", values: Array.from({ length: 1000 }, (_, id) => ({ id, name: `ünï ${id}` })), format: "JSONEachRow",
});
const bound = await client.query({
  query: "SELECT id, name FROM node WHERE id < {limit: UInt64} ORDER BY id", query_params: { limit: 2 }, format: "JSONEachRow",
});
seen.rows = await bound.json();

let streamed = 0;
const stream = await client.query({ query: "SELECT number FROM numbers(200000)", format: "JSONCompactEachRow" });
for await (const rows of stream.stream()) streamed += rows.length;
seen.streamed = streamed;

const session = createClient({ url, username, password, session_id: crypto.randomUUID() });
await session.command({ query: "CREATE TEMPORARY TABLE mine (a Int8)" });
await session.insert({ table: "mine", values: [{ a: 7 }], format: "JSONEachRow" });
seen.session = await (await session.query({ query: "SELECT a FROM mine", format: "JSON" })).json().then((it) => it.data);
await session.close();

try {
  await client.query({ query: "SELECT nothing" });
} catch (error) {
  seen.error = [error.code, error.type];
}

const control = new AbortController();
const slow = client.query({ query: "SELECT sleep(3)", abort_signal: control.signal });
setTimeout(() => control.abort(), 200);
seen.aborted = await slow.then(() => false, () => true);

const long = await client.query({
  query: "SELECT count() AS n FROM numbers(8) WHERE sleepEachRow(0.1) = 0 SETTINGS max_block_size = 1", format: "JSONEachRow",
  clickhouse_settings: { send_progress_in_http_headers: 1, http_headers_progress_interval_ms: "1" },
});
seen.progress = typeof long.response_headers["x-clickhouse-progress"];
seen.slept = await long.json();
await client.close();
console.log(JSON.stringify(seen));
