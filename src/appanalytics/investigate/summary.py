"""Findings in a few sentences: the headline, who explains it, what is ruled out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appanalytics.catalog import Ratio
from appanalytics.investigate.explanation import Verdict
from appanalytics.investigate.words import Speaker

if TYPE_CHECKING:
    from appanalytics.investigate.beside import Items
    from appanalytics.investigate.findings import Findings


def speaker(found: Findings, locale: str) -> Speaker:
    """The language for a finding's metric."""
    return Speaker.of(found.catalog, found.metric, locale)


def is_ratio(found: Findings) -> bool:
    """True for metrics that are divided."""
    return isinstance(found.catalog.quantity(found.metric), Ratio)


def title(found: Findings, say: Speaker) -> str:
    """The metric, its slice and the period."""
    metric = found.catalog.quantity(found.metric).label(say.locale.code)
    if not found.where:
        return say("title", metric=metric, when=say.when(found.target))
    held = ", ".join(str(each) for each in found.where)
    return say("title_slice", metric=metric, slice=held, when=say.when(found.target))


def headline(found: Findings, say: Speaker) -> str:
    """Actual against expected."""
    ratio = is_ratio(found)
    actual = say.number(found.actual, ratio=ratio)
    named = title(found, say)
    if found.expected is None or found.relative is None:
        return say("headline_alone", title=named, actual=actual)
    band = {
        "expected": say.number(found.expected, ratio=ratio),
        "low": say.number(found.low, ratio=ratio),
        "high": say.number(found.high, ratio=ratio),
    }
    if not found.is_unusual:
        return say("headline_usual", title=named, actual=actual, **band)
    relative = say.locale.relative(abs(found.relative)).lstrip("+")
    against = say("below" if found.relative < 0 else "above", relative=relative, **band)
    return say("headline_unusual", title=named, actual=actual, against=against)


def cause(found: Findings, say: Speaker) -> str:
    """Which segments explain it, or why none does."""
    explained = found.explanation
    if explained is None:
        if not found.not_additive:
            return say("no_cells")
        part = found.catalog.quantity(found.not_additive).label(say.locale.code)
        return say("not_additive", part=part)
    if explained.verdict is Verdict.SEGMENTS:
        ratio = is_ratio(found)
        named = [
            f"{say.segment(each.where)} ({say.signed(each.part.contribution, ratio=ratio)})"
            for each in found.segments
        ]
        segments = say.listed(named)
        if explained.general and found.is_unusual:
            return say("explained_and_general", segments=segments, rest=say.locale.relative(explained.rest.effect))
        return say("explained", segments=segments)
    return say("general" if explained.verdict is Verdict.GENERAL and found.is_unusual else "noise")


def out(found: Findings, say: Speaker) -> str:
    """What is ruled out; empty where nothing is."""
    if not found.ruled_out:
        return ""
    return say("ruled_out", dimensions=", ".join(say.dimension(name) for name in found.ruled_out))


def beside(found: Findings, say: Speaker) -> str:
    """Experiment groups and posts, where one of them alone stands out; empty otherwise."""
    parts = []
    if found.group_segments:
        ratio = is_ratio(found)
        named = [
            f"{say.segment(each.where)} ({say.signed(each.part.contribution, ratio=ratio)})"
            for each in found.group_segments
        ]
        parts.append(say("groups_named", segments=say.listed(named)))
    parts += [
        say("item_stands_out", **item_texts(each, say)) for each in found.items if each.stands_out
    ]  # fmt: skip
    return " ".join(parts)


def item_texts(each: Items, say: Speaker) -> dict[str, str]:
    """Words and numbers of the first item."""
    code, points = say.locale.code, say.locale.short_share
    return {
        "dimension": say.dimension(each.dimension), "value": each.first, "share": points(each.share),
        "metric": say.catalog.quantity(each.metric).label(code).lower(), "low": points(each.low),
        "high": points(each.high), "periods": str(each.periods),
    }  # fmt: skip


def known(found: Findings, say: Speaker) -> str:
    """Known events of the period; empty without any."""
    if not found.events:
        return ""
    named = [f"{each.label(say.locale.code)} ({each.kind.label(say.locale.code)})" for each in found.events]
    return say("known", events=say.listed(named))


def sentence(found: Findings, locale: str) -> str:
    """All of it as plain text."""
    say = speaker(found, locale)
    return " ".join(
        part
        for part in (
            headline(found, say),
            cause(found, say),
            out(found, say),
            beside(found, say),
            known(found, say),
        )
        if part
    )
