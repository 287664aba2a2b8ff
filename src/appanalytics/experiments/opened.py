"""An experiment of a warehouse, at hand: analyse it, decide on it, move it from state to state.

experiment = app.experiment("feed_ranking")
print(experiment.analyze())
experiment.decide().page("ru").save(folder, "feed_ranking")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from appanalytics.catalog import Catalog
from appanalytics.document import Document
from appanalytics.engine import Engine
from appanalytics.errors import ExperimentError, WarehouseMissing
from appanalytics.experiments import ledger
from appanalytics.experiments.analysis import Analysis
from appanalytics.experiments.decide import Decision, Outcome, decide
from appanalytics.experiments.definition import Experiment, Period, State
from appanalytics.experiments.page import page_of
from appanalytics.experiments.power import Planned, plan
from appanalytics.experiments.rehearse import Rehearsed, rehearse
from appanalytics.experiments.run import analyze, options_of
from appanalytics.experiments.sizes import Sizes, sizes
from appanalytics.experiments.store import store_results, version_of
from appanalytics.progress import Progress, silent
from appanalytics.warehouse.rollup import Layout


@dataclass(frozen=True)
class Decided:
    """A decision with the analysis that it rests on."""

    decision: Decision
    analysis: Analysis = field(repr=False)
    labels: dict[str, str] = field(default_factory=dict, repr=False)

    def page(self, locale: str = "en", *, pictures: bool = True) -> Document:
        """The decision's page in a language."""
        return page_of(self.analysis, locale=locale, pictures=pictures, decision=self.decision, names=self.labels)

    def record(self) -> dict[str, Any]:
        """The decision as a flat record."""
        found = self.decision
        main, impact = found.result.main, found.result.impact
        return {
            "experiment": found.experiment, "variant": found.treatment, "decision": str(found.outcome),
            "step": str(found.step), "details": ", ".join(found.details), "metric": found.result.metric.name,
            "method": found.result.judgement.answers, "control": main.control, "treatment": main.treatment,
            "effect": main.effect, "low": main.low, "high": main.high, "p_value": main.p_value, "p_text": main.p_text,
            "per_day": impact.effect if impact and impact.per_day else None,
            "per_day_low": impact.low if impact and impact.per_day else None,
            "per_day_high": impact.high if impact and impact.per_day else None, "risks": ", ".join(found.risks),
            "checks_failed": ", ".join(str(each.kind) for each in self.analysis.failed),
        }  # fmt: skip

    def __str__(self) -> str:
        return self.page(pictures=False).markdown()

    def _repr_html_(self) -> str:
        return self.page()._repr_html_()


@dataclass(frozen=True)
class OpenExperiment:
    """An experiment's definition over a warehouse.

    ``last_day`` is the last whole day of data; None while there is none. ``clock`` tells the present. ``others`` are
    the registry's other experiments by name.
    """

    engine: Engine = field(repr=False)
    layout: Layout = field(repr=False)
    experiment: Experiment
    first_day: date | None
    last_day: date | None
    clock: Callable[[], datetime] = field(repr=False)
    others: Mapping[str, Experiment] = field(default_factory=dict, repr=False)

    @property
    def catalog(self) -> Catalog:
        """What the metrics mean."""
        return self.layout.catalog

    @property
    def period(self) -> Period:
        """The planned days."""
        return self.experiment.period(self.first_day)

    @property
    def state(self) -> State:
        """Draft, running, stopped or decided."""
        return ledger.state_of(self.engine, self.experiment)

    @property
    def version(self) -> str:
        """Names definition and catalog; stored results carry it."""
        return version_of(self.experiment, self.experiment.catalog_fingerprint(self.catalog))

    def labels(self, locale: str = "en") -> dict[str, str]:
        """The segments' names for people."""
        return {name: self.catalog.dimension(name).label(locale) for name in self.experiment.segments}

    def analyze(
        self, *, as_of: date | None = None, resamples: int = 10_000, seed: int = 1, progress: Progress = silent
    ) -> Analysis:
        """Analyse the whole days of the experiment up to ``as_of`` (the last whole day of data unless given).

        Raises `ExperimentError` where the definition is not the registered one, or no day of it is over yet.
        """
        held = ledger.verify(self.engine, self.experiment, self.catalog)
        return analyze(
            self.engine, self.layout, self.experiment, self.period, self._last(as_of),
            options=options_of(self.experiment, resamples=resamples, seed=seed),
            catalog_hash=self.experiment.catalog_fingerprint(self.catalog),
            held=held, others=self._started(), progress=progress,
        )  # fmt: skip

    def decide(
        self, treatment: str | None = None, *, record: bool = True, locale: str = "en", resamples: int = 10_000,
        seed: int = 1, progress: Progress = silent,
    ) -> Decided:  # fmt: skip
        """Analyse, and apply the written rule to a treatment (the first unless given).

        With ``record`` results and decision are stored, and unless the rule says to go on, the experiment is decided.
        """
        known = self.experiment.treatments
        if treatment is not None and treatment not in known:
            raise ExperimentError(f"{self.experiment.name} has no treatment {treatment!r}", hint=", ".join(known))
        analysis = self.analyze(resamples=resamples, seed=seed, progress=progress)
        found = Decided(decide(analysis, treatment), analysis, self.labels(locale))
        if record:
            now = self.clock()
            store_results(self.engine, analysis, at=now)
            text = found.page(locale, pictures=False).markdown()
            ledger.record_decision(self.engine, self.experiment, self.catalog, found.decision, text, at=now)
            if found.decision.outcome is not Outcome.GO_ON and self.state is not State.DECIDED:
                self._move(State.DECIDED)
        return found

    def power(
        self, *, metrics: Sequence[str] = (), effect: float | None = None, power: float | None = None,
        days: int = 28, treatment: str | None = None, progress: Progress = silent,
    ) -> Planned:  # fmt: skip
        """The smallest effects that so many days show, and the days that an effect needs, from the days before."""
        return plan(
            self.engine, self.layout, self.experiment, self.period, self.first_day, self.last_day, metrics=metrics,
            effect=effect, power=power, days=days, treatment=treatment, progress=progress,
        )  # fmt: skip

    def rehearse(
        self, *, metric: str | None = None, methods: Sequence[str] = (), draws: int = 10_000,
        users_per_arm: int = 500, days: int | None = None, seed: int = 1, progress: Progress = silent,
    ) -> Rehearsed:  # fmt: skip
        """A/A: every method asked in ``draws`` splits of users of the days before, between whom nothing differs."""
        return rehearse(
            self.engine, self.layout, self.experiment, self.period, self.first_day, self.last_day, metric=metric,
            methods=methods, draws=draws, users_per_arm=users_per_arm, days=days, seed=seed, progress=progress,
        )  # fmt: skip

    def split(self, *, dimensions: Sequence[str] | None = None, days: int | None = None) -> Sizes:
        """Sizes and balance of the split on users of the days before, and who is in other experiments."""
        others = {name: (each, each.period(self.first_day)) for name, each in self.others.items()}
        return sizes(
            self.engine, self.layout, self.experiment, self.period, self.first_day, self.last_day, days=days,
            dimensions=dimensions, others=others,
        )  # fmt: skip

    def refresh(self, *, as_of: date | None = None, progress: Progress = silent) -> Analysis:
        """Analyse and put the results into their tables, as dashboards read them."""
        analysis = self.analyze(as_of=as_of, progress=progress)
        store_results(self.engine, analysis, at=self.clock())
        return analysis

    def start(self, *, again: bool = False) -> None:
        """From draft to running; from here on the definition is held. ``again`` registers a changed one."""
        self._move(State.RUNNING, again=again)

    def stop(self) -> None:
        """From running to stopped: nobody is assigned any more, the result stands."""
        if self.state is State.DRAFT:
            raise ExperimentError(f"{self.experiment.name} is a draft", hint="start it first")
        self._move(State.STOPPED)

    def _started(self) -> dict[str, tuple[Experiment, Period]]:
        """The registry's other experiments that were ever started."""
        known = ledger.entries(self.engine) if self.others else {}
        return {name: (each, each.period(self.first_day)) for name, each in self.others.items() if name in known}

    def _move(self, state: State, *, again: bool = False) -> None:
        ledger.move(
            self.engine, self.experiment, self.catalog, self.period, state, at=self.clock(), again=again
        )  # fmt: skip

    def _last(self, as_of: date | None) -> date:
        if self.last_day is None:
            raise WarehouseMissing(
                f"the warehouse {self.engine.url} holds no whole day of events yet",
                hint="appanalytics simulate, or: appanalytics load",
            )
        last = min(as_of, self.last_day) if as_of is not None else self.last_day
        if last < self.period.since:
            over = self.period.since + timedelta(days=1)
            raise ExperimentError(
                f"{self.experiment.name} begins on {self.period.since}, and the last whole day of data is {last}",
                hint=f"there is something to see from {over} on",
            )
        return last
