-- Users known before each asked day, by how long ago they were seen, how old they are and how often they came: how
-- many there were, how many came on the day, and how many of the others came back later. With gap 0 those who had not
-- been seen for five weeks and came; with gap -1 the newcomers of the day. For the investigated day also by place and
-- first day. A user's days are bits of one number: bit n is the n-th day after {first}.
SELECT
    asked,
    multiIf(since = asked, -1, before = 0, 0, away <= 3, away, away <= 7, 7, away <= 14, 14, 35) AS gap,
    multiIf(old <= 1, 1, old <= 3, 3, old <= 7, 7, old <= 14, 14, old <= 30, 30, 99) AS age,
    least(bitCount(bitShiftRight(before, 21)), 8) AS often,
    inside,
    if(asked = {day:Date}, since, toDate(0)) AS since_day,
    if(asked = {day:Date}, home, '') AS place,
    count() AS users,
    sum(present) AS came,
    sum(NOT present AND bitTest(later, 0)) AS back_next,
    sum(NOT present AND later > 0) AS back_week
FROM
(
    SELECT
        *,
        asked,
        asked - {first:Date} AS place_of_day,
        asked - since AS old,
        bitAnd(bitShiftRight(days, place_of_day - 35), toUInt64(34359738367)) AS before,
        35 - toUInt8(floor(log2(before))) AS away,
        bitTest(days, place_of_day) AS present,
        bitAnd(bitShiftRight(days, place_of_day + 1), 127) AS later
    FROM
    (
        SELECT
            user_id,
            max($segment) AS inside,
            ifNull(toString(any($place)), '') AS home,
            min($first) AS since,
            groupBitOr(bitShiftLeft(toUInt64(1), day - {first:Date})) AS days
        FROM user_day
        WHERE day >= {first:Date}
          AND day < {until:Date}
          AND $active
          AND $where
        GROUP BY user_id
    )
    ARRAY JOIN {asked:Array(Date)} AS asked
    WHERE before > 0 OR present
)
GROUP BY asked, gap, age, often, inside, since_day, place
