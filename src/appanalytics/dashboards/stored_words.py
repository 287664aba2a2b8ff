"""What the codes of stored results are called: states, roles, checks, methods, in both languages."""

from __future__ import annotations

from appanalytics.experiments.methods import ASKS
from appanalytics.experiments.words import words_of
from appanalytics.experiments.words_en import ENGLISH
from appanalytics.locales import locale_of

#: Methods whose effect is a difference on the metric's own scale, so that their intervals can stand side by side.
SAME_SCALE = (
    "delta", "welch", "cuped", "poisson_bootstrap", "smoothed", "smoothed_own_prior", "buckets_welch", "winsorised",
    "always_valid",
)  # fmt: skip
#: Ends the names of methods whose effect is a share of the control's value, so that metrics can stand side by side.
RELATIVE = "_relative"
_CHECKS = ("sample_ratio", "segment_ratio", "two_variants", "without_activity", "unexposed", "planned_end",
           "planned_size", "definition", "other_experiments")  # fmt: skip
_RISKS = ("check", "polarised", "shape", "guardrail_open", "secondary_worse", "segment")
_STEPS = {
    "en": {"trust": "the numbers cannot be trusted", "time": "the planned end is not reached",
           "harm": "a guardrail is broken", "polarisation": "the metric is polarised", "loss": "it became worse",
           "open_guardrail": "a guardrail is not shown to hold", "gain": "it became better",
           "not_enough": "too few users yet", "too_small": "an effect as large as planned is ruled out",
           "nothing": "no difference is shown"},
    "ru": {"trust": "числам нельзя верить", "time": "до запланированного конца не дошли",
           "harm": "нарушена защитная метрика", "polarisation": "метрика поляризована", "loss": "стало хуже",
           "open_guardrail": "не показано, что защитная метрика держится", "gain": "стало лучше",
           "not_enough": "пользователей пока мало", "too_small": "эффект не меньше планового исключён",
           "nothing": "разницы не видно"},
}  # fmt: skip
_STATES = {
    "en": {"do_not_ship": "do not ship", "go_on": "go on", "none": "no difference", "changed": "shape changed"},
    "ru": {
        "ship": "выкатывать", "do_not_ship": "не выкатывать", "go_on": "продолжать",
        "primary": "главная", "guardrail": "защитная", "secondary": "дополнительная",
        "ok": "в порядке", "warning": "предупреждение", "failed": "нарушено", "skipped": "пропущено",
        "holds": "держится", "broken": "нарушена", "open": "не показано",
        "up": "рост", "down": "падение", "none": "разницы не видно", "changed": "изменилась форма",
        "pending": "не подтверждён", "firing": "идёт", "recovering": "затихает", "resolved": "закончился",
        "critical": "критический", "info": "к сведению", "metric": "метрика", "data": "данные",
        "unknown": "–", "": "",
    },
}  # fmt: skip


def methods(locale: str) -> dict[str, str]:
    """Statistical methods by code."""
    say = words_of(locale_of(locale))
    words = {"metric": "", "above": "", "below": ""}
    return {
        code: " ".join(say(code, **words).replace(" (α = 5),", ",").replace(" ,", ",").split())
        for code in dict.fromkeys((*ASKS, *(key for key in ENGLISH if key.endswith(RELATIVE))))
    }


def checks(locale: str) -> dict[str, str]:
    """Checks of an experiment by code."""
    say = words_of(locale_of(locale))
    return {code: say(f"check_{code}") for code in _CHECKS}


def risks(locale: str) -> dict[str, str]:
    """Sentences about what to watch, by kind; `{metric}`, `{dimension}`, `{check}` stand for what it is about."""
    texts = words_of(locale_of(locale)).texts
    return {kind: texts[f"risk_{kind}"].replace(": {found}", ".") for kind in _RISKS}


def steps(locale: str) -> dict[str, str]:
    """Steps of the rule of decisions by code."""
    return _STEPS["ru" if locale == "ru" else "en"]


def states(locale: str) -> dict[str, str]:
    """All other codes: states, roles, directions, verdicts. A code that is not here is shown as it is."""
    return _STATES["ru" if locale == "ru" else "en"]
