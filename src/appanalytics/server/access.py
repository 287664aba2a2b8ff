"""The engine's own configuration: a role, limits and row policies for each user.

The embedded engine knows one account. It does know roles, settings profiles with constraints, and row policies, so
each connection gives up every role but its user's before it runs anything. Row policies, other than filters in
settings, also hold behind ``merge()``, views and index functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

from appanalytics.engine.connect import backup_configuration
from appanalytics.server.guard import CONDITIONS, FIXED, RIGHTS
from appanalytics.server.users import User
from appanalytics.sqltext import identifier

#: The role of the server's own connections, with no restriction.
OWNER = "owner"
_WRITES = "SELECT, SHOW, INSERT, ALTER, CREATE, DROP, UNDROP TABLE, TRUNCATE, OPTIMIZE, dictGet"
_READS = "SELECT, SHOW, dictGet"
#: Tables of the system in which a user sees the own statements alone, and those that show the ones of others.
_LOGS = ("processes", "query_log")
_ADMINS = """
    user_query_log user_processes session_query_ids errors stack_trace warnings crash_log text_log trace_log part_log
    query_thread_log query_views_log query_metric_log processors_profile_log session_log asynchronous_insert_log
    asynchronous_inserts schema_inference_cache query_cache query_condition_cache backups backup_log dns_cache
    user_directories
"""


#: The engine's defaults that are others here. A group of Parquet's rows is held whole, one for each thread; Pretty
#: formats collect all blocks of a second to draw them as one table.
_DEFAULTS = {
    "implicit_select": 0,
    "output_format_parquet_row_group_size": 122_880,
    "output_format_pretty_squash_max_wait_ms": 50,
}
#: Least values of settings, for everybody. With no pause between reports of progress the engine never ends a query.
_LEAST = {"interactive_delay": 1000}
#: So many parts of a table that were merged away are dropped one after the other. With a hundred the engine takes
#: 128 threads for them and keeps these for ever, with some hundred KiB each.
_ONE_BY_ONE = 1_000_000


def role_of(name: str) -> str:
    """The engine's role, and settings profile, of a user."""
    return f"user_{name}"


def write_configuration(
    folder: Path, users: Mapping[str, User], database: str, memory: int, backups: Path | None = None
) -> Path:
    """Write the engine's configuration into a private folder and return the main file.

    ``database`` is the one that writers and readers may use; ``memory`` the most that all statements together may
    take, in bytes; ``backups`` the folder of backups, outside of which none is written or read.
    """
    allowed = backup_configuration(backups) if backups else ""
    access = folder / "access.xml"
    _write(access, _access(users, database))
    main = folder / "engine.xml"
    _write(
        main,
        f"""<clickhouse>
  <users_config>{escape(str(access))}</users_config>
  <max_server_memory_usage>{memory}</max_server_memory_usage>
  {allowed}
  <merge_tree><concurrent_part_removal_threshold>{_ONE_BY_ONE}</concurrent_part_removal_threshold></merge_tree>
  <query_log>
    <database>system</database><table>query_log</table>
    <flush_interval_milliseconds>1000</flush_interval_milliseconds>
    <engine>ENGINE = MergeTree PARTITION BY event_date ORDER BY event_time TTL event_date + INTERVAL 7 DAY</engine>
  </query_log>
</clickhouse>
""",
    )
    return main


def connection_string(folder: Path, configuration: Path) -> str:
    """What the engine opens: the data's folder with its configuration."""
    return f"{folder}?config-file={quote(str(configuration))}"


def _write(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")


def _access(users: Mapping[str, User], database: str) -> str:
    profiles = "".join(_profile(name, user) for name, user in users.items())
    roles = "".join(_role(name, user, database) for name, user in users.items())
    granted = "".join(f"<query>GRANT {role_of(name)}</query>" for name in users)
    return f"""<clickhouse>
  <profiles><default>{_defaults()}</default>{profiles}</profiles>
  <roles><{OWNER}><grants><query>GRANT ALL ON *.* WITH GRANT OPTION</query></grants></{OWNER}>{roles}</roles>
  <users><default>
    <password></password><networks><ip>::/0</ip></networks><profile>default</profile>
    <grants><query>GRANT {OWNER}</query>{granted}</grants>
    <databases>{_policies(users, database)}</databases>
  </default></users>
</clickhouse>
"""


def _defaults() -> str:
    return "".join(f"<{name}>{value}</{name}>" for name, value in _DEFAULTS.items())


def _profile(name: str, user: User) -> str:
    closed = [*FIXED, *(() if user.role == "admin" else RIGHTS), *(CONDITIONS if user.reads_only else ())]
    fixed = "".join(f"<{setting}><readonly/></{setting}>" for setting in closed)
    limits = "".join(
        f"<{key}><min>1</min><max>{value}</max></{key}>" for key, value in user.limits().items()
    )  # without the least value, 0 would mean no limit
    limits += "".join(f"<{key}><min>{value}</min></{key}>" for key, value in _LEAST.items())
    return f"<{role_of(name)}><constraints>{fixed}{limits}</constraints></{role_of(name)}>"


def _role(name: str, user: User, database: str) -> str:
    if user.role == "admin":
        grants = [
            "GRANT ALL ON *.* WITH GRANT OPTION",
            "REVOKE SOURCES ON *.*",
            "GRANT READ, WRITE ON DISK",  # of backups; no table and no function can name a disk
            "REVOKE TABLE ENGINE ON *",
            "REVOKE SYSTEM SHUTDOWN ON *.*",
        ]
    elif user.role == "writer":
        grants = [
            f"GRANT {_WRITES} ON {database}.*",
            f"REVOKE CREATE DATABASE, DROP DATABASE, CREATE DICTIONARY ON {database}.*",
            "GRANT CREATE TEMPORARY TABLE ON *.*",
        ]
    elif user.rows:
        grants = [f"GRANT {_READS} ON {database}.{identifier(table)}" for table in user.rows]
    else:
        grants = [f"GRANT {_READS} ON {database}.*"]
    queries = "".join(f"<query>{escape(grant)}</query>" for grant in grants)
    return f"<{role_of(name)}><grants>{queries}</grants></{role_of(name)}>"


def _policies(users: Mapping[str, User], database: str) -> str:
    conditions: dict[str, list[str]] = {}
    for name, user in users.items():
        for table, condition in user.rows.items():
            conditions.setdefault(table, []).append(f"(NOT {_is(name)} OR ({condition}))")
    owner = f"has(currentRoles(), '{OWNER}')"
    tables = "".join(_policy(table, f"{owner} OR ({' AND '.join(parts)})") for table, parts in conditions.items())
    admins = " OR ".join([owner, *(_is(name) for name, user in users.items() if user.role == "admin")])
    own = "startsWith(query, concat('/*', substring(arrayElement(currentRoles(), 1), 6), ':'))"
    logs = "".join(_policy(table, f"{admins} OR {own}") for table in _LOGS)
    logs += "".join(_policy(table, admins) for table in _ADMINS.split())
    return f"<{database}>{tables}</{database}><system>{logs}</system>"


def _policy(table: str, condition: str) -> str:
    return f"<{table}><filter>{escape(condition)}</filter></{table}>"


def _is(name: str) -> str:
    return f"has(currentRoles(), '{role_of(name)}')"
