"""The text of a new settings file."""

from __future__ import annotations

from collections.abc import Mapping

from appanalytics.settings import Settings, variable


def template(values: Mapping[str, str]) -> str:
    """Text of a new settings file: every setting with its meaning, those of ``values`` set, the rest as comments."""
    lines = ["# Settings of AppAnalytics. Every value can also come from the environment, for example"]
    lines += [f"# {variable('reporting.timezone')}=Europe/Moscow. Show what is in force: appanalytics config show"]
    defaults = Settings()
    for section in Settings.model_fields:
        lines += ["", f"[{section}]"]
        part = getattr(defaults, section)
        for key, info in type(part).model_fields.items():
            name = f"{section}.{key}"
            value = values.get(name, getattr(part, key))
            lines.append(f"# {info.description}")
            shown = '""' if value is None else "[]" if isinstance(value, tuple) else _quoted(str(value))
            lines.append(f"{key} = {shown}" if name in values else f"# {key} = {shown}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
