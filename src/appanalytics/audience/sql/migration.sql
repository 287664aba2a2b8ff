-- Users by period and by the services they used in the period before and in this one, as bits. Before is -1 for who
-- never was here, 0 for who was away for a period or more; now is 0 for who left after the period before.
SELECT number, before, now, count() AS users
FROM
(
    SELECT
        arrayMap(pair -> pair.1, pairs) AS numbers,
        arrayMap(pair -> toInt32(pair.2), pairs) AS used,
        arrayMap(at -> (
            numbers[at],
            multiIf(at = 1, -1, numbers[at - 1] = numbers[at] - 1, used[at - 1], 0),
            used[at]), arrayEnumerate(pairs)) AS stays,
        arrayMap(at -> (numbers[at] + 1, used[at], toInt32(0)),
            arrayFilter(at -> at = length(pairs) OR numbers[at + 1] != numbers[at] + 1,
                arrayEnumerate(pairs))) AS leaves,
        arrayJoin(arrayConcat(stays, leaves)) AS step,
        step.1 AS number, step.2 AS before, step.3 AS now
    FROM
    (
        SELECT user_id, arraySort(groupArray((number, services))) AS pairs
        FROM
        (
            SELECT user_id, toInt32($number) AS number, groupBitOr($services) AS services
            FROM user_day
            WHERE day < {until:Date}
            GROUP BY user_id, number
        )
        GROUP BY user_id
    )
)
WHERE number >= {first_number:Int32} AND number <= {last_number:Int32}
GROUP BY number, before, now
