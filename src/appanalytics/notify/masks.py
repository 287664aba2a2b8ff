"""Secrets never leave: texts of errors and lines of logs are cleared of tokens and of addresses with passwords."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit

_HIDDEN = "****"
#: Anything that looks like a bot's token, also one that is not ours.
_TOKEN = re.compile(r"\d{6,}:[A-Za-z0-9_-]{20,}")
#: Logs of libraries that would tell the address called, which holds the token.
_LOGGERS = ("httpx", "httpcore", "telegram", "telegram.ext", "apprise", "requests", "urllib3")

#: Of these nothing is lost: their failures come to us as errors, and we tell them.
_TOLD = ("telegram", "telegram.ext", "apprise")


class Mask:
    """Replaces secrets, and the parts of them that would give them away, by ``****``."""

    def __init__(self, secrets: Iterable[str]) -> None:
        words: set[str] = set()
        for secret in secrets:
            words |= {secret, quote(secret, safe=""), *_parts(secret)}
        self._words = sorted((word for word in words if len(word) >= 6), key=len, reverse=True)

    def __call__(self, text: object) -> str:
        """The text on one line without secrets, 500 characters at most."""
        shown = " ".join(str(text).split())
        for word in self._words:
            shown = shown.replace(word, _HIDDEN)
        return _TOKEN.sub(_HIDDEN, shown)[:500]


class _Filter(logging.Filter):
    def __init__(self, mask: Mask) -> None:
        super().__init__()
        self._mask = mask

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask a record; none is dropped."""
        record.msg, record.args = self._mask(record.getMessage()), ()
        record.exc_info = record.exc_text = None  # a traceback quotes requests
        return True


def guard_logs(mask: Mask) -> None:
    """Let the libraries that know secrets log warnings only, and those masked."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        for old in [each for each in logger.filters if isinstance(each, _Filter)]:
            logger.removeFilter(old)
        logger.addFilter(_Filter(mask))
        logger.setLevel(logging.CRITICAL if name in _TOLD else logging.WARNING)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(("httpx.", "httpcore.", "telegram.")):
            logging.getLogger(name).addFilter(_Filter(mask))


def _parts(secret: str) -> set[str]:
    """Passwords, tokens and paths inside of an address; short words and names of hosts stay readable."""
    if "://" not in secret:
        number, _, word = secret.partition(":")
        return {word} if number.isdigit() else set()
    split = urlsplit(secret)
    pieces = {*split.path.split("/"), *re.split(r"[=&]", split.query), split.username or "", split.password or ""}
    pieces.add(split.netloc.rpartition("@")[0])
    host = split.hostname or ""
    if "." not in host:  # apprise puts the first token where a host would be
        pieces |= {host, split.netloc}
    return {found for piece in pieces for found in (piece, unquote(piece)) if len(found) >= 6}
