-- Of each message that was ever tried: its last word, calls since it was revived, and those whose end is not known.
SELECT
    key,
    argMax(state, mark) AS last,
    maxIf(mark, state = 'revived') AS revived,
    groupArray((toString(state), mark, excused)) AS entries,
    arrayCount(each -> each.1 = 'trying' AND each.2 > revived, entries)
        - arrayCount(each -> each.3 AND each.2 > revived, entries) AS tries,
    greatest(0, toInt64(countIf(state = 'trying')) - toInt64(countIf(state IN ('refused', 'sent')))) AS unsettled,
    argMax(retry_at, mark) AS retry_at,
    argMaxIf(error, mark, error != '') AS error
FROM outbox_log
GROUP BY key
