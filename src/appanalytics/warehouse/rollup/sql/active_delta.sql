-- Change of the number of users active in the last w days, for the days [{first}, {until}). A user active on d, and before on p:
-- with no p, or d - p >= w, he enters on d and leaves on d + w; otherwise he stays: the leave at p + w is taken
-- back and set to d + w. A gap of exactly w days leaves and enters on one day, which is why it is `>=`.
INSERT INTO $target (service, days, $names, day, delta)
SELECT service, days, $names, day, sum(change) AS delta
FROM
(
    SELECT service, days, $names, step.1 AS day, step.2 * toInt64(users) AS change
    FROM
    (
        SELECT service, $names, users, days,
               if(prev_day = toDate(0) OR link.day - prev_day >= days,
                  [(link.day, 1), (link.day + days, -1)],
                  [(link.day + days, -1), (prev_day + days, 1)]) AS steps
        FROM active_link AS link
        ARRAY JOIN {windows:Array(UInt16)} AS days
        WHERE link.day >= {first:Date} - {longest:UInt16} AND link.day < {until:Date}
    )
    ARRAY JOIN steps AS step
)
WHERE day >= {first:Date} AND day < {until:Date}
GROUP BY service, days, $names, day
HAVING delta != 0
