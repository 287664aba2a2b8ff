SELECT
    countIf(last IS NULL OR toString(last) NOT IN ('sent', 'dead', 'dropped')) AS waiting,
    countIf(last = 'sent') AS sent,
    countIf(last = 'dead') AS dead,
    countIf(last = 'dropped') AS dropped,
    countIf(last = 'sent' AND unsettled > 0) AS repeated,
    ifNull(argMaxIf(error, number, toString(last) IN ('dead', 'refused', 'unknown')), '') AS last_error
FROM (SELECT key, min(outbox.number) AS number FROM outbox GROUP BY key) AS message
LEFT JOIN ($states) AS log ON log.key = message.key
