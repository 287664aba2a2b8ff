"""Tail probabilities that do not underflow: natural logarithms of two-sided or upper tails.

A p-value computed as ``1 - cdf`` is 0 from about 1e-16 on, and as a float from about 1e-308 on. Here the logarithm
is computed: from the survival function while it is a normal float, from a continued fraction below. Sources: the
incomplete beta and gamma functions and their continued fractions, NIST Digital Library of Mathematical Functions
8.17.22 and 8.9.2, evaluated by Lentz's method (Thompson & Barnett 1986).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from appanalytics.errors import StatisticsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SAFE = 1e-290  # above it a float has all its digits
_TINY = 1e-300
#: Quantiles of the usual levels of intervals (90, 95, 99 %), as scipy has them: a command need not import it for one.
_QUANTILES = {0.95: 1.6448536269514722, 0.975: 1.959963984540054, 0.995: 2.5758293035489004}


def normal_tail(z: float) -> float:
    """Natural logarithm of P(|Z| ≥ |z|) of a standard normal Z."""
    from scipy import special

    return min(0.0, math.log(2) + float(special.log_ndtr(-abs(z))))


def student_tail(t: float, df: float) -> float:
    """Natural logarithm of P(|T| ≥ |t|) of Student's t; ``df`` > 0, ``inf`` is the normal."""
    if math.isinf(df):
        return normal_tail(t)
    if math.isinf(t):
        return -math.inf
    square = t * t
    return _log_beta_tail(df / 2, 0.5, df / (df + square), square / (df + square))


def fisher_tail(f: float, df_above: float, df_below: float) -> float:
    """Natural logarithm of P(F ≥ f) of Fisher's F."""
    if math.isinf(f):
        return -math.inf
    above, below = df_above * f, df_below
    return _log_beta_tail(df_below / 2, df_above / 2, below / (below + above), above / (below + above))


def chi_square_tail(x: float, df: float) -> float:
    """Natural logarithm of P(X ≥ x) of chi-square."""
    from scipy import special

    if math.isinf(x):
        return -math.inf
    tail = float(special.gammaincc(df / 2, x / 2))
    if tail > _SAFE:
        return math.log(tail)
    shape, half = df / 2, x / 2
    terms = ((-k * (k - shape), half + 2 * k + 1 - shape) for k in _from_one())
    return -half + shape * math.log(half) - math.lgamma(shape) - math.log(_lentz(half + 1 - shape, terms))


def kolmogorov_tail(distance: float, effective: float) -> float:
    """Natural logarithm of P(D ≥ distance) of the two-sided Kolmogorov statistic of ``effective`` observations.

    The exact distribution for the rounded number (Simard & L'Ecuyer 2011), as scipy's asymptotic two-sample test
    takes it. Where that underflows, the bound ``2 exp(-2 n d²)`` of Massart (1990), which is never too small.
    """
    from scipy import stats

    users = max(1, round(effective))
    tail = float(stats.kstwo.sf(distance, users))
    if tail > _SAFE:
        return min(0.0, math.log(tail))
    return min(0.0, math.log(2) - 2 * users * distance * distance)


def student_tails(t: NDArray[np.float64], df: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(|T| ≥ |t|) of many at once; ordinary p-values, which may underflow."""
    import numpy as np
    from scipy import special

    return np.asarray(2 * special.stdtr(df, -np.abs(t)), dtype=np.float64)


def normal_quantile(probability: float) -> float:
    """The standard normal's quantile."""
    if (known := _QUANTILES.get(probability)) is not None:
        return known
    from scipy import special

    return float(special.ndtri(probability))


def student_quantile(probability: float, df: float) -> float:
    """Student's quantile; ``df = inf`` is the normal's."""
    if math.isinf(df):
        return normal_quantile(probability)
    from scipy import special

    return float(special.stdtrit(df, probability))


def critical(level: float, df: float = math.inf) -> float:
    """How many standard errors a two-sided interval of that level reaches; `StatisticsError` outside of (0, 1)."""
    if not 0 < level < 1:
        raise StatisticsError(f"a confidence level of {level}", hint="write 95 % as 0.95")
    return student_quantile((1 + level) / 2, df)


def p_text(log10_p: float | None) -> str:
    """A p-value for people, from its decimal logarithm: ``0.0421``, ``4e-40``, ``3e-1204``; never 0.

    ``n/a`` for None; ``0`` only for a logarithm of minus infinity (data without any variation).
    """
    if log10_p is None:
        return "n/a"
    if math.isinf(log10_p):
        return "0"
    if log10_p >= -4:
        return f"{10**log10_p:.4f}" if log10_p < -1 else f"{10**log10_p:.3f}"
    exponent = math.floor(log10_p)
    digit = round(10 ** (log10_p - exponent))
    return f"1e{exponent + 1}" if digit == 10 else f"{digit}e{exponent}"


def _log_beta_tail(a: float, b: float, x: float, y: float) -> float:
    """Logarithm of I_x(a, b) with ``y = 1 - x`` given apart, so that neither loses digits near 1."""
    from scipy import special

    tail = float(special.betainc(a, b, x)) if x <= 0.5 else float(special.betaincc(b, a, y))
    if tail > _SAFE:
        return min(0.0, math.log(tail))
    log_x = math.log(x) if x <= 0.5 else math.log1p(-y)
    front = a * log_x + b * math.log(y) - math.log(a) - float(special.betaln(a, b))
    return front - math.log(_lentz(1.0, _beta_terms(a, b, x)))


def _beta_terms(a: float, b: float, x: float) -> Iterator[tuple[float, float]]:
    for k in _from_one():
        m = k // 2
        if k % 2:
            yield -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), 1.0
        else:
            yield m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), 1.0


def _from_one() -> Iterator[int]:
    return iter(range(1, 1_000_000))


def _lentz(first: float, terms: Iterator[tuple[float, float]]) -> float:
    """``first + a1/(b1 + a2/(b2 + …))`` for the pairs (a, b)."""
    value = above = first or _TINY
    below = 0.0
    for a, b in terms:
        below = 1 / ((b + a * below) or _TINY)
        above = (b + a / above) or _TINY
        step = above * below
        value *= step
        if abs(step - 1) < 1e-15:
            break
    return value
