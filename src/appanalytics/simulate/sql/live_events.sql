-- Events of a stretch of a day of one service, in the order of their time, with what is injected: `$kept` is false
-- for events that do not happen, `$copies` is how often an event happens. Copies come some seconds earlier.
WITH
    (purpose, user) -> bitShiftRight(cityHash64({seed:UInt64}, purpose, user), 11) / 9007199254740992 AS draw
SELECT
    toUnixTimestamp64Milli(time) AS slice_time,
    slice_time - if(copy = 0, 0, 1 + cityHash64(user_id, time, copy) % 20000) AS happened,
    * EXCEPT (time)
FROM $table
ARRAY JOIN range(toUInt32($copies)) AS copy
WHERE time >= {start:DateTime64(3, 'UTC')} AND time < {end:DateTime64(3, 'UTC')} AND $kept
ORDER BY slice_time, copy, cityHash64(*)
