SELECT key FROM outbox WHERE key IN {keys:Array(String)}
