"""A page says the same in a terminal, as Markdown and as HTML, whatever its data hold."""

from __future__ import annotations

import io
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from appanalytics.document import Bullets, Code, Document, Heading, Paragraph, Picture, Table, plain

PNG = b"\x89PNG\r\n\x1a\nrest"
PAGE = Document(
    "The drop <1>",
    (
        Heading("Where"),
        Paragraph(f"**2,913 fewer** users in {plain('St. *Petersburg* <b>')}."),
        Bullets(("not OS", "not `source`")),
        Table(("city", "users"), (("Moscow|a", "−2,319"), ("[bold]x", "1")), numbers=("users",)),
        Picture("dau", PNG, "DAU & band"),
        Code("SELECT 1 -- ```\n", title="Segments"),
    ),
    language="en",
)


class Texts(HTMLParser):
    """All texts of a page, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_markdown_is_what_a_reader_of_the_file_sees() -> None:
    text = PAGE.markdown("drop-")
    assert "| city | users |\n| --- | ---: |\n| Moscow\\|a | −2,319 |" in text
    assert "![DAU \\& band](drop-dau.png)" in text
    assert "````sql\nSELECT 1 -- ```" in text


def test_html_needs_nothing_else_and_escapes_data() -> None:
    page = PAGE.html()
    assert "<b>" not in page
    assert "<strong>2,913 fewer</strong>" in page
    assert "<title>The drop &lt;1&gt;</title>" in page
    assert 'src="data:image/png;base64,' in page
    assert not re.search(r'(href|src)="(?!data:)', page)


def test_a_terminal_shows_every_block() -> None:
    out = io.StringIO()
    PAGE.print(Console(file=out, width=80, color_system=None))
    for part in (
        "The drop <1>",
        "2,913 fewer",
        "St. *Petersburg* <b>",
        "not OS",
        "[bold]x",
        "[DAU & band]",
        "SELECT 1",
    ):
        assert part in out.getvalue()


def test_files_are_written_under_one_name(tmp_path: Path) -> None:
    files = PAGE.save(tmp_path / "new", "drop")
    assert [path.name for path in files] == ["drop.md", "drop.html", "drop-dau.png"]
    assert (tmp_path / "new" / "drop-dau.png").read_bytes() == PNG


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), min_size=1))
def test_no_text_of_data_is_taken_for_markup(text: str) -> None:
    shown = MarkdownIt("commonmark", {"html": False}).renderInline(plain(text))
    assert unescape(shown) == text


@pytest.mark.parametrize("cell", ["<script>", "a|b", "&amp;", "*x*", "[y]"])
def test_cells_of_tables_are_literal(cell: str) -> None:
    reader = Texts()
    reader.feed(Document("t", (Table(("c",), ((cell,),)),)).html())
    assert cell in reader.texts
    assert "script" not in reader.tags
