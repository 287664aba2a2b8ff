-- Edits that had to be sent anew have a receipt of their own; answers do not count.
SELECT receipt
FROM outbox_log
WHERE chat = {chat:String} AND thread = {thread:String} AND state = 'sent' AND receipt != ''
  AND key IN (SELECT key FROM outbox WHERE chat = {chat:String} AND thread = {thread:String} AND kind != 'reply')
ORDER BY mark DESC
LIMIT 1
