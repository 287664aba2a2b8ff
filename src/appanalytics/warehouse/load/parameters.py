"""Values of a statement, bound by the engine: what people wrote never becomes SQL."""

from __future__ import annotations

from typing import Any


class Parameters:
    """Collects values and gives their placeholders; equal values share one."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._known: dict[tuple[str, str], str] = {}

    def bind(self, value: Any, kind: str = "String") -> str:
        """The placeholder of a value of a ClickHouse type."""
        key = (kind, repr(value))
        if key not in self._known:
            name = f"p{len(self.values)}"
            self.values[name] = value
            self._known[key] = f"{{{name}:{kind}}}"
        return self._known[key]
