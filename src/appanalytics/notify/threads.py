"""Incidents as threads: one message that is edited while the incident changes, and an answer when it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from appanalytics.chats import Chat, Severity
from appanalytics.notify.letter import Draft, Kind, Letter
from appanalytics.notify.outbox import Outbox

#: The same message in each language, by locale.
Letters = Mapping[str, Letter]


class Threads:
    """Writes the messages of incidents into the outbox; delivering them is a step of its own.

    Every call may be repeated: what was written is not written again. ``locale`` is that of chats without their own.
    """

    def __init__(self, outbox: Outbox, chats: Sequence[Chat], locale: str) -> None:
        self._outbox = outbox
        self._chats = [chat for chat in chats if chat.alerts]
        self._locale = locale

    def open(self, incident: str, letters: Letters, *, metric: str, severity: Severity | str) -> int:
        """Begin the thread of an incident in every chat that wants its metric and severity; returns new messages."""
        return self.update(incident, letters, metric=metric, severity=severity)

    def update(self, incident: str, letters: Letters, *, metric: str, severity: Severity | str) -> int:
        """Change the thread's first message. A chat without one (the incident has become urgent enough) gets it.

        Nothing is written where the newest message says the same already.
        """
        held = self._held(incident)
        drafts = []
        for chat in self._wanting(metric, Severity(severity)):
            letter = letters[chat.locale or self._locale]
            messages = held.get(chat.name, [])
            if not messages or messages[-1] != letter:
                kind = Kind.EDIT if messages else Kind.SEND
                drafts.append(self._draft(incident, chat, len(messages), kind, letter))
        return self._outbox.write(drafts)

    def resolve(self, incident: str, letters: Letters) -> int:
        """Answer the thread's first message, wherever there is one: the incident is over."""
        held = self._held(incident)
        known = {chat.name: chat for chat in self._chats}
        drafts = []
        for name, messages in held.items():
            letter = letters[known[name].locale or self._locale] if name in known else None
            if letter is not None and messages[-1] != letter:
                drafts.append(self._draft(incident, known[name], len(messages), Kind.REPLY, letter))
        return self._outbox.write(drafts)

    def told(self, incident: str) -> list[Letter]:
        """What the first chat that knows of an incident was told, in order; nothing when none does."""
        return next(iter(self._held(incident).values()), [])

    def _held(self, incident: str) -> dict[str, list[Letter]]:
        """What each chat was told of an incident, in order."""
        held: dict[str, list[Letter]] = {}
        for chat, letter in self._outbox.thread(f"incident/{incident}"):
            held.setdefault(chat, []).append(letter)
        return held

    def _wanting(self, metric: str, severity: Severity) -> list[Chat]:
        return [chat for chat in self._chats if chat.wants(metric) and severity.rank >= chat.severity.rank]

    def _draft(self, incident: str, chat: Chat, number: int, kind: Kind, letter: Letter) -> Draft:
        thread = f"incident/{incident}"
        return Draft(f"{thread}/{number}/{chat.name}", chat.name, letter, kind, thread)
