-- Messages without a last word, each key once, in the order in which their chats get them.
SELECT message.key AS key, chat, number, toString(kind) AS kind, thread,
       ifNull(tries, 0) AS tries, ifNull(unsettled, 0) AS unsettled, ifNull(retry_at, 0) AS retry_at
FROM (SELECT key, chat, number, kind, thread FROM outbox ORDER BY number LIMIT 1 BY key) AS message
LEFT JOIN ($states) AS log ON log.key = message.key
WHERE last IS NULL OR toString(last) NOT IN ('sent', 'dead', 'dropped')
ORDER BY chat, number
