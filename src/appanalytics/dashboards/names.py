"""Stable identities: the same key gives the same UUID on every machine, so that an import updates and never adds."""

from __future__ import annotations

from uuid import UUID, uuid5

#: The namespace of everything that AppAnalytics puts into Superset.
NAMESPACE = UUID("5c0d5f0e-7f0b-5b53-9a53-5d2e3c7a9b10")
OWNER = "AppAnalytics"
DATABASE = "AppAnalytics"
_MARK = "spec:"


def uuid_of(kind: str, key: str) -> str:
    """UUID of an object: ``database``, ``dataset``, ``chart``, ``dashboard``, ``query`` or ``filter``."""
    return str(uuid5(NAMESPACE, f"{kind}:{key}"))


def mark(key: str) -> str:
    """What certification details or a description say of an object that is ours."""
    return f"{_MARK}{key}"


def is_ours(kind: str, uuid: str, text: str | None) -> bool:
    """Whether an object was made from a spec: its text names a key whose UUID it has."""
    words = (text or "").rpartition(_MARK)[2].split()
    return bool(words) and _MARK in (text or "") and uuid_of(kind, words[0]) == uuid
