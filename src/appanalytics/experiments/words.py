"""The sentences of an experiment's page, in English and Russian. ``{…}`` are filled with formatted text."""

from __future__ import annotations

from dataclasses import dataclass

from appanalytics.experiments.words_en import ENGLISH
from appanalytics.experiments.words_ru import RUSSIAN
from appanalytics.locales import Locale


@dataclass(frozen=True, slots=True)
class Words:
    """One language's texts by key."""

    texts: dict[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, filled."""
        return self.texts[key].format(**values)


def words_of(locale: Locale) -> Words:
    """The texts of a language."""
    return Words(RUSSIAN if locale.code == "ru" else ENGLISH)
