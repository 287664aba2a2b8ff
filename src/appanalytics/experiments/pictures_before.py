"""The picture of a plan: the smallest effect that so many days show."""

from __future__ import annotations

from appanalytics.experiments.numbers import Writer
from appanalytics.experiments.pictures import WIDTH
from appanalytics.experiments.power import MetricPlan
from appanalytics.pictures import BAD, FAMILY, GRID, INK, PALETTE, clean, head, new_figure, png


def length_picture(plan: MetricPlan, aim: float | None, writer: Writer) -> bytes:
    """Smallest relative effect by number of days, without and with CUPED; dashed: the effect that is planned for."""
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(WIDTH, 400)
    axes = figure.subplots()
    clean(axes, size=15)
    for name, colour, key in (
        ("smallest", PALETTE[0], "power_mde"), ("smallest_cuped", PALETTE[1], "power_mde_cuped"),
    ):  # fmt: skip
        points = [(each.days, y) for each in plan.lengths if (y := getattr(each, name)) is not None]
        if points:
            axes.plot(
                *zip(*points, strict=True), "o-", color=colour, linewidth=3, markersize=6, label=writer.words(key)
            )
    if aim is not None:
        axes.axhline(
            aim, color=BAD, linewidth=2, linestyle="--", label=writer.words("power_aimed", effect=writer.share(aim))
        )
    axes.set_ylim(bottom=0)
    axes.set_xlabel(writer.words("power_days"), family=FAMILY, size=14, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(lambda value, _: writer.locale.short_share(value))
    axes.grid(axis="y", color=GRID)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            facecolor="white",
            edgecolor="none",
            framealpha=1,
            loc="upper right",
            prop={"family": FAMILY, "size": 14},
            labelcolor=INK,
        )
    title = f"{plan.metric.label(writer.locale.code)}: {writer.words('power_mde')}"
    head(figure, title, y=0.93, size=19)
    figure.subplots_adjust(left=0.09, right=0.97, top=0.86, bottom=0.16)
    return png(figure)
