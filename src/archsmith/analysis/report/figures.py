"""Charts that several sections of a report share."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from archsmith.analysis import axes, charts
from archsmith.analysis.axes import Axis, axis, from_zero
from archsmith.analysis.charts import Bar, Columns, Dots, Layer, Line, Size, both, plot
from archsmith.analysis.wording import between, from_data, is_share, metric_name, network_name

Points = tuple[tuple[float, float], ...]
Show = Callable[[float], str]

LOW = Size("narrow", 328.0, 180.0), Size("wide", 820.0, 200.0)
MOST_BARS = 24
MANY_TIMES = 20.0  # the smallest loss is the largest one, from where on their scale is logarithmic
MOST_MARKED = 60  # points of a line, beyond which they get no dots of their own
STYLES = {
    "searched": ("c2", False),
    "fixed": ("c3", False),
    "runner_up": ("c1", True),
    "runner_up.1": ("c2", True),
    "runner_up.2": ("c3", True),
}
ENTROPY_NOTE = (
    "Entropy measures how open the decisions are. It is 0 where the choice is certain, "
    "0.69 between two equally likely options, and 1.61 between five."
)


def shown_as(metric: str) -> Show:
    return axes.percent if is_share(metric) else axes.plain


def score_axis(values: Sequence[float], metric: str, label: str, most: float = 0.0) -> Axis:
    """A scale for scores; one of shares does not go beyond 100 %. ``most``: the highest one of all that are told
    together.
    """
    shares = is_share(metric) and max([most, *values]) <= 1  # above it, somebody gives them in percent
    fitted = axis(label, values, show=axes.percent if shares else axes.plain, margin=0.08)
    high = min(fitted.high, 1.003) if shares else fitted.high
    return Axis(fitted.label, fitted.low, high, False, fitted.show)


def score_label(metric: str, validation: bool) -> str:
    return metric_name(metric) + (" on validation" if validation else "")


def epochs_axis(*series: Points) -> Axis:
    return from_zero("epochs", [epoch for points in series for epoch, _ in points])


def over_epochs(series: Sequence[Points], names: Sequence[str], y: Axis, title: str) -> str:
    """Lines over the epochs, one a network; empty without any."""
    if not series:
        return ""
    x = epochs_axis(*series)

    def draw(size: Size) -> str:
        layers: list[Layer] = []
        for points, name in zip(series, names, strict=True):
            colour, dashed = network_style(name)
            above = [(epoch, max(value, y.low)) for epoch, value in points]
            layers.append(Line(above, colour, dashed))
            if len(points) <= MOST_MARKED:
                dots = [(epoch, value, f"epoch {epoch:.4g}: {y.show(value)}") for epoch, value in above]
                layers.append(Dots(dots, colour, "circle", 2.5))
        return plot(size, x, y, layers, title)

    return both(draw)


def losses_over_epochs(series: Sequence[Points], names: Sequence[str]) -> str:
    """Training losses over the epochs; on a logarithmic scale where the first ones would press all others together."""
    values = [value for points in series for _, value in points]
    log = min(values) > 0 and max(values) > MANY_TIMES * min(values)
    y = axis(f"training loss (lower is better{', log scale' if log else ''})", values, log=log)
    whose = network_name(names[0]) if len(names) == 1 else "each network"
    return over_epochs(series, names, y, f"training loss over the epochs: {whose}")


def network_style(name: str) -> tuple[str, bool]:
    """The colour of the line of a network, and whether it is dashed: each of a job has its own, in all charts."""
    return STYLES.get(name, ("c1", False))


def entropy(points: Points, x: Axis, title: str) -> str:
    """How open the decisions were on average."""
    y = Axis("mean entropy of a decision (nats)", 0.0, max(0.1, 1.05 * max(nats for _, nats in points)))
    return both(lambda size: plot(size, x, y, [Line(points, "c1")], title), *LOW)


def histogram(values: Sequence[float] | NDArray[np.float64], label: str, counted: str, title: str) -> str:
    """How often values of each size occur; ``counted``: what is counted, as ``pictures``. Empty where all values are
    the same. Columns at the ends that hold what lies beyond say so.
    """
    numbers = np.asarray(values, np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    if len(numbers) > 200:  # a few far away ones would leave one column for all the rest
        low, high = float(np.quantile(numbers, 0.002)), float(np.quantile(numbers, 0.998))
    if high <= low:
        return ""
    n_bins = int(min(40, max(8, round(math.sqrt(len(numbers))))))
    whole = bool((numbers == np.rint(numbers)).all())
    edges = axes.round_edges(low, high, n_bins, whole)
    low, high = edges[0], edges[-1]
    found, _ = np.histogram(np.clip(numbers, low, high), edges)
    tips = [between(a, b, whole) for a, b in itertools.pairwise(edges)]
    below, above = numbers.min() < low, numbers.max() > high - whole  # the end columns hold what lies beyond
    if below:
        tips[0] = f"below {from_data(edges[1], 6)}"
    if above:
        tips[-1] = f"{from_data(edges[-2], 6)} or more"
    if below or above:
        label += " (open ends)" if below and above else " (one open end)"
    rows = [
        (float(a), float(b), float(count), f"{tip}: {count:,}")
        for a, b, count, tip in zip(edges[:-1], edges[1:], found, tips, strict=True)
    ]
    x, y = (
        Axis(label, low, high, show=axes.of_data(low, high)),
        Axis(counted, 0.0, float(found.max()) * 1.05, whole=True),
    )
    zero: list[Layer] = [Line([(0.0, y.low), (0.0, y.high)], "faint", dashed=True)] if low < 0 < high else []
    return both(lambda size: plot(size, x, y, [Columns(rows), *zero], title))


def counts(rows: Sequence[tuple[str, int]], title: str) -> str:
    """A bar for each class; of many classes the most and the least frequent ones."""
    chosen = list(rows)
    if len(rows) > MOST_BARS:
        ranked = sorted(rows, key=lambda row: -row[1])
        chosen = [*ranked[: MOST_BARS // 2], *ranked[-MOST_BARS // 2 :]]
    shown = [Bar(name, float(count), f"{count:,}") for name, count in chosen]
    return both(lambda size: charts.bars(size, shown, title))
