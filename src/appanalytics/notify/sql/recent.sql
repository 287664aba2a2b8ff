SELECT chat, mark FROM outbox_log WHERE state = 'trying' AND mark >= {since:UInt64} ORDER BY mark
