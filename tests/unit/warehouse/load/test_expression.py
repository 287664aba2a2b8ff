"""The closed language of expressions: what passes, and that nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appanalytics.errors import MappingError
from appanalytics.warehouse.load.expression import FUNCTIONS, KEYWORDS, columns_of, compile_expression, tokenize


def compiled(text: str) -> str:
    def column(name: str) -> str:
        if name not in ("a", "b", "we ird", "naïve"):
            raise MappingError(f"no column {name!r}")
        return "x0"

    return compile_expression(text, column, lambda value: "{p0:String}")


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("lower(a)", "lower ( x0 )"),
        ("if(a = 'x''y', 1, 2.5)", "if ( x0 = {p0:String} , 1 , 2.5 )"),
        ('"we ird" || `a`', "x0 || x0"),
        ("a in ('x', 3) and not b is null", "x0 IN ( {p0:String} , 3 ) AND NOT x0 IS NULL"),
        ("case when a = '' then 'b' else a end", "CASE WHEN x0 = {p0:String} THEN {p0:String} ELSE x0 END"),
        ("match(a, '^x')", "match ( x0 , {p0:String} )"),
        ("naïve - -1", "x0 - - 1"),
        ("a in (')', 'x')", "x0 IN ( {p0:String} , {p0:String} )"),
    ],
)
def test_what_passes(text: str, sql: str) -> None:
    assert compiled(text) == sql


@pytest.mark.parametrize(
    "text",
    [
        "(SELECT 1)",
        "(select 1)",
        "a; DROP TABLE feed_actions",
        "a -- comment",
        "a # comment",
        "a /* comment */ + b ; ",
        "file('/etc/passwd')",
        "url('http://x')",
        "sleep(3)",
        "throwIf(a)",
        "currentUser()",
        "dictGet('d', 'x', a)",
        "a IN (b)",
        "a IN b",
        "a IN system",
        "a IN ((SELECT 1))",
        "a NOT IN (b)",
        "a IN (lower(a))",
        "a.b",
        "system.tables",
        "{p0:String}",
        "a[1]",
        "x -> x",
        "a ? b : a",
        "$$a$$",
        "'open",
        '"open',
        "@@version",
        "a::String",
        "0x41",
        "1e9",
        "'a\\' , x(",
        "match(a, b)",
        "match(a, concat('x', b))",
        "replaceRegexpAll(a, b, 'x')",
        "match(a)",
        "LOWER(a)",
        "if (file(a), 1, 2)",
        "select",
        "unknown_column",
        "",
        " ",
        "a" * 5000,
        "a\x00",
        "a\u2028;",
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(MappingError):
        compiled(text)


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="ab'\"`;-/*(){}$#@\\., \nINselect0123", max_size=40))
def test_only_known_pieces_come_out(text: str) -> None:
    try:
        sql = compiled(text)
    except MappingError:
        return
    known = {*FUNCTIONS, *KEYWORDS, "x0", "{p0:String}"}
    operators = {"||", "<=", ">=", "<>", "!=", "==", *"-+*/=<>(),"}
    for piece in sql.split(" "):
        assert piece in known or piece in operators or piece.replace(".", "", 1).isdigit()


def test_errors_say_where_and_what_is_near() -> None:
    with pytest.raises(MappingError) as caught:
        compiled("lower(a) || subString(a, 1)")
    assert "character 13" in caught.value.message
    assert "substring" in (caught.value.hint or "")


def test_columns_of() -> None:
    assert columns_of("if(a = 'b', \"we ird\", a) and lower in (1)") == ("a", "we ird", "lower")
    assert [token.kind for token in tokenize("a+'b'")] == ["word", "operator", "text"]
