"""A page of findings, written once and shown in a terminal, as Markdown and as HTML.

    page = Document("The drop of 19 October", (
        Paragraph("DAU was **2,913 below** what was expected."),
        Table(("city", "users"), (("Moscow", "−2,319"),), numbers=("users",)),
        Picture("dau", png, "DAU with its expected band"),
    ))
    page.save(folder, "drop")          # drop.md, drop.html and drop-dau.png

Blocks are values; texts may hold inline Markdown (``**bold**``, ```code```). What comes from data goes through
`plain` first, so that a city called ``*`` stays a city.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading below the page's title; ``level`` 2 is the highest."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Sentences, with inline Markdown."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list, each item with inline Markdown."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of ready texts, taken literally; the columns named in ``numbers`` are aligned to the right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG with a short name for its file and a sentence that says what it shows."""

    name: str
    png: bytes
    alt: str


@dataclass(frozen=True, slots=True)
class Code:
    """Text to paste, such as SQL. A page folds it away where it can."""

    text: str
    language: str = "sql"
    title: str = ""


Block = Heading | Paragraph | Bullets | Table | Picture | Code


@dataclass(frozen=True, slots=True)
class Document:
    """A titled page in ``language`` (a code such as ``en``), from top to bottom."""

    title: str
    blocks: tuple[Block, ...]
    language: str = "en"

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures, in order."""
        return tuple(block for block in self.blocks if isinstance(block, Picture))

    def markdown(self, prefix: str = "") -> str:
        """The page as Markdown; pictures are links to ``{prefix}{name}.png`` beside it."""
        parts = [f"# {self.title}", *(_markdown(block, prefix) for block in self.blocks)]
        return "\n\n".join(parts) + "\n"

    def html(self) -> str:
        """The page as one HTML file that needs nothing else: style and pictures are inside."""
        body = "\n".join(_html(block) for block in self.blocks)
        title = _inline(self.title)
        return _PAGE.format(
            language=self.language, head=html.escape(self.title), title=title, style=_STYLE, body=body
        )

    def print(self, console: Console) -> None:
        """Show the page in a terminal; a picture is told by what it shows."""
        for piece in self._pieces(console):
            console.print(piece, soft_wrap=False)  # a console of pipes would cut the items of lists

    def save(self, folder: Path, name: str) -> list[Path]:
        """Write ``name.md``, ``name.html`` and ``name-{picture}.png`` into ``folder``; returns the files.

        Raises `OSError` where the folder cannot be written to.
        """
        folder.mkdir(parents=True, exist_ok=True)
        files = {
            folder / f"{name}.md": self.markdown(f"{name}-").encode(),
            folder / f"{name}.html": self.html().encode(),
        }
        files |= {folder / f"{name}-{picture.name}.png": picture.png for picture in self.pictures}
        for path, content in files.items():
            path.write_bytes(content)
        return list(files)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return f"<h2>{_inline(self.title)}</h2>" + "\n".join(_html(block) for block in self.blocks)

    def _pieces(self, console: Console) -> Iterator[object]:
        from rich.markdown import Markdown
        from rich.syntax import Syntax
        from rich.text import Text

        yield Text(_spoken(self.title), style="bold underline")
        for block in self.blocks:
            yield ""
            match block:
                case Heading(text):
                    yield Text(_spoken(text), style="bold")
                case Paragraph(text):
                    yield Markdown(text)
                case Bullets():
                    yield Markdown(_markdown(block, ""))
                case Table():
                    yield _rich_table(block)
                case Picture(_, _, alt):
                    yield Text(f"[{alt}]", style="dim")
                case Code(text, language):
                    yield Syntax(text, language, background_color="default", word_wrap=True)


def plain(text: str) -> str:
    """Text of data, escaped so that no Markdown or HTML in it takes effect."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&!])", r"\\\1", text)


def _markdown(block: Block, prefix: str) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {text}"
        case Paragraph(text):
            return text
        case Bullets(items):
            return "\n".join(f"- {item}" for item in items)
        case Table(columns, rows, numbers):
            rule = ["---:" if name in numbers else "---" for name in columns]
            lines = [[plain(cell) for cell in columns], rule, *([plain(cell) for cell in row] for row in rows)]
            return "\n".join(f"| {' | '.join(line)} |" for line in lines)
        case Picture(name, _, alt):
            return f"![{plain(alt)}]({prefix}{name}.png)"
        case Code(text, language, title):
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
            return (f"{title}\n\n" if title else "") + f"{fence}{language}\n{text}\n{fence}"


def _html(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{_inline(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{_inline(text)}</p>"
        case Bullets(items):
            return f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</ul>"
        case Table(columns, rows, numbers):
            right = [' class="n"' if name in numbers else "" for name in columns]
            head = "".join(f"<th{c}>{html.escape(name)}</th>" for c, name in zip(right, columns, strict=True))
            body = "".join(f"<tr>{_cells(right, row)}</tr>" for row in rows)
            return f'<div class="t"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        case Picture(_, png, alt):
            data = base64.b64encode(png).decode()
            return f'<figure><img alt="{html.escape(alt)}" src="data:image/png;base64,{data}"></figure>'
        case Code(text, language, title):
            summary = html.escape(title or language.upper())
            return f"<details><summary>{summary}</summary><pre><code>{html.escape(text)}</code></pre></details>"


def _cells(right: list[str], row: tuple[str, ...]) -> str:
    return "".join(f"<td{c}>{html.escape(cell)}</td>" for c, cell in zip(right, row, strict=True))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False})


def _inline(text: str) -> str:
    return str(_parser().renderInline(text))


def _spoken(text: str) -> str:
    """Inline Markdown without its marks."""
    return html.unescape(re.sub(r"<[^>]+>", "", _inline(text)))


def _rich_table(block: Table) -> object:
    from rich import box
    from rich.markup import escape
    from rich.table import Table as RichTable

    table = RichTable(header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in block.columns:
        table.add_column(escape(name), justify="right" if name in block.numbers else "left", overflow="fold")
    for row in block.rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{head}</title><style>{style}</style></head>
<body><h1>{title}</h1>
{body}
</body></html>
"""

_STYLE = (
    "body{max-width:54rem;margin:2rem auto;padding:0 1rem;font:16px/1.5 system-ui,sans-serif;color:#1f2933}"
    "h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2rem}img{max-width:100%}figure{margin:1rem 0}"
    ".t{overflow-x:auto}table{border-collapse:collapse}th,td{padding:.25rem .7rem;border-bottom:1px solid #e4e8ec;"
    "text-align:left}.n{text-align:right;font-variant-numeric:tabular-nums}summary{cursor:pointer;color:#66727f}"
    "pre{overflow-x:auto;background:#f5f7f9;padding:.8rem;font-size:.85rem}"
)
