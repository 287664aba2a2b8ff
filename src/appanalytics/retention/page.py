"""The page about retention: conclusion, pictures, tables; in English or Russian."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from appanalytics.document import Block, Bullets, Document, Heading, Paragraph, Picture, Table, plain
from appanalytics.known_events import KnownEvents
from appanalytics.locales import Locale, locale_of
from appanalytics.pictures import png
from appanalytics.retention.compare import Driver, RetentionComparison, Verdict
from appanalytics.retention.pictures import curves, differences, heatmap, slice_text
from appanalytics.retention.triangle import Triangle
from appanalytics.retention.words import Words, words_of
from appanalytics.stats import Comparison

_SHOWN_STEPS = (1, 2, 3, 4, 5, 6, 7, 10, 14, 20, 21, 28, 30, 45, 60, 90)
MOST_HEATMAPS = 6


def triangle_page(
    triangle: Triangle, *, locale: str | Locale = "en", pictures: bool = True, label: str | None = None,
    notes: Mapping[date, str] | None = None,
) -> Document:  # fmt: skip
    """The triangle of each slice, the curve, and heatmaps. ``label`` names the dimension for people."""
    words = words_of(language := locale_of(locale))
    by = triangle.question.by
    title = words("title_by", dimension=plain(label or ", ".join(by))) if by else words("title_plain")
    blocks: list[Block] = []
    if pictures and triangle.curve():
        blocks.append(Picture("curve", png(curves(triangle, locale=language)), words("curve_alt")))
    for number, values in enumerate(triangle.slices):
        name = slice_text(triangle, values, words)
        blocks.append(Heading(plain(name)))
        if pictures and number < MOST_HEATMAPS:
            picture = png(heatmap(triangle, values, locale=language, notes=notes))
            blocks.append(Picture(f"cohorts-{number + 1}", picture, words("heatmap_alt", name=name)))
        head, rows = triangle.grid(values, most=11)
        head[0], head[1], rows[-1][0] = words("cohort"), words("users"), words("all")
        blocks.append(Table(tuple(head), tuple(map(tuple, rows)), tuple(head[1:])))
    if not all(cell.complete for cell in triangle.cells):
        blocks.append(Paragraph(plain(words("incomplete"))))
    return Document(title, tuple(blocks), language.code)


def event_notes(triangle: Triangle, known: KnownEvents, locale: str | Locale = "en") -> dict[date, str]:
    """Names of known events by the cohort on whose days they began."""
    language = locale_of(locale)
    window = triangle.question.window
    found: dict[date, str] = {}
    for event in known.during(window):
        day = max(event.days(window.zone)[0], window.first_day)
        cohort = triangle.question.cohort(day)
        found[cohort] = ", ".join(filter(None, (found.get(cohort), event.label(language.code))))
    return found


def comparison_page(
    found: RetentionComparison, *, locale: str | Locale = "en", pictures: bool = True, label: str | None = None
) -> Document:  # fmt: skip
    """The verdict with its numbers, what drives it, pictures of both groups, and the difference at each step."""
    words = words_of(language := locale_of(locale))
    texts = conclusion(found, locale=language)
    blocks: list[Block] = [Paragraph(text) for text in texts]
    if found.drivers:
        items = tuple(_driver(each, found, words, language) for each in found.drivers)
        blocks += [Heading(words("drivers")), Bullets(items)]
    if pictures and found.steps:
        blocks.append(Picture("curve", png(curves(found.triangle, locale=language)), words("curve_alt")))
        blocks.append(Picture("difference", png(differences(found, locale=language)), words("difference_alt")))
    if found.steps:
        blocks += [Heading(words("differences")), _steps(found, words, language)]
    notes = {each.cohort: ", ".join(event.label(language.code) for event in each.events) for each in found.drivers}
    if pictures:
        for values, name in zip(found.triangle.slices, ("control", "treatment"), strict=False):
            alt = words("heatmap_alt", name=slice_text(found.triangle, values, words))
            picture = png(heatmap(found.triangle, values, locale=language, notes=notes))
            blocks += [Heading(plain(slice_text(found.triangle, values, words))), Picture(name, picture, alt)]
    title = words(
        "title", dimension=plain(label or found.dimension), treatment=plain(found.treatment),
        control=plain(found.control),
    )  # fmt: skip
    return Document(title, tuple(blocks), language.code)


def conclusion(found: RetentionComparison, *, locale: str | Locale = "en") -> list[str]:
    """The verdict in sentences, with inline Markdown: the difference, on which cohorts it leans, how it was found."""
    words = words_of(language := locale_of(locale))
    names = {"control": plain(found.control), "treatment": plain(found.treatment)}
    if found.verdict is Verdict.NOTHING_TO_COMPARE:
        return [words("nothing_to_compare", **names)]
    step = words(f"mean_{found.triangle.question.step}")
    texts = [words(found.verdict, **names, step=step, **_filled(found.without, found.verdict, language))]
    if found.drivers:
        count = words("one_cohort") if len(found.drivers) == 1 else words("some_cohorts", n=len(found.drivers))
        texts.append(words("without", count=count, **_filled(found.overall, None, language)))
    else:
        texts.append(words("no_drivers"))
    first, last = found.steps[0], found.steps[-1]
    if last.step > first.step:
        shown = {"first": language.points(first.without.effect), "last": language.points(last.without.effect)}
        texts.append(words("by_step", last_step=last.step, **shown))
    users = [sum(getattr(each, arm).users for each in found.strata) for arm in ("control", "treatment")]
    counts = {"control_users": language.decimal(users[0]), "treatment_users": language.decimal(users[1])}
    texts.append(words("method", **names, cohorts=len(found.strata), **counts))
    return texts


def _filled(found: Comparison, verdict: Verdict | None, language: Locale) -> dict[str, str]:
    effect = found.effect or 0.0
    shown = abs(effect) if verdict in (Verdict.HIGHER, Verdict.LOWER) else effect
    text = language.points(shown)
    return {
        "effect": text.removeprefix("+") if verdict in (Verdict.HIGHER, Verdict.LOWER) else text,
        "low": language.points(found.low), "high": language.points(found.high), "p": _p(found, " = ", " < ").strip(),
        "level": language.short_share(found.level), "control_share": language.number(found.control, "share"),
        "treatment_share": language.number(found.treatment, "share"),
    }  # fmt: skip


def _p(found: Comparison, equal: str = "", less: str = "<") -> str:
    """The p-value; beyond what anybody can tell apart only that it is smaller."""
    tiny = found.log10_p is not None and found.log10_p < -300
    return f"{less}1e-300" if tiny else f"{equal}{found.p_text}"


def _driver(each: Driver, found: RetentionComparison, words: Words, language: Locale) -> str:
    names = ", ".join(plain(event.label(language.code)) for event in each.events)
    return words(
        "driver", cohort=f"**{each.cohort.isoformat()}**", users=language.decimal(each.users),
        group=plain(each.group), step=words(f"next_{found.triangle.question.step}"),
        share=language.number(each.share.estimate, "share"), low=language.number(each.share.low, "share"),
        high=language.number(each.share.high, "share"), usual=language.number(each.usual.estimate, "share"),
        events=words("events", names=names) if names else "",
    )  # fmt: skip


def _steps(found: RetentionComparison, words: Words, language: Locale) -> Table:
    steps = [each for each in found.steps if each.step in _SHOWN_STEPS or len(found.steps) <= 20]
    rows = tuple(
        (
            str(each.step), str(each.cohorts), language.number(each.comparison.control, "share"),
            language.number(each.comparison.treatment, "share"), language.points(each.comparison.effect),
            f"{language.points(each.comparison.low)} … {language.points(each.comparison.high)}",
            _p(each.comparison), *([language.points(each.without.effect)] if found.drivers else []),
        )
        for each in steps
    )  # fmt: skip
    more = (words("without_them"),) if found.drivers else ()
    head = (
        words("step"), words("cohorts"), found.control, found.treatment, words("difference"), words("interval"), "p",
        *more,
    )  # fmt: skip
    return Table(head, rows, head)
