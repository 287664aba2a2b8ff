"""What the server answers when something is wrong: ClickHouse's code, its name, the HTTP status it goes with."""

from __future__ import annotations

import re

_CODE = re.compile(r"Code:\s*(\d+)")
_NESTED = re.compile(r"^(?:Code:\s*\d+\.\s*DB::Exception:\s*)+")
_NAMED = r"\.?\s*\(([A-Z][A-Z0-9_]+)\)(?:\s*\(version [^()]*(?:\([^()]*\)[^()]*)?\))?"
_TAIL = re.compile(rf"(?:{_NAMED})+\s*\.?\s*$")

#: HTTP status of ClickHouse's codes; what is not here is a mistake in the request, 400.
_STATUS = {
    401: "194",
    403: "164 192 193 291 344 497 511 512 514 516",
    404: "46 50 60 65 71 73 81 82 115 118 224 372 526 649",
    408: "159 160",
    409: "57 216 373",
    413: "158 161 241 307 396",
    429: "201 202",
    499: "394",
    501: "1 48 155",
    500: """3 5 40 49 74 75 76 87 88 89 90 91 95 99 102 172 173 210 225 226 228 233 236 242 243 246 261 271 279
        290 297 319 424 425 432 458 459 585 668 722 723 734 740 743 1000 1001 1002""",
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
        self.status = status or _BY_CODE.get(code, 400)

    def text(self, version: str) -> str:
        """The body that clients look through."""
        return f"Code: {self.code}. DB::Exception: {self.message}. ({self.name}) (version {version})\n"


def from_engine(error: Exception) -> Problem:
    """The engine's exception without its nesting."""
    text = str(error).strip()
    found = _CODE.search(text)
    tail = _TAIL.search(text)
    name = re.search(_NAMED, tail[0]) if tail else None
    message = _NESTED.sub("", text[: tail.start()] if tail else text).rstrip(". ")
    if not found:
        return Problem(1002, message or type(error).__name__, "UNKNOWN_EXCEPTION")
    return Problem(int(found[1]), message, name[1] if name else "UNKNOWN_EXCEPTION")
