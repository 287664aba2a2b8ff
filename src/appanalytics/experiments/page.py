"""The page of an experiment: one document for terminal, Markdown and HTML, in English or Russian."""

from __future__ import annotations

from datetime import timedelta

from appanalytics.document import Block, Bullets, Document, Heading, Paragraph, plain
from appanalytics.experiments.analysis import Analysis, Result
from appanalytics.experiments.checks import Check, Kind
from appanalytics.experiments.decide import Decision, Outcome, Step, decide
from appanalytics.experiments.evaluate import ACTIVITY
from appanalytics.experiments.numbers import Writer
from appanalytics.experiments.page_details import (
    check_text,
    checks_table,
    judge_blocks,
    methods_table,
    metrics_table,
    picture_blocks,
    polarisation_blocks,
    segments_blocks,
)
from appanalytics.locales import Locale, locale_of

_ORDER = (Step.TRUST, Step.TIME, Step.HARM, Step.POLARISATION, Step.LOSS, Step.OPEN_GUARDRAIL, Step.GAIN)


def page_of(
    analysis: Analysis, treatment: str | None = None, *, locale: str | Locale = "en", pictures: bool = True,
    decision: Decision | None = None, names: dict[str, str] | None = None,
) -> Document:  # fmt: skip
    """The whole page of a treatment. ``names`` are the dimensions' labels for people."""
    writer = Writer(locale_of(locale))
    made = decision or decide(analysis, treatment)
    main = made.result
    labels = {name: (names or {}).get(name, name) for name in analysis.experiment.segments}
    labels[ACTIVITY] = writer.words("activity")
    blocks: list[Block] = [*verdict_blocks(analysis, made, writer)]
    if main.finding.whole.is_shape_changed:
        blocks += polarisation_blocks(main, writer, labels)
    blocks += picture_blocks(analysis, main, writer, labels) if pictures else []
    blocks += [Heading(writer.words("metrics")), metrics_table(analysis, made.treatment, writer)]
    title = writer.words("methods", metric=main.metric.label(writer.locale.code))
    blocks += [Heading(title), methods_table(main, writer)]
    blocks += judge_blocks(analysis, main, writer)
    blocks += segments_blocks(main, writer, labels)
    blocks += [Heading(writer.words("checks")), checks_table(analysis, writer)]
    blocks += _rule(made, writer)
    name = plain(analysis.experiment.text("title", writer.locale.code))
    return Document(writer.words("title", name=name), tuple(blocks), writer.locale.code)


def verdict_blocks(analysis: Analysis, decision: Decision, writer: Writer) -> list[Block]:
    """The outcome, why, the effect, what it would mean, and what to watch."""
    words, main = writer.words, decision.result
    blocks: list[Block] = [
        Paragraph(f"**{words(decision.outcome).upper()}** — {step_text(analysis, decision, writer)}"),
        Paragraph(effect_text(main, writer)),
    ]
    if impact := impact_text(main, writer):
        blocks.append(Paragraph(impact))
    arms = ", ".join(f"{plain(name)} {writer.locale.decimal(users)}" for name, users in analysis.counts.users.items())
    total = writer.locale.decimal(sum(analysis.counts.users.values()))
    period = ""
    if analysis.period is not None:
        end = analysis.period.until - timedelta(days=1)
        last = min(analysis.last_day or end, end)
        period = words("period", first=analysis.period.since.isoformat(), last=last.isoformat())
    blocks.append(Paragraph(words("facts", users=total, arms=arms, period=period).strip()))
    if hypothesis := analysis.experiment.text("hypothesis", writer.locale.code):
        blocks.append(Paragraph(words("hypothesis", text=plain(hypothesis))))
    if analysis.period is not None and analysis.state == "draft":
        blocks.append(Paragraph(words("state_draft")))
    if decision.risks:
        blocks += [Heading(words("risks")), Bullets(tuple(_risk(analysis, risk, writer) for risk in decision.risks))]
    return blocks


def step_text(analysis: Analysis, decision: Decision, writer: Writer) -> str:
    """Why the rule decided so."""
    words, code = writer.words, writer.locale.code
    main = decision.result
    label = {each.metric.name: each.metric.label(code) for each in analysis.results}
    details = ", ".join(
        words(f"check_{each}") if decision.step is Step.TRUST else plain(label.get(each, each))
        for each in decision.details
    )
    end = analysis.check(Kind.PLANNED_END)
    time = (
        {name: end.numbers[name] for name in ("day", "days", "until")}
        if end
        else {"day": "", "days": "", "until": ""}
    )
    planned = analysis.experiment.plan.effect
    shown = "" if planned is None else writer.percent(-planned if main.metric.good == "down" else planned)
    return words(
        f"step_{decision.step}", details=details, metric=plain(label[main.metric.name]), planned=shown, **time
    )


def effect_text(result: Result, writer: Writer) -> str:
    """Control, treatment, difference, interval and p-value of the method that decides."""
    metric, main = result.metric, result.main
    label = plain(metric.label(writer.locale.code))
    if main.effect is None:
        return writer.words("effect_unknown", metric=label, note=str(main.note or ""))
    return writer.words(
        "effect", metric=label, control=writer.value(metric, main.control),
        treatment=writer.value(metric, main.treatment), effect=writer.effect(metric, main.effect),
        level=writer.share(main.level), low=writer.effect(metric, main.low), high=writer.effect(metric, main.high),
        relative=writer.relative_interval(result.relative), p=writer.p(main.p_text),
        method=writer.method(metric, result.judgement.answers),
    )  # fmt: skip


def impact_text(result: Result, writer: Writer) -> str:
    """What the effect would mean for the whole app; empty where that is not known."""
    impact = result.impact
    if impact is None:
        return ""
    what = result.metric.above_label(writer.locale.code).lower()
    low, high = (writer.locale.decimal(each, sign=True) for each in (impact.low, impact.high))
    return writer.words(
        "impact_day" if impact.per_day else "impact_file", what=what, low=low, high=high,
        effect=writer.locale.decimal(impact.effect, sign=True), today=writer.locale.decimal(impact.today),
    )  # fmt: skip


def _risk(analysis: Analysis, risk: str, writer: Writer) -> str:
    kind, _, name = risk.partition(":")
    label = {each.metric.name: plain(each.metric.label(writer.locale.code)) for each in analysis.results}
    if kind == "check":
        check: Check | None = analysis.check(Kind(name))
        found = check_text(check, writer) if check else ""
        return writer.words("risk_check", check=writer.words(f"check_{name}"), found=found)
    main = label[analysis.experiment.primary]
    return writer.words(f"risk_{kind}", metric=label.get(name, main), dimension=plain(name))


def _rule(decision: Decision, writer: Writer) -> list[Block]:
    """The steps up to the one that decided."""
    words, lines = writer.words, []
    for step in _ORDER:
        if step is decision.step:
            mark = "✔" if decision.outcome is Outcome.SHIP else "✘"
            lines.append(f"{mark} **{words(f'rule_{step}')}** → {words(decision.outcome).lower()}")
            break
        if step is Step.GAIN:
            lines.append(f"✘ {words('rule_gain')}")
            lines.append(f"→ **{words(decision.outcome).lower()}**")
            break
        lines.append(f"✔ {words(f'rule_{step}')}")
    return [Heading(words("rule")), Bullets(tuple(lines))]
