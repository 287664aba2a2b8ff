"""Parts of an experiment's page: tables, the judge's reasons, polarisation, segments, pictures."""

from __future__ import annotations

from appanalytics.document import Block, Bullets, Heading, Paragraph, Picture, Table, plain
from appanalytics.experiments import pictures
from appanalytics.experiments.analysis import Analysis, Result
from appanalytics.experiments.checks import Check
from appanalytics.experiments.judge import Reason
from appanalytics.experiments.methods import Asks, asks
from appanalytics.experiments.numbers import Writer
from appanalytics.experiments.polarised import Candidate

_ASKS = {Asks.SUMS: "sums", Asks.USERS: "users_asks", Asks.SHAPE: "shape_asks"}
#: Numbers of reasons that are effects in the metric's unit, and those that are shares.
_EFFECTS = frozenset({"gained", "lost", "sums", "users", "light", "heavy", "plain", "capped"})
_SHARES = frozenset({"index", "top_share", "reduction", "alarms"})


def metrics_table(analysis: Analysis, treatment: str, writer: Writer) -> Table:
    """Every metric of a treatment: values, difference with interval, corrected p-value, verdict."""
    words = writer.words
    head = ("metric", "role", "control", "treatment", "difference", "relative", "adjusted_p", "verdict")
    rows = []
    for each in analysis.of(treatment):
        metric, main = each.metric, each.main
        rows.append(
            (metric.label(writer.locale.code), words(each.role), writer.value(metric, main.control),
             writer.value(metric, main.treatment), writer.interval(metric, main), writer.relative(each.relative),
             writer.p(each.adjusted.p_text), verdict_text(analysis, each, writer))
        )  # fmt: skip
    columns = tuple(words(name) for name in head)
    return Table(columns, tuple(rows), numbers=columns[2:7])


def verdict_text(analysis: Analysis, result: Result, writer: Writer) -> str:
    """What a metric's result says in a word or two."""
    if result.guardrail is not None:
        margin = writer.share(analysis.experiment.guardrails[result.metric.name])
        return writer.words(f"guardrail_{result.guardrail.verdict}", margin=margin)
    if not result.adjusted.is_significant():
        return writer.words("unknown" if result.adjusted.p_value is None else "none")
    return writer.words("up" if (result.main.effect or 0) > 0 else "down")


def methods_table(result: Result, writer: Writer) -> Table:
    """Every method: its question, its effect with interval, its p-value, what it says."""
    words = writer.words
    rows = []
    for name, found in result.answers.comparisons.items():
        rows.append(
            (writer.method(result.metric, name), words(_ASKS[asks(result.metric, name)]),
             writer.of_method(result.metric, name, found), writer.p(found.p_text), _says(result, name, writer))
        )  # fmt: skip
    columns = tuple(words(name) for name in ("method", "asks", "difference", "p", "says"))
    return Table(columns, tuple(rows), numbers=columns[2:4])


def _says(result: Result, method: str, writer: Writer) -> str:
    """What a method says; of one that is not calibrated, that, with its measured share of false alarms."""
    says = result.judgement.says.get(method)
    rate = result.answers.false_alarms.get(method)
    if says is None:
        return ""
    if rate is None or rate.estimate is None:
        return writer.words(says)
    return writer.words("uncalibrated_rate", share=writer.share(rate.estimate), promised=writer.share(1 - rate.level))


def judge_blocks(analysis: Analysis, result: Result, writer: Writer) -> list[Block]:
    """Why methods differ, and which answers."""
    words = writer.words
    label = plain(result.metric.label(writer.locale.code))
    method = writer.method(result.metric, result.judgement.answers)
    kind = "mean" if not result.metric.is_ratio else "users" if result.judgement.answers == "welch" else "ratio"
    items = [reason_text(reason, result, writer) for reason in result.judgement.reasons]
    items.append(words(f"answers_{kind}", metric=label, method=method))
    return [Heading(words("judge")), Bullets(tuple(items))]


def reason_text(reason: Reason, result: Result, writer: Writer) -> str:
    """One reason with its numbers."""
    code = writer.locale.code
    values: dict[str, str] = {
        "metric": plain(result.metric.label(code)),
        "above": plain(result.metric.above_label(code).lower()),
        "below": plain(result.metric.below_label(code).lower()),
    }
    for name, value in reason.numbers.items():
        if isinstance(value, str):
            values[name] = writer.p(value)
        elif name in _SHARES:
            values[name] = writer.share(value)
        elif name in _EFFECTS:
            signed = -value if name == "lost" and value is not None else value
            values[name] = writer.effect(result.metric, signed)
        else:
            values[name] = "–" if value is None else writer.locale.decimal(value, 0 if value == int(value) else 1)
    return writer.words(f"why_{reason.why}", **values)


def polarisation_blocks(result: Result, writer: Writer, names: dict[str, str]) -> list[Block]:
    """How the distribution moved, where its users are now, and which segment splits it."""
    words, finding, metric = writer.words, result.finding, result.metric
    whole = finding.whole
    key = "polarised_numbers" if whole.is_polarised else "shape_numbers"
    lost = None if whole.lost is None else -whole.lost
    text = words(
        key, gained=writer.effect(metric, whole.gained), lost=writer.effect(metric, lost),
        index=writer.share(whole.index), mean_p=writer.p(whole.mean.p_text),
        shape_p=writer.p(whole.distance.p_text), spread_p=writer.p(whole.spread.p_text),
    )  # fmt: skip
    blocks: list[Block] = [Heading(words("polarisation")), Paragraph(text)]
    if finding.low and finding.high:
        ends = dict(
            zip(("low_c", "low_t", "high_c", "high_t"), map(writer.share, (*finding.low, *finding.high)), strict=True)
        )
        blocks.append(Paragraph(words("tails", **ends)))
    blocks += [Paragraph(text) for text in _split_texts(result, writer, names)]
    rows = [
        (each.method.removeprefix("quantile_"), writer.value(metric, each.control),
         writer.value(metric, each.treatment), writer.interval(metric, each))
        for each in finding.quantiles
    ]  # fmt: skip
    columns = tuple(words(name) for name in ("quantile", "control", "treatment", "difference"))
    blocks.append(Table(columns, tuple(rows), numbers=columns))
    return blocks


def _split_texts(result: Result, writer: Writer, names: dict[str, str]) -> list[str]:
    words, finding = writer.words, result.finding
    texts = []
    if finding.split is not None:
        texts.append(words("split_by", **_candidate(finding.split, writer, names)))
        if finding.split.derived:
            texts.append(words("split_derived"))
    partial = sorted(finding.partial, key=lambda each: each.index or 0.0)
    texts += [words("split_partly", **_candidate(each, writer, names)) for each in partial[:2]]
    if any(each.derived for each in partial[:2]) and finding.split is None:
        texts.append(words("split_derived"))
    if finding.split is None:
        asked = ", ".join(plain(names.get(each.dimension, each.dimension)) for each in finding.candidates)
        texts.append(words("split_none", dimensions=asked or "–"))
    return texts


def _candidate(each: Candidate, writer: Writer, names: dict[str, str]) -> dict[str, str]:
    nobody = writer.words("nobody")
    p = "–" if each.adjusted_p is None else f"{each.adjusted_p:.2g}"
    return {
        "dimension": plain(names.get(each.dimension, each.dimension)),
        "winners": plain(", ".join(each.winners)) or nobody,
        "losers": plain(", ".join(each.losers)) or nobody,
        "p": writer.p(p),
        "index": writer.share(each.index),
    }


def segments_blocks(result: Result, writer: Writer, names: dict[str, str]) -> list[Block]:
    """Effects by value of each dimension, with the interaction's p-value."""
    if not result.segments:
        return []
    words, rows = writer.words, []
    for segment in result.segments:
        p = "–" if segment.adjusted_p is None else writer.p(f"{segment.adjusted_p:.3g}")
        for place, (value, found) in enumerate(segment.effects):
            name = names.get(segment.dimension, segment.dimension) if not place else ""
            rows.append(
                (name, value, writer.interval(result.metric, found), writer.p(found.p_text), p if not place else "")
            )
    columns = tuple(words(name) for name in ("segments", "value", "difference", "p", "interaction"))
    return [
        Heading(words("segments")), Paragraph(words("segments_note")),
        Table(columns, tuple(rows), numbers=columns[2:]),
    ]  # fmt: skip


def checks_table(analysis: Analysis, writer: Writer) -> Table:
    """Every check, its status and what it found."""
    words = writer.words
    rows = [(words(f"check_{each.kind}"), words(each.status), check_text(each, writer)) for each in analysis.checks]
    return Table(tuple(words(name) for name in ("check", "status", "found")), tuple(rows))


def check_text(check: Check, writer: Writer) -> str:
    """The numbers of a check."""
    values = {}
    for name, value in check.numbers.items():
        if name == "share" and isinstance(value, float):
            values[name] = writer.share(value)
        elif isinstance(value, int | float):
            values[name] = writer.locale.decimal(value)
        else:
            values[name] = writer.p(value) if name == "p" and value else value or "–"
    return writer.words(f"found_{check.kind}", **values)


def picture_blocks(analysis: Analysis, result: Result, writer: Writer, names: dict[str, str]) -> list[Block]:
    """Distribution, effect by method, by day and by segment."""
    label = result.metric.label(writer.locale.code)
    words, arms = writer.words, (analysis.experiment.control, result.treatment)

    def made(name: str, png: bytes) -> Picture:
        return Picture(name, png, words(f"{name}_alt", metric=label))

    blocks: list[Block] = []
    if result.control_arm.users.users and result.treatment_arm.users.users:
        blocks.append(made("distribution", pictures.distribution_picture(result, writer, arms)))
    blocks.append(made("effect", pictures.effect_picture(result, writer)))
    if len(result.days) > 1:
        blocks.append(made("by_day", pictures.day_picture(result, writer)))
    if result.segments:
        blocks.append(made("segments", pictures.segment_picture(result, writer, names)))
    return blocks
