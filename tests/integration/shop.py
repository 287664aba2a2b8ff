"""A shop's own database, as an app has it that knows nothing of us: 16,000 events of the feed among 20,000 rows."""

from __future__ import annotations

from .served import Served

#: Tables as three apps have them. `clicks` and `audit` are there to be left alone.
SHOP = """
CREATE DATABASE shop;
CREATE TABLE shop.events
(
    event_time DateTime('Europe/Moscow'), uid UInt32, content_id Int64, event_type LowCardinality(String),
    platform Nullable(String), utm_source String, event_date Date MATERIALIZED toDate(event_time)
) ENGINE = MergeTree PARTITION BY toYYYYMM(event_time) ORDER BY (event_type, event_time);
CREATE TABLE shop.private_messages (id UUID DEFAULT generateUUIDv4(), sent_at DateTime64(6), sender_id UInt32,
    recipient_id UInt32, body String) ENGINE = MergeTree ORDER BY sent_at;
CREATE TABLE shop.users (id UInt32, sex Enum8('male' = 1, 'female' = 2), birth_year UInt16, country_code String)
    ENGINE = MergeTree ORDER BY id;
CREATE TABLE shop.audit (at DateTime, who String, what String) ENGINE = MergeTree ORDER BY at;
INSERT INTO shop.users SELECT number, if(number % 3 = 0, 'female', 'male'), 1960 + number % 50,
    ['RU', 'DE', ''][number % 3 + 1] FROM numbers(400);
INSERT INTO shop.events SELECT toDateTime('2026-03-01 00:00:00', 'UTC') + number * 97, cityHash64(number) % 500,
    toInt64(number % 40) - 5, ['post_view', 'post_view', 'LIKE', 'share', 'post_view'][number % 5 + 1],
    if(number % 7 = 0, NULL, ['iOS', 'Android'][cityHash64(number) % 2 + 1]), ['ads', 'organic'][number % 2 + 1]
    FROM numbers(20000);
INSERT INTO shop.private_messages (sent_at, sender_id, recipient_id, body) SELECT
    toDateTime64('2026-03-02 00:00:00', 6, 'UTC') + number * 151, cityHash64(number, 1) % 300,
    cityHash64(number, 2) % 500, 'hello' FROM numbers(5000);
INSERT INTO shop.audit SELECT now(), 'root', 'x' FROM numbers(10);
"""


def fill_shop(server: Served) -> None:
    """Make the database ``shop`` with its tables."""
    for statement in filter(None, map(str.strip, SHOP.split(";\n"))):
        server.text(statement)
