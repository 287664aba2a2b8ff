"""What no statement may name: ways out of the engine that its grants do not close.

Grants stop table functions and table engines. They do not stop the scalar function ``file()``, which reads any file
of the machine, also as ``arrayMap(file, …)`` or ``APPLY(file)``; nor settings whose value is SQL or the path of a
template; nor dictionaries that run a command or ask with every right. Names are compared after the lexer's escapes,
so quoting hides nothing. What the grants do stop (``s3()``, ``mysql()``, …) is named here, too: one lock more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from appanalytics.server.problems import Problem
from appanalytics.server.tokens import Token, tokens

_NAMES = frozenset(["file"])
_CALLS = re.compile(
    r"(file\w*|eval|python|executable\w*|fuzzquery|ai[a-z]+|url|urlcluster|remote|remotesecure|cluster|clusterallreplicas|"
    r"distributed|s3\w*|gcs|oss|cosn|hdfs\w*|azure\w*|mysql|(materialized)?postgresql|sqlite|mongodb|redis|odbc|jdbc|"
    r"bigquery|ytsaurus|arrowstream|arrowflight|kafka|nats|rabbitmq|keepermap|embeddedrocksdb|queryrunner|"
    r"datalakecatalog|(iceberg|paimon|hudi|deltalake)(azure|hdfs|local|s3)?(cluster)?)",
    re.IGNORECASE,
)
_KEYWORD_LIST = """
    ALL AND ANY AS ASC BETWEEN BY CASE DESC DISTINCT ELSE EXCEPT EXISTS FROM GLOBAL HAVING IN INTERSECT INTO IS
    JOIN KEY LIKE LIMIT NOT ON OR ORDER OVER PARTITION REPLACE SELECT SETS THEN UNION USING VALUES WHEN
    WHERE WITH
"""
_KEYWORDS = frozenset(_KEYWORD_LIST.split())
#: What may be called with a column named as a function is.
_HARMLESS_CALLS = """
    and any anylast argmax argmin casewithexpression cast coalesce concat count countdistinct empty endswith equals
    grouparray groupuniqarray if ifnull in isnotnull isnull length like lower max min multiif not notempty notequals
    notin or position startswith tostring toint64 uniq uniqexact uniqif upper
"""
_TAKES_NO_FUNCTION = frozenset(_HARMLESS_CALLS.split())
_DOUBTFUL = re.compile(rb"file|disk|dictionary|\\|\xe2\x80", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_DATABASES = frozenset(["ATOMIC", "MEMORY", "ORDINARY", "REPLICATED"])
_LOCAL_SOURCES = frozenset(["CLICKHOUSE", "NULL"])
_REMOTE_WORDS = frozenset(["HOST", "PORT", "SECURE"])
#: Settings whose value is SQL, a path, an address, or a door, or that stop the server: fixed for everybody.
FIXED = (
    "dialect",
    "polyglot_dialect",
    "output_format_schema",
    "input_format_record_errors_file_path",
    "format_avro_schema_registry_url",
    "dynamic_disk_allow_from_env",
    "dynamic_disk_allow_include",
    "parallel_replicas_custom_key",
    "format_template_row",
    "format_template_row_format",
    "format_template_resultset",
    "format_template_resultset_format",
    "format_schema",
    "format_schema_source",
    "allow_experimental_eval_table_function",
    "max_local_read_bandwidth",  # a statement that sleeps on purpose hears no KILL and no limit of time
    "max_local_write_bandwidth",
    "ast_fuzzer_runs",
    "ast_fuzzer_any_query",
    "allow_introspection_functions",
)
#: Settings that decide with whose rights a view works: for admins.
RIGHTS = ("default_normal_view_sql_security", "default_materialized_view_sql_security", "default_view_definer")
#: Settings whose value is a condition in SQL; it is judged like a statement, and readers may not set them.
CONDITIONS = ("additional_table_filters", "additional_result_filter")
#: Settings of a table that put its data elsewhere, such as on the disk of backups.
PLACES = ("disk", "storage_policy")
#: Settings that a reader may choose; the engine still holds the limits among them.
_READERS = re.compile(
    r"(output_format_|input_format_|format_(csv|tsv|regexp|custom|display|binary|capn|avro|json)|date_time_|max_|"
    r"http_|optimize_|query_plan_|join_|union_default_mode|any_join_|cast_|group_by_|distinct_|"
    r"read_overflow_mode|result_overflow_mode|timeout_overflow_mode|session_timezone|use_client_time_zone|"
    r"transform_null_in|aggregate_functions_null_for_empty|enable_|prefer_|extremes|log_comment|log_queries|"
    r"limit|offset|"
    r"select_sequential_consistency|send_progress_in_http_headers|wait_end_of_query|buffer_size|add_http_cors_header|"
    r"cancel_http_readonly_queries_on_client_close|default_format|connect_timeout|receive_timeout|send_timeout|"
    r"database_replicated_enforce_synchronous_settings|throw_on_max_partitions_per_insert_block|"
    r"allow_suspicious_|insert_|async_insert|wait_for_async_insert|final|totals_mode|short_circuit)"
)


def check_statement(sql: bytes, parameters: Mapping[str, str]) -> None:
    """Refuse a statement that names a way out; raises `Problem` (497)."""
    every = list(tokens(sql))
    _check_signs(every)
    _check_names(every)
    _check_parameters(every, parameters)
    words = [token.text for token in every[:8] if token.kind == "word"]
    if words[:1] in (["CREATE"], ["ATTACH"], ["REPLACE"], ["ALTER"]):
        _check_create(words, every)


def doubtful(sql: bytes) -> bool:
    """Whether a statement is worth a second look, at the text that the engine itself makes of it."""
    return _DOUBTFUL.search(sql) is not None


def check_settings(settings: Mapping[str, str], reader: bool) -> None:
    """Refuse settings of a URL that nobody, or no reader, may change; raises `Problem` (452, 497).

    What is `FIXED` passes here, because the engine allows its own value and no other.
    """
    _check_names_of_settings(settings, reader)
    for name in CONDITIONS:
        if name in settings:
            check_condition(settings[name])


def check_settings_named(names: Iterable[str], reader: bool) -> None:
    """Refuse settings of a statement that nobody, or no reader, may change; raises `Problem` (452)."""
    named = list(names)
    _check_names_of_settings(named, reader)
    for name in named:
        if name in PLACES:
            raise Problem(452, f"Setting {name} is not allowed here", "SETTING_CONSTRAINT_VIOLATION")
        if name in CONDITIONS:
            raise Problem(452, f"Setting {name} is allowed in the URL alone", "SETTING_CONSTRAINT_VIOLATION")


def _check_names_of_settings(names: Iterable[str], reader: bool) -> None:
    for name in names:
        if name == "profile":
            raise Problem(452, "Setting profile should not be changed", "SETTING_CONSTRAINT_VIOLATION")
        if reader and not _READERS.match(name):
            raise Problem(452, f"Setting {name} is not for readers", "SETTING_CONSTRAINT_VIOLATION")


def check_condition(text: str) -> None:
    """Judge SQL and the SQL in its strings; raises `Problem` (497)."""
    every = list(tokens(text.encode()))
    _check_signs(every)
    _check_names(every)
    for token in every:
        if token.kind == "string":
            check_condition(_unescaped(token.text[1:-1].replace("''", "'")))


def settings_named(sql: bytes) -> list[str]:
    """Names of the settings that a statement's SETTINGS clauses or its SET change."""
    every = list(tokens(sql))
    found = []
    for place, token in enumerate(every):
        if token.is_word("SETTINGS") or (token.is_word("SET") and place == 0):
            found += _assigned(sql, every[place + 1 :])
    return found


def _assigned(sql: bytes, rest: Sequence[Token]) -> list[str]:
    names = []
    place = 0
    while place + 1 < len(rest) and rest[place].kind in ("word", "quoted") and rest[place + 1].text == "=":
        names.append(sql[rest[place].start : rest[place].end].decode("utf-8", "replace").strip('`"'))
        depth = rest[place].depth
        place += 2
        while place < len(rest) and not (rest[place].text == "," and rest[place].depth == depth):
            place += 1
        place += 1
    return names


def _check_signs(every: list[Token]) -> None:
    for token in every:
        if token.kind == "mark" and not token.text.isascii():
            raise Problem(62, "Syntax error: a sign that is no part of SQL stands outside of quotes", "SYNTAX_ERROR")


def _check_names(every: list[Token]) -> None:
    own_disk = not every[:1] or not every[0].is_word("BACKUP", "RESTORE")
    calls: list[str] = []  # names of the calls that are open; empty for brackets that call nothing
    end = before = Token("mark", ";", 0, 0, 0)
    columns = bool(every) and every[0].is_word("CREATE", "ATTACH", "REPLACE", "INSERT")  # may still come
    for token, after in pairwise([*every, end]):
        columns = columns and not token.is_word("SELECT", "AS", "FUNCTION", "WITH", "ENGINE", "VALUES")
        if token.kind == "mark" and token.text in "([{":
            calls.append("" if columns else _called(before))
            columns = False
        elif token.kind == "mark" and token.text in ")]}" and calls:
            calls.pop()
        elif token.kind in ("word", "quoted"):
            _check_name(_name(token), before, after, calls)
            if own_disk and after.text == "(" and _name(token).upper() == "DISK":
                raise Problem(497, "a disk of its own is not allowed to a table", "ACCESS_DENIED")
        before = token


def _called(before: Token) -> str:
    """The function that a bracket after this token calls, or nothing for a list or a subquery."""
    if before.kind == "quoted" or (before.kind == "word" and before.text not in _KEYWORDS):
        return _name(before).lower()
    return ""


def _check_name(name: str, before: Token, after: Token, calls: list[str]) -> None:
    called = after.kind == "mark" and after.text == "("
    bad = called and _CALLS.fullmatch(name) is not None
    if name.lower() in _NAMES and not called:
        # A column may have this name. As an argument it may be the function, unless what is called takes none.
        bad = before.is_word("APPLY") or not all(call in _TAKES_NO_FUNCTION for call in calls if call)
    if bad:
        raise Problem(497, f"the function {name.lower()}() is not allowed here", "ACCESS_DENIED")


def _name(token: Token) -> str:
    return _unescaped(token.text) if token.kind == "quoted" else token.text


def _unescaped(name: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], name)


def _check_parameters(every: list[Token], parameters: Mapping[str, str]) -> None:
    for one, name, colon, kind in zip(every, every[1:], every[2:], every[3:], strict=False):
        if one.text == "{" and colon.text == ":" and kind.is_word("IDENTIFIER"):
            _check_value(next((text for key, text in parameters.items() if key.upper() == name.text.upper()), ""))
    if every[:1] and every[0].is_word("SET"):  # a session's parameters, for statements to come
        for name, equals, value in zip(every, every[1:], every[2:], strict=False):
            if equals.text == "=" and _name(name).lower().startswith("param_"):
                _check_value(value.text[1:-1] if value.kind == "string" else _name(value))


def _check_value(text: str) -> None:
    if any(part.strip('`" ').lower() in _NAMES for part in _unescaped(text).split(".")):
        raise Problem(497, f"the name {text!r} is not allowed here", "ACCESS_DENIED")


def _check_create(words: list[str], every: list[Token]) -> None:
    texts = [token.text.upper() for token in every if token.kind in ("word", "quoted")]
    if words[0] == "ATTACH" and any(one.is_word("FROM") and two.kind == "string" for one, two in pairwise(every)):
        raise Problem(497, "a table may not be attached from a folder", "ACCESS_DENIED")
    if "DICTIONARY" in words:
        for place, (token, after) in enumerate(pairwise(every)):
            if token.is_word("SOURCE") and after.text == "(":
                _check_source(every[place + 2 :], after.depth)
    if "DATABASE" in words and "ENGINE" in texts and words[0] != "ALTER":
        engine = texts[texts.index("ENGINE") + 1 : texts.index("ENGINE") + 2]
        if not engine or engine[0] not in _DATABASES:
            raise Problem(497, "a database of that engine is not allowed here", "ACCESS_DENIED")


def _check_source(rest: Sequence[Token], depth: int) -> None:
    """A dictionary's source reads with every right: so from this engine alone, by SQL that is judged, too."""
    kind = _name(rest[0]).upper() if rest else ""
    if kind not in _LOCAL_SOURCES:
        raise Problem(497, f"a dictionary may not read from {kind}", "ACCESS_DENIED")
    for token in rest:
        if token.text == ")" and token.depth == depth:
            return
        if token.kind in ("word", "quoted") and _name(token).upper() in _REMOTE_WORDS:
            raise Problem(497, f"a dictionary may not name a {_name(token).lower()}", "ACCESS_DENIED")
        if token.kind == "string":
            check_condition(_unescaped(token.text[1:-1].replace("''", "'")))
