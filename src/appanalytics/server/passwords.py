"""Passwords: kept as scrypt hashes, which are slow on purpose, and checked without giving guesses the machine."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from appanalytics.server.problems import Problem

_COST = 2**14
_NOBODY = f"scrypt${'00' * 16}${'00' * 32}"
_MOST_WAITING = 32
_MOST_KNOWN = 1024


class Checker:
    """Says whether a password is the one of a hash.

    What was found is remembered as a keyed hash, which is worthless outside of this process: so a request costs no
    scrypt, and neither does a program that comes with the same wrong password again and again. Others are hashed by
    one thread in the order in which they came, so that guesses take one core and nobody is passed over.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, bool] = OrderedDict()
        self._places = threading.BoundedSemaphore(_MOST_WAITING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hash")

    def is_right(self, name: str, password: str, stored: str) -> bool:
        """Whether a password belongs to a user's hash; an empty hash is that of nobody.

        That takes as long for nobody as for a user. Raises `Problem` (202) when too many wait.
        """
        seal = hmac.digest(self._key, f"{name}\0{stored}\0{password}".encode("utf-8", "surrogateescape"), "sha256")
        with self._lock:
            if seal in self._known:
                self._known.move_to_end(seal)
                return self._known[seal]
        if not self._places.acquire(blocking=False):
            raise Problem(202, "Too many passwords wait to be checked", "TOO_MANY_SIMULTANEOUS_QUERIES")
        try:
            right = self._thread.submit(matches, password, stored or _NOBODY).result() and bool(stored)
        finally:
            self._places.release()
        with self._lock:
            self._known[seal] = right
            if len(self._known) > _MOST_KNOWN:
                self._forget()
        return right

    def _forget(self) -> None:
        """Of what was not asked for longest, a wrong one: guesses must not drive out what is right."""
        wrong = next((seal for seal, right in self._known.items() if not right), None)
        self._known.pop(wrong) if wrong is not None else self._known.popitem(last=False)


def hashed(password: str) -> str:
    """The scrypt hash of a password as ``scrypt$salt$hash``."""
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${_scrypt(password, salt).hex()}"


def matches(password: str, stored: str) -> bool:
    """Whether a password belongs to a stored hash."""
    kind, _, rest = stored.partition("$")
    salt, _, wanted = rest.partition("$")
    if kind != "scrypt":
        return False
    try:
        return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), bytes.fromhex(wanted))
    except ValueError:
        return False


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogateescape"), salt=salt, n=_COST, r=8, p=1, dklen=32)
