"""Numbers as a person who is no statistician reads them, and the few statistics that keep sentences honest."""

from __future__ import annotations

import math
from collections.abc import Sequence

SHARES = ("accuracy", "balanced_accuracy", "recall", "precision", "f1")  # metrics that are shares of 1
NB = "\u00a0"  # a space at which no line is broken, between a number and its unit
Z95 = 1.959964  # of the normal distribution: 95 % lie within as many standard deviations

METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "log_loss": "log loss",
    "r2": "R²",
    "rmse": "root mean squared error",
    "mae": "mean absolute error",
    "params": "parameters",
    "macs": "multiply-adds",
}
NETWORKS = {"linear": "linear model", "fixed": "hand-made network", "searched": "searched network"}
REASONS = {
    "seconds": "the time was used up",
    "trials": "the wanted number of trials was reached",
    "exhausted": "every network of the search space had been tried",
    "converged": "many trials in a row brought nothing better",
    "requested": "a person asked it to finish",
    "interrupted": "it was interrupted",
    "failures": "too many trials in a row failed",
}
PHASES = {
    "read": "reading and checking the data",
    "linear": "linear model",
    "search": "search",
    "train fixed": "training the hand-made network",
    "train searched": "training the searched network",
    "choose": "choosing",
    "calibrate": "calibration",
    "test": "test",
    "export": "export and verification",
    "report": "this report",
}


def metric_name(metric: str) -> str:
    return METRICS.get(metric, metric.replace("_", " "))


def network_name(name: str) -> str:
    return NETWORKS.get(name, name)


def is_share(metric: str) -> bool:
    return metric in SHARES


def score(metric: str, value: float | None, n: int | None = None) -> str:
    """A score in its own form: shares in percent, with a second decimal where ``n`` pictures can tell it apart."""
    if value is None:
        return "–"
    if is_share(metric):
        return share(value, n)
    return number(value)


def share(value: float, n: int | None = None) -> str:
    """0.925 as ``92.5 %``. A share that is not quite all (or none) never looks as if it were."""
    places = 2 if n is not None and n >= 5000 else 1
    text = f"{100 * value:.{places}f}"
    if (value < 1 and float(text) == 100.0) or (value > 0 and float(text) == 0.0):
        text = f"{100 * value:.{places + 2}f}"
    return f"{text.removesuffix('.0')}{NB}%"


def points(difference: float) -> str:
    """A difference of two shares, without its sign."""
    value = 100 * abs(difference)
    text = f"{value:.1f}" if value >= 0.95 else f"{value:.2g}"
    return f"{text.removesuffix('.0')}{NB}{'point' if text in ('1', '1.0') else 'points'}"


def number(value: float) -> str:
    """Four significant digits, whole numbers in groups of three."""
    if not math.isfinite(value):
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def rounded(value: float) -> str:
    """A count in three digits: ``501 k``, ``8 M``."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * size:
            return f"{value / size:.3g}{NB}{letter}"
    return f"{value:.3g}"


def amount(n: int, thing: str, things: str | None = None) -> str:
    """``1 picture``, ``2,000 pictures``."""
    return f"{n:,}{NB}{thing if n == 1 else things or thing + 's'}"


def duration(seconds: float | None) -> str:
    """``0.4 s``, ``45 s``, ``4 min 50 s``, ``2 h 5 min``."""
    if seconds is None:
        return "–"
    if seconds < 9.95:
        return f"{f'{seconds:.1f}'.removesuffix('.0')}{NB}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{NB}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}{NB}min {rest}{NB}s" if rest and minutes < 10 else f"{round(whole / 60)}{NB}min"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours:,}{NB}h {minutes}{NB}min" if minutes and hours < 100 else f"{hours:,}{NB}h"


def undecided(before: float, after: float) -> str:
    """What the mean entropies of a decision, in nats, at the beginning and at the end mean."""
    choices = [number(float(f"{math.exp(nats):.2g}")) for nats in (before, after)]
    return f"On average a decision was as undecided as one between {choices[0]} equally likely answers at the beginning, and between {choices[1]} at the end."


def listing(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def quoted(name: str, longest: int = 40) -> str:
    """A class name inside a sentence."""
    flat = " ".join(name.split())
    return f"“{flat if len(flat) <= longest else flat[: longest - 1].rstrip() + '…'}”"


def wilson(p: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share ``p`` of ``n`` (Wilson 1927, JASA 22): unlike the plain one it stays within 0 and 1
    and holds for small ``n``.
    """
    zz = Z95**2 / n
    middle, half = p + zz / 2, Z95 * math.sqrt(p * (1 - p) / n + zz / (4 * n))
    # Rounded, so that all of n and none of n have 1 and 0 as their ends.
    return max(0.0, round((middle - half) / (1 + zz), 12)), min(1.0, round((middle + half) / (1 + zz), 12))


def beyond_chance(a: float, b: float, n: int) -> bool:
    """Do two shares of ``n`` pictures each differ by more than chance explains in 19 of 20 cases? Taken as independent,
    which errs on the cautious side.
    """
    return abs(a - b) > Z95 * math.sqrt((a * (1 - a) + b * (1 - b)) / n)


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Spearman's: 1 when both grow together, -1 when one falls as the other grows; None for fewer than 8 pairs or where
    one never changes.
    """
    if len(x) < 8 or len(set(x)) == 1 or len(set(y)) == 1:
        return None
    return _pearson(_ranks(x), _ranks(y))


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 0, equal values share the middle of theirs."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for i in order[start : end + 1]:
            ranks[i] = (start + end) / 2
        start = end + 1
    return ranks


def _pearson(x: Sequence[float], y: Sequence[float]) -> float:
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return covariance / math.sqrt(sum((a - mean_x) ** 2 for a in x) * sum((b - mean_y) ** 2 for b in y))
