"""An explanation as text for a terminal or a notebook."""

from __future__ import annotations

from appanalytics.investigate.explanation import Explanation, Part, Verdict


def as_text(found: Explanation) -> str:
    """A headline, one line for each segment and for the rest, then what was ruled out."""
    lines = [_headline(found), _summary(found)]
    rows = [(segment.name, segment.part) for segment in found.segments]
    if rows:
        rows.append(("everything else", found.rest))
        width = max(len(name) for name, _ in rows)
        lines += [f"  {name:<{width}}  {_part(found, part)}" for name, part in rows]
    apart = found.rate_and_mix
    if apart is not None:
        lines.append(f"rate effect {_signed(found, apart.rate)}, mix effect {_signed(found, apart.mix)}")
    out = [f"{each.dimension} (at most {each.bound:.0%} of the change)" for each in found.rulings if each.ruled_out]
    if out:
        lines.append("ruled out: " + ", ".join(out))
    open_ = [f"{each.dimension} (up to {each.bound:.0%})" for each in found.rulings if not each.ruled_out]
    if open_:
        lines.append("not ruled out: " + ", ".join(open_))
    return "\n".join(lines)


def _headline(found: Explanation) -> str:
    whole = found.whole
    before = whole.expected if found.baseline is None else found.baseline
    word = "expected" if found.baseline is None else "before"
    relative = f" ({found.change / before:+.1%})" if before else ""
    now = _number(found, whole.actual)
    return f"{now} against {_number(found, before)} {word}: {_signed(found, found.change)}{relative}"


def _summary(found: Explanation) -> str:
    if found.verdict is Verdict.NOISE:
        return "no segment explains it: nothing is beyond noise"
    if found.verdict is Verdict.GENERAL:
        return f"no segment explains it: everything changed alike {_interval(found.whole)}"
    count = len(found.segments)
    also = "; everything else changed, too" if found.general else ""
    return f"explained by {count} segment{'s' if count > 1 else ''}{also}"


def _part(found: Explanation, part: Part) -> str:
    share = f"  {_percent(part.share)} of the change" if part.share is not None else ""
    numbers = f"{_number(found, part.actual)} against {_number(found, part.expected)}"
    return f"{numbers:>24}  {_signed(found, part.contribution):>9}{share:>24}  {_interval(part)}".rstrip()


def _interval(part: Part) -> str:
    if part.effect is None or part.low is None or part.high is None:
        return ""
    return f"{_percent(part.effect)} [{_percent(part.low)} … {_percent(part.high)}]"


def _percent(share: float) -> str:
    # Adding 0.0 turns the -0.0 of rounding into 0.0.
    return f"{round(share, 3) + 0.0:+.1%}"


def _number(found: Explanation, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if found.baseline is None else f"{value:.4f}"


def _signed(found: Explanation, value: float) -> str:
    return f"{round(value) + 0:+,}" if found.baseline is None else f"{round(value, 4) + 0.0:+.4f}"
