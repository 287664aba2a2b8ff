"""Pages of what is done before the start: the split, the plan, the A/A rehearsal."""

from __future__ import annotations

from datetime import timedelta

from appanalytics.document import Block, Bullets, Document, Heading, Paragraph, Picture, Table, plain
from appanalytics.experiments.definition import Experiment
from appanalytics.experiments.numbers import Writer
from appanalytics.experiments.pictures import rehearsal_picture
from appanalytics.experiments.pictures_before import length_picture
from appanalytics.experiments.power import MetricPlan, Planned
from appanalytics.experiments.rehearse import Rehearsed, verdict
from appanalytics.experiments.sizes import Balance, Sizes
from appanalytics.locales import NOTHING, Locale, locale_of
from appanalytics.stats import ALARM

#: Values of a dimension, and days of a plan, that a page shows.
MOST_ROWS = 12


def rehearsal_page(found: Rehearsed, *, locale: str | Locale = "en", pictures: bool = True) -> Document:
    """The A/A rehearsal: false alarms of each method with interval, histograms, and the arms before the start."""
    writer = Writer(locale_of(locale))
    words, metric, alpha = writer.words, found.metric, 1 - found.level
    number = writer.locale.decimal
    label = plain(metric.label(writer.locale.code))
    intro = words(
        "aa_intro", draws=number(found.draws), users=number(found.users_per_arm), population=number(found.population),
        alpha=number(alpha, 2), alpha_share=writer.share(alpha),
    )  # fmt: skip
    columns = tuple(words(name) for name in ("method", "aa_rate", "interval", "aa_uniform", "says"))
    rows = tuple(
        (writer.method(metric, each.method), writer.share(each.false_positives.estimate),
         f"{writer.share(each.false_positives.low)} … {writer.share(each.false_positives.high)}",
         writer.p(each.uniform.p_text), words(f"aa_{verdict(each, found.level)}"))
        for each in found.methods
    )  # fmt: skip
    blocks: list[Block] = [
        Paragraph(intro),
        Paragraph(_days(found, writer)),
        Table(columns, rows, numbers=columns[1:4]),
    ]
    if pictures and found.methods:
        picture = rehearsal_picture(found.methods, metric, writer, found.level)
        blocks.append(Picture("aa", picture, words("aa_alt", draws=number(found.draws))))
    blocks.append(Heading(words("aa_split")))
    blocks.append(Paragraph(words("aa_split_note", metric=label)))
    blocks.append(
        Bullets(
            tuple(
                f"{plain(name)}: {writer.interval(metric, each)}, p = {writer.p(each.p_text)}"
                for name, each in found.split.items()
            )
        )
    )
    return Document(words("aa_title", metric=label), tuple(blocks), writer.locale.code)


def plan_page(found: Planned, *, locale: str | Locale = "en", pictures: bool = True) -> Document:
    """The plan: for each metric the smallest effect by days, with and without CUPED, and how many days are enough."""
    writer = Writer(locale_of(locale))
    words = writer.words
    blocks: list[Block] = [Paragraph(_days(found, writer))]
    for each in found.metrics:
        label = plain(each.metric.label(writer.locale.code))
        aim = each.effect
        blocks += [Heading(label), Paragraph(_plan_text(found, each, aim, writer))]
        if pictures:
            picture = length_picture(each, aim, writer)
            blocks.append(Picture(f"plan-{each.metric.name}", picture, words("power_alt", metric=label)))
        blocks.append(_plan_table(each, aim, writer))
    return Document(words("power_title", name=_title(found.experiment, writer)), tuple(blocks), writer.locale.code)


def split_page(found: Sizes, *, locale: str | Locale = "en") -> Document:
    """The split: sizes, balance by dimension, other experiments."""
    writer = Writer(locale_of(locale))
    words, number = writer.words, writer.locale.decimal
    total, weights = sum(found.users.values()), found.experiment.weights
    columns = tuple(words(name) for name in ("variant", "users", "expected"))
    rows = tuple(
        (name, number(users), number(total * weights[name] / sum(weights.values())))
        for name, users in found.users.items()
    )
    test = found.ratio.test
    key = "split_uneven" if found.ratio.is_mismatched else "split_even"
    blocks: list[Block] = [
        Paragraph(_days(found, writer)),
        Table(columns, rows, numbers=columns[1:]),
        Paragraph(words(key, p=writer.p(test.p_text), alarm=number(ALARM, 3))),
    ]
    if found.experiment.assignment.layer:
        blocks.append(Paragraph(words("split_outside", users=number(found.outside))))
    if found.balances:
        blocks += [Heading(words("split_balance")), _balance_table(found, writer)]
    blocks += [Heading(words("check_other_experiments")), *_overlaps(found, writer)]
    return Document(words("split_title", name=_title(found.experiment, writer)), tuple(blocks), writer.locale.code)


def _plan_text(found: Planned, each: MetricPlan, aim: float | None, writer: Writer) -> str:
    words = writer.words
    last = each.lengths[-1]
    text = words(
        "power_intro", until=found.past.until.isoformat(), metric=plain(each.metric.label(writer.locale.code)),
        power=writer.share(found.power), level=writer.share(found.level),
    )  # fmt: skip
    if aim is not None:
        effect = writer.share(aim)
        for enough, kind in ((each.enough, ""), (each.enough_cuped, "_cuped")):
            if kind and each.reduction is None:
                continue
            key = f"power_enough{kind}" if enough is not None else f"power_never{kind}"
            text += " " + words(key, effect=effect, days=enough if enough is not None else last.days)
    if each.reduction is not None:
        text += " " + words("power_reduction", reduction=writer.share(each.reduction))
    return text


def _plan_table(each: MetricPlan, aim: float | None, writer: Writer) -> Table:
    words, number = writer.words, writer.locale.decimal
    effect = NOTHING if aim is None else writer.share(aim)
    columns = (
        words("power_days"), words("control"), words("treatment"), words("power_mde"), words("power_mde_cuped"),
        words("power_at", effect=effect), words("power_needed", effect=effect),
    )  # fmt: skip
    step = -(-len(each.lengths) // MOST_ROWS)
    shown = [place for place in range(len(each.lengths)) if (len(each.lengths) - 1 - place) % step == 0]
    rows = tuple(
        (number(one.days), number(one.users_control), number(one.users_treatment), writer.share(one.smallest),
         writer.share(one.smallest_cuped), writer.share(one.power),
         NOTHING if one.needed is None else number(one.needed))
        for one in (each.lengths[place] for place in shown)
    )  # fmt: skip
    return Table(columns, rows, numbers=columns)


def _balance_table(found: Sizes, writer: Writer) -> Table:
    words, number = writer.words, writer.locale.decimal
    arms = tuple(found.users)
    columns = (words("segments"), words("value"), *arms, words("split_balance_p"))
    rows = []
    for each in found.balances:
        for place, (value, users) in enumerate(list(each.users.items())[:MOST_ROWS]):
            first = place == 0
            p = each.adjusted_p
            shown = NOTHING if p is None else number(p, 3)
            rows.append(
                (
                    each.dimension if first else "",
                    value,
                    *(_part(each, arm, users[arm], found, writer) for arm in arms),
                    shown if first else "",
                )
            )
    return Table(columns, tuple(rows), numbers=columns[2:])


def _part(each: Balance, arm: str, users: int, found: Sizes, writer: Writer) -> str:
    whole = found.users[arm]
    return f"{writer.locale.decimal(users)} ({writer.share(users / whole if whole else None)})"


def _overlaps(found: Sizes, writer: Writer) -> list[Block]:
    words, number = writer.words, writer.locale.decimal
    if not found.overlaps:
        return [Paragraph(words("split_alone"))]
    items = []
    for each in found.overlaps:
        broken = each.test.p_value is not None and each.test.p_value < ALARM
        key = "split_not_together" if not each.together else "split_dependent" if broken else "split_independent"
        items.append(words(key, name=plain(each.experiment), users=number(each.shared), p=writer.p(each.test.p_text)))
    return [Bullets(tuple(items))]


def _days(found: Rehearsed | Planned | Sizes, writer: Writer) -> str:
    past = found.past
    last = past.until - timedelta(days=1)
    return writer.words("past_days", days=past.days, first=past.since.isoformat(), last=last.isoformat())


def _title(experiment: Experiment, writer: Writer) -> str:
    return plain(experiment.text("title", writer.locale.code))
