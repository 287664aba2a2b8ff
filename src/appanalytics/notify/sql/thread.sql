SELECT chat, html, caption, base64Encode(picture) AS picture
FROM (SELECT * FROM outbox WHERE thread = {thread:String} ORDER BY number LIMIT 1 BY key)
ORDER BY chat, number
