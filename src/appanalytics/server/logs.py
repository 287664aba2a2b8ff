"""The engine's lists of statements as clients know them: under their own query ids, without the server's tag.

The embedded engine names every statement itself. The server writes the client's name into a comment before the text;
views beside ``system.query_log`` and ``system.processes`` read it back, and statements about those tables are led to
the views.
"""

from __future__ import annotations

import re

from appanalytics.server.connections import Connection
from appanalytics.server.running import QUERY_ID, USER
from appanalytics.server.tokens import tokens
from appanalytics.sqltext import literal

_TABLES = ("query_log", "processes")
_NAMED = re.compile(rb"query_log|processes", re.IGNORECASE)
_SUFFIX = "_by_client"


def make_logs(root: Connection) -> None:
    """Make the views; they live as long as the engine."""
    root.run("SYSTEM FLUSH LOGS")
    changes = literal(rf"^/\*[^*]*\*/ |\nINTO OUTFILE '[^']*\.pipe' APPEND |{_SUFFIX}")
    ends = literal("\n")  # a server's log has the line's end before an INSERT's data
    plain = f"replaceRegexpAll(query, {changes}, '')"
    plain = f"concat({plain}, if(query_kind = 'Insert' AND match(query, 'FORMAT [A-Za-z]+$'), {ends}, ''))"
    for table in _TABLES:
        root.run(
            f"CREATE VIEW IF NOT EXISTS system.{table}{_SUFFIX} AS SELECT * REPLACE("
            f"if({USER} = '', query_id, {QUERY_ID}) AS query_id, if({USER} = '', initial_query_id, {QUERY_ID}) AS "
            f"initial_query_id, if({USER} = '', user, {USER}) AS user, {plain} AS query) FROM system.{table}"
        )


def by_client(sql: bytes) -> bytes:
    """The same statement asking the views instead of the engine's tables."""
    if not _NAMED.search(sql):
        return sql
    found = list(tokens(sql))
    for one, dot, name in reversed(list(zip(found, found[1:], found[2:], strict=False))):
        named = (one.text.lower(), dot.text, name.text.lower())
        if named[:2] == ("system", ".") and named[2] in _TABLES and name.kind in ("word", "quoted"):
            sql = sql[: name.start] + named[2].encode() + _SUFFIX.encode() + sql[name.end :]
    return sql
