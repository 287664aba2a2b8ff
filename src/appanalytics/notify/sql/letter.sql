SELECT html, caption, base64Encode(picture) AS picture
FROM outbox
WHERE chat = {chat:String} AND number = {number:UInt64} AND key = {key:String}
LIMIT 1
