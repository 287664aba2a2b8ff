-- The newest message of each thread begun since then that has no answer; each thread once, its chats tell the same.
SELECT thread, argMax(html, number) AS html, argMax(caption, number) AS caption
FROM outbox
WHERE thread != ''
GROUP BY thread
HAVING countIf(kind = 'reply') = 0 AND min(number) >= {since:UInt64}
ORDER BY max(number)
