-- One day of the report table, from the events of [{start}, {end}).
--   acted: views, likes and messages by the attributes that the events carry
--   pairs: who wrote to whom, and the sender's attributes with the last message (ties: the greatest attributes)
--   known: a receiver's attributes with his own last event of the day in any service, else his last known ones
INSERT INTO $target
    (event_date, dimension, dimension_value, views, likes, messages_sent, users_sent, messages_received, users_received)
WITH
    pairs AS
    (
        SELECT $sender AS sender, $receiver AS person, count() AS messages,
               argMax(tuple($message_columns), ($message_time, $message_columns)) AS attributes
        FROM $message_table
        WHERE $message_time >= {start:DateTime64(3, 'UTC')} AND $message_time < {end:DateTime64(3, 'UTC')}
          AND $message_condition
        GROUP BY sender, person
    ),
    known AS
    (
        SELECT person, $slices AS slices
        FROM
        (
            SELECT person, $unpacked
            FROM
            (
                SELECT person, argMax(tuple($raw), (on_day, moment, $raw)) AS attributes
                FROM
                (
                    $own
                    UNION ALL
                    $history
                )
                GROUP BY person
            )
        )
    )
SELECT {day:Date} AS event_date, slice.1 AS dimension, slice.2 AS dimension_value,
       sum(part.views), sum(part.likes), sum(part.messages_sent), sum(part.users_sent),
       sum(part.messages_received), sum(part.users_received)
FROM
(
    SELECT $slices AS slices, n_views AS views, n_likes AS likes, n_messages AS messages_sent,
           toUInt64(0) AS users_sent, toUInt64(0) AS messages_received, toUInt64(0) AS users_received
    FROM
    (
        $acted
    )
    UNION ALL
    SELECT $slices AS slices, toUInt64(0), toUInt64(0), toUInt64(0), people, toUInt64(0), toUInt64(0)
    FROM
    (
        SELECT $unpacked, count() AS people FROM pairs GROUP BY attributes
    )
    UNION ALL
    SELECT if(empty(known.slices), $nobody, known.slices) AS slices,
           toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0), received.messages, received.people
    FROM (SELECT person, sum(messages) AS messages, count() AS people FROM pairs GROUP BY person) AS received
    LEFT JOIN known ON known.person = received.person
) AS part
ARRAY JOIN part.slices AS slice
GROUP BY dimension, dimension_value
