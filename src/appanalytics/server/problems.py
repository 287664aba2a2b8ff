"""What the server answers when something is wrong: ClickHouse's code, its name, the HTTP status it goes with."""

from __future__ import annotations

import re

_CODE = re.compile(r"Code:\s*(\d+)")
_NESTED = re.compile(r"^(?:Code:\s*\d+\.\s*DB::Exception:\s*)+")
_TAIL = re.compile(r"(?:\s*\([A-Z0-9_]+\)\s*\(version [^)]*(?:\([^)]*\))?[^)]*\))*\s*\(([A-Z0-9_]+)\)\s*$")

#: HTTP status of ClickHouse's codes; what is not here is a failure of the server, 500.
_STATUS = {
    400: """6 7 10 12 15 16 20 25 26 27 32 33 35 36 38 41 42 43 44 47 53 62 63 69 70 72 80 86 117 128 130 131
        167 170 179 184 190 207 215 239 248 252 267 277 341 349 354 370 386 395 407 420 426 427 434 441 452 456
        457 469 474 549 610 636""",
    401: "194",
    403: "164 192 193 291 344 497 511 512 514 516",
    404: "46 50 60 65 71 73 81 82 115 118 224 372 526 649",
    408: "159 160",
    409: "57 216 373",
    413: "158 161 307 396",
    429: "201 202",
    499: "394",
    501: "1 48 155",
    503: "209 439 745",
}
_BY_CODE = {int(code): status for status, codes in _STATUS.items() for code in codes.split()}


class Problem(Exception):
    """A request that is answered with an error, in ClickHouse's form. ``status`` 0 is the usual one of its code."""

    def __init__(self, code: int, message: str, name: str, status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.name = name
        self.status = status or _BY_CODE.get(code, 500)

    def text(self, version: str) -> str:
        """The body that clients look through."""
        return f"Code: {self.code}. DB::Exception: {self.message}. ({self.name}) (version {version})\n"


def from_engine(error: Exception) -> Problem:
    """The engine's exception without its nesting."""
    text = str(error).strip()
    found = _CODE.search(text)
    name = _TAIL.search(text)
    message = _NESTED.sub("", text[: name.start()] if name else text).rstrip(". ")
    if not found:
        return Problem(1002, message or type(error).__name__, "UNKNOWN_EXCEPTION")
    return Problem(int(found[1]), message, name[1] if name else "UNKNOWN_EXCEPTION")
