"""Pictures of answers: what is drawn for which question. How they look is judged by eye."""

from __future__ import annotations

import builtins
from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from appanalytics import pictures
from appanalytics.catalog import Catalog, load_catalog
from appanalytics.errors import SettingsError
from appanalytics.pictures import drawable, png
from appanalytics.query import Answer, Question
from appanalytics.query.plot import _apart, _stretches
from appanalytics.window import Window

MOSCOW = ZoneInfo("Europe/Moscow")
FIRST = date(2026, 10, 1)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def answer(
    catalog: Catalog, metrics: list[str], days: int = 10, slices: tuple[str | None, ...] = (), **asked: Any
) -> Answer:
    """An answer with made-up values; the last day is incomplete."""
    window = Window.of(FIRST, FIRST + timedelta(days=days), MOSCOW)
    question = Question.of(catalog, metrics, window, by=["source"] if slices else [], **asked)
    records = []
    for number in range(days if asked.get("grain") else 1):
        for place, name in enumerate(slices or ("",)):
            record: dict[str, Any] = {"time": (FIRST + timedelta(days=number)).isoformat()}
            record |= {"source": name} if slices else {}
            for metric in metrics:
                value = 0.2 + number / 100 if metric == "ctr" else (number + 1) * (place + 1) * 10
                record |= {metric: value, f"{metric}_before": value, f"{metric}_change": 0.0}
            records.append({**record, "complete": number < days - 1})
    units = {metric: catalog.quantity(metric).unit for metric in metrics}
    return Answer(question, tuple(records), units)


def texts(figure: Any) -> list[str]:
    from matplotlib.text import Text

    return [each.get_text() for each in figure.findobj(Text) if each.get_text()]


def test_one_metric_over_time(catalog: Catalog) -> None:
    figure = answer(catalog, ["dau"], grain="day").plot()
    (axes,) = figure.axes
    solid, dashed = axes.lines[:2]
    assert (len(solid.get_xdata()), len(dashed.get_xdata())) == (9, 2)
    assert dashed.is_dashed()
    assert not solid.is_dashed()
    assert list(solid.get_ydata()) == [10.0 * (number + 1) for number in range(9)]
    assert axes.get_ylim()[0] == 0
    assert any("pale: not complete" in text for text in texts(figure))


def test_a_panel_for_each_unit(catalog: Catalog) -> None:
    figure = answer(catalog, ["views", "likes", "ctr"], grain="day").plot()
    assert [axes.get_title("left") for axes in figure.axes] == ["events", "share"]
    assert {"views", "likes", "ctr"} <= set(texts(figure))


def test_slices_are_named_and_too_many_are_grey(catalog: Catalog) -> None:
    few = texts(answer(catalog, ["views"], slices=("ads", None), grain="day").plot())
    assert {"ads", "unknown"} <= set(few)
    many = texts(
        answer(catalog, ["views"], slices=tuple(f"s{number:02}" for number in range(30)), grain="day").plot()
    )
    assert "s29" in many
    assert "s00" not in many
    assert "and 22 more in grey" in many


def test_a_comparison_lies_behind(catalog: Catalog) -> None:
    figure = answer(catalog, ["views"], grain="day", compare="week").plot()
    assert any("grey: the week before" in text for text in texts(figure))
    assert figure.axes[0].lines[0].get_color() == pictures.FAINT


def test_bars_of_a_total(catalog: Catalog) -> None:
    figure = answer(catalog, ["views", "ctr"], slices=("ads", "organic")).plot()
    assert [len(axes.patches) for axes in figure.axes] == [2, 2]
    assert {"ads", "organic", " 10", " 20", " 20.0%"} <= set(texts(figure))
    alone = answer(catalog, ["views"], compare="previous").plot()
    assert "total" in texts(alone)
    many = answer(catalog, ["views"], slices=tuple(f"s{number}" for number in range(1030))).plot()
    assert "and 1,005 more" in texts(many)


@pytest.mark.parametrize("asked", [{"grain": "day"}, {}])
def test_no_records_and_no_values(catalog: Catalog, asked: dict[str, str]) -> None:
    full = answer(catalog, ["ctr"], **asked)
    nothing = Answer(full.question, (), full.units)
    nulls = Answer(full.question, tuple({**record, "ctr": None} for record in full.records), full.units)
    for each in (nothing, nulls):
        assert png(each.plot()).startswith(b"\x89PNG")


def test_instants_through_a_change_of_clocks(catalog: Catalog) -> None:
    zone = ZoneInfo("Europe/Berlin")
    window = Window.of("2026-10-25", "2026-10-26", zone)
    question = Question.of(catalog, ["views"], window, grain="hour")
    from appanalytics.query.timeline import Timeline

    labels = Timeline.of(question).labels
    records = tuple({"time": label, "views": place, "complete": True} for place, label in enumerate(labels))
    (axes,) = Answer(question, records, {"views": "events"}).plot().axes
    times = axes.lines[0].get_xdata()
    assert len(times) == 25
    assert all(later - sooner == timedelta(hours=1) for sooner, later in pairwise(times))


def test_equal_answers_give_equal_bytes_and_notebooks_see_them(catalog: Catalog) -> None:
    asked = answer(catalog, ["views"], grain="day")
    assert png(asked.plot()) == asked.plot()._repr_png_()


def test_pyplot_is_never_touched() -> None:
    import subprocess
    import sys

    draw = "import sys, appanalytics.pictures as p; p.png(p.new_figure(9, 9))"
    code = f"{draw}; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_matplotlib_the_error_says_what_to_install(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError("No module named 'matplotlib'")
        return real(name, *args, **kwargs)

    pictures._figure_class.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsError, match=r"pip install 'appanalytics\[pictures\]'"):
        answer(catalog, ["views"]).plot()


def test_stretches_and_places() -> None:
    assert _stretches([False, True, True, True, False]) == [(0, 1, False), (1, 3, True), (3, 4, False)]
    assert _stretches([True]) == _stretches([]) == []
    assert _apart([0.9, 0.89, 0.02, 0.01], 0.1) == pytest.approx([0.9, 0.8, 0.1, 0.0])


def test_what_can_be_drawn() -> None:
    assert drawable("🎯 CTR $1") == r"CTR \$1"
    assert drawable("Жё\nя") == "Жё\nя"


def test_an_answer_of_many_records_is_no_value_and_is_cut_as_text(catalog: Catalog) -> None:
    found = answer(catalog, ["views"], days=50, grain="day")
    with pytest.raises(ValueError, match="the answer has 50 records, not one"):
        found.value()
    assert "… 10 more" in repr(found)
