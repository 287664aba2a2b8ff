"""The page of a folder's chat: looks like a messenger, refreshes itself, holds no script."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any

from appanalytics.locales import locale_of
from appanalytics.markup import plain

_STYLE = """
:root { color-scheme: light dark; --paper: #dfe7ec; --bubble: #fff; --ink: #16202a }
:root { --muted: #6b7a88; --line: #2f7cc0 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #0f1820; --bubble: #1c2a36; --ink: #e8eef3; --muted: #8fa1b1; --line: #63a9e6 }
}
body { margin: 0; background: var(--paper); color: var(--ink) }
body { font: 16px/1.4 system-ui, "Segoe UI", Roboto, sans-serif }
header { position: sticky; top: 0; background: var(--bubble); padding: 12px 16px; font-weight: 600 }
header { box-shadow: 0 1px 3px #0003 }
header small { display: block; font-weight: 400; color: var(--muted) }
main { max-width: 620px; margin: 0 auto; padding: 12px; display: flex; flex-direction: column; gap: 10px }
h2 { align-self: center; margin: 8px 0; padding: 3px 12px; border-radius: 12px; background: #5b7182; color: #fff }
h2 { font-size: 13px; font-weight: 500 }
article { overflow: hidden; max-width: 560px; border-radius: 14px 14px 14px 4px; background: var(--bubble) }
article { box-shadow: 0 1px 2px #0002 }
article img { display: block; width: 100% }
article p { margin: 0; padding: 10px 14px 2px; white-space: pre-wrap; overflow-wrap: anywhere }
article a.to { display: block; margin: 10px 14px 0; padding-left: 9px; border-left: 3px solid var(--line) }
article a.to { color: var(--muted); text-decoration: none }
article a.to { white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
time { display: block; text-align: right; font-size: 12px; color: var(--muted); padding: 0 14px 8px }
"""
_WORDS = {
    "en": ("messages on this machine; the page refreshes itself", "edited", "There are no messages yet."),
    "ru": ("сообщения на этой машине; страница обновляется сама", "изменено", "Сообщений пока нет."),
}


def chat_page(title: str, locale: str, entries: Mapping[int, Mapping[str, Any]]) -> str:
    """HTML of a chat. ``entries`` by number: html (Telegram's subset), picture, time, edited, answers."""
    about, edited, empty = _WORDS[locale]
    parts, day = [], None
    for number, entry in sorted(entries.items()):
        moment = datetime.fromisoformat(entry["time"])
        if moment.date() != day:
            day = moment.date()
            parts.append(f"<h2>{escape(locale_of(locale).day(day))}</h2>")
        parts.append(
            _bubble(title, number, entry, entries, f"{edited} {entry['edited']} · " if entry["edited"] else "")
        )
    body = "\n".join(parts) or f"<p>{empty}</p>"
    return (
        f'<!doctype html>\n<html lang="{locale}"><head><meta charset="utf-8"><meta http-equiv="refresh" content="15">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body><header>{escape(title)}<small>{about}</small></header>\n"
        f"<main>\n{body}\n</main></body></html>\n"
    )


def _bubble(
    chat: str, number: int, entry: Mapping[str, Any], all_of: Mapping[int, Mapping[str, Any]], mark: str
) -> str:
    first = all_of.get(entry["answers"] or 0)
    quote = f'<a class="to" href="#m{entry["answers"]}">{escape(_start(first["html"]))}</a>' if first else ""
    picture = f'<img src="{escape(chat)}/{escape(entry["picture"])}" alt="">' if entry["picture"] else ""
    clock = datetime.fromisoformat(entry["time"]).strftime("%H:%M")
    return f'<article id="m{number}">{quote}{picture}<p>{entry["html"]}</p><time>{mark}{clock}</time></article>'


def _start(markup: str) -> str:
    return plain(markup).strip().split("\n", 1)[0][:80]
