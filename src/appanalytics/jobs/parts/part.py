"""What a part is: a program, what it needs to run, and how to see that it is there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: True when the part answers. It must not wait: it is asked again and again.
Ready = Callable[[], bool]


@dataclass(frozen=True)
class Part:
    """A program that goes on until it is stopped.

    ``environment`` is added to that of the caller and may hold secrets: it is kept in a file that only the owner can
    read, never in arguments. ``patience`` is how many seconds it may take until `ready`.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    ready: Ready
    environment: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    patience: float = 120.0
    stop_seconds: int = 30
    #: Files whose content the part reads at its start: when one changes, the part is started anew.
    reads: tuple[Path, ...] = ()

    def sheet(self) -> str:
        """What `launch` reads, as JSON."""
        told = {"command": self.command, "folder": str(self.folder), "environment": dict(self.environment)}
        return json.dumps(told, sort_keys=True)

    def fingerprint(self) -> str:
        """Changes when the part must be started anew."""
        digest = hashlib.sha256(self.sheet().encode())
        for file in self.reads:
            digest.update(file.read_bytes() if file.is_file() else b"")
        return digest.hexdigest()[:12]


def write_private(file: Path, text: str) -> None:
    """Write a file that its owner alone can read."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        os.fchmod(descriptor, 0o600)
        stream.write(text)
