SELECT key, chat, toString(kind) AS kind, thread, written,
       multiIf(last IS NULL, 'waiting', toString(last) IN ('sent', 'dead', 'dropped'), toString(last), 'waiting') AS state,
       ifNull(tries, 0) AS tries, ifNull(error, '') AS error
FROM (SELECT key, chat, number, kind, thread, written FROM outbox ORDER BY number LIMIT 1 BY key) AS message
LEFT JOIN ($states) AS log ON log.key = message.key
WHERE {state:String} = '' OR state = {state:String}
ORDER BY number DESC
LIMIT {limit:UInt32}
