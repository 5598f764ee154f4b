"""The charts of the report, each drawn from facts that ``story`` has folded; and the drawings of the network."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from archsmith.analysis import charts
from archsmith.analysis.answers import Confidence, Numbers
from archsmith.analysis.beliefs import Forecast, Forecasts, Policy
from archsmith.analysis.charts import (
    NARROW_SQUARE,
    WIDE_SQUARE,
    Axis,
    Bar,
    Columns,
    Dots,
    Ends,
    Layer,
    Line,
    Size,
    Word,
    axis,
    both,
    plot,
)
from archsmith.analysis.preparing import Learning, Points
from archsmith.analysis.searching import Curves, Dot, Progress, Sizes
from archsmith.analysis.wording import duration, is_share, metric_name, network_name, number, rounded, score, share
from archsmith.graphs.drawing import draw_cell, draw_network
from archsmith.graphs.graph import Graph
from archsmith.graphs.wording import words

MOST_BARS = 24
ZOOM = 1.2  # of drawings
PLAIN_PARTS = ("Stage", "Stem", "Classifier", "Head")  # scopes that tell little about a network

Show = Callable[[float], str]


def shown_as(metric: str) -> Show:
    return charts.percent if is_share(metric) else charts.plain


# Search


def progress(facts: Progress, metric: str, validation: bool = True) -> str:
    """Scores over time and the best so far. Failed trials stand at the lower edge."""
    scale = _scores(
        [dot.value for dot in facts.dots if dot.value is not None and dot.value >= facts.floor],
        metric,
        _label(metric, validation),
    )
    ends = (
        max([facts.seconds, *(dot.seconds for dot in facts.dots)])
        if facts.simulated
        else max(dot.seconds for dot in facts.dots)
    )
    unit, name = (3600.0, "hours") if ends > 3 * 3600 else (60.0, "minutes") if ends > 180 else (1.0, "seconds")
    since = "the preparation ended" if facts.prepared else "the start"
    x = Axis(f"{name} since {since}{' (simulated)' if facts.simulated else ''}", 0.0, max(ends / unit, 1e-9) * 1.02)
    best = [(seconds / unit, value) for seconds, value in facts.best]
    if best:
        best.append((ends / unit, best[-1][1]))

    def draw(size: Size) -> str:
        def tip(dot: Dot) -> str:
            return _tip(dot, metric) if size.name == "wide" else ""

        placed = [(dot.seconds / unit, dot.value, tip(dot), dot.full) for dot in facts.dots if dot.value is not None]
        low = [(x, y, tip) for x, y, tip, _ in placed if y < scale.low]
        failed = [(dot.seconds / unit, scale.low, tip(dot)) for dot in facts.dots if dot.value is None]
        layers: list[Layer] = [
            Dots([(x, y, tip) for x, y, tip, full in placed if not full and y >= scale.low], "faint", "ring", 2.5),
            Dots(
                [(x, y, tip) for x, y, tip, full in placed if full and y >= scale.low],
                "c1",
                "circle",
                3.5 if len(placed) < 300 else 2.0,
            ),
            Dots(low, "c1", "down", 4.0),
            Line(best, "c2", steps=True),
            Dots(failed, "c4", "cross", 4.0),
        ]
        return plot(size, x, scale, layers, f"{metric_name(metric)} of each trial over time, and the best so far")

    return both(draw)


def _tip(dot: Dot, metric: str) -> str:
    told = f"trial {dot.trial}: {score(metric, dot.value) if dot.value is not None else dot.error or 'failed'}"
    return told[:160] + (f", {rounded(dot.params)} parameters" if dot.params else "")


def _scores(values: Sequence[float], metric: str, label: str) -> Axis:
    fitted = axis(label, values, show=shown_as(metric), margin=0.08)
    return Axis(
        fitted.label, fitted.low, min(fitted.high, 1.003) if is_share(metric) else fitted.high, False, fitted.show
    )


def _label(metric: str, validation: bool) -> str:
    return metric_name(metric) + (" on validation" if validation else "")


def sizes(facts: Sizes, metric: str, validation: bool = True) -> str:
    """Scores against parameters, with the front of those that no other trial beats in both."""
    finals = [value for _, _, value in facts.finals]
    y = _scores(
        [*finals, *(dot.value for dot in facts.dots if dot.value is not None and dot.value >= facts.floor)],
        metric,
        _label(metric, validation),
    )
    params = [dot.params for dot in facts.dots if dot.params] + [params for _, params, _ in facts.finals]
    x = axis("parameters (log scale)", params, log=True, margin=0.08)
    best = facts.front[-1][2] if facts.front else -1

    def draw(size: Size) -> str:
        wide = size.name == "wide"
        dots = [(dot.params or 0.0, dot.value or 0.0, _tip(dot, metric) if wide else "", dot) for dot in facts.dots]
        inside = [row for row in dots if row[1] >= y.low]
        layers: list[Layer] = [
            Line([(params, value) for params, value, _ in facts.front], "c2", steps=True),
            Dots([row[:3] for row in inside], "c1", "circle", 3.5 if len(dots) < 300 else 2.0),
            Dots([row[:3] for row in dots if row[1] < y.low], "c1", "down", 4.0),
            Dots([row[:3] for row in inside if row[3].trial == best], "c2", "ring", 6.5),
            Dots([row[:3] for row in inside if row[3].first], "c3", "ring", 6.5),
        ]
        for name, params, value in facts.finals:
            colour = "c3" if name == "fixed" else "c2"
            layers.append(
                Dots(
                    [(params, value, f"{network_name(name)}, trained in full: {score(metric, value)}")],
                    colour,
                    "diamond",
                    6.0,
                )
            )
            layers.append(Word(params, value, network_name(name).removesuffix(" network"), colour))
        return plot(size, x, y, layers, f"{metric_name(metric)} against the number of parameters")

    return both(draw)


def curves(facts: Curves, metric: str) -> str:
    """Validation scores of the final trainings."""
    shown = [curve for curve in facts.curves if len(curve.points) > 1]
    values = [value for curve in shown for _, value in curve.points]
    y = _scores(values, metric, _label(metric, True))
    return _curves(
        [curve.points for curve in shown], [curve.name for curve in shown], y, "validation score over the epochs"
    )


def losses(facts: Curves) -> str:
    """Training losses of the final trainings."""
    shown = [curve for curve in facts.curves if len(curve.losses) > 1]
    y = axis("training loss (less is better)", [value for curve in shown for _, value in curve.losses])
    return _curves(
        [curve.losses for curve in shown], [curve.name for curve in shown], y, "training loss over the epochs"
    )


def _curves(series: Sequence[Points], names: Sequence[str], y: Axis, title: str) -> str:
    if not series:
        return ""
    x = _epochs(max(series, key=lambda points: points[-1][0]))

    def draw(size: Size) -> str:
        layers: list[Layer] = []
        for points, name in zip(series, names, strict=True):
            colour = _colour(name)
            above = [(epoch, max(value, y.low)) for epoch, value in points]
            layers.append(Line(above, colour))
            if len(points) <= 60:
                layers.append(
                    Dots(
                        [(epoch, value, f"epoch {epoch:.4g}: {y.show(value)}") for epoch, value in above],
                        colour,
                        "circle",
                        2.5,
                    )
                )
        return plot(size, x, y, layers, title)

    return both(draw)


def _colour(name: str) -> str:
    return {"searched": "c2", "fixed": "c3"}.get(name, "c1")


# Beliefs


LINE_COLOURS = ("c1", "c2", "c3")
LEVEL_FORMS, LEVEL_COLOURS = ("circle", "ring", "diamond", "cross"), ("c1", "c2", "c3")
LOW = Size("narrow", 328.0, 180.0), Size("wide", 820.0, 200.0)


def line_style(i: int) -> tuple[str, bool]:
    """Colour, and whether dashed, of the line of the decision with the index ``i``. Beyond six they repeat: the numbers
    at the ends tell them apart.
    """
    return LINE_COLOURS[i % 3], i // 3 % 2 == 1


def level_style(level: int) -> tuple[str, str]:
    """Form and colour of trials of a level: twelve different pairs, the forms of neighbours being different too."""
    return LEVEL_FORMS[level % 4], LEVEL_COLOURS[level % 3]


def policy(facts: Policy) -> str:
    """How probable the likeliest answer to each decision was, over the trials."""
    x, y = (
        Axis("trial", 0.0, float(max(1, facts.n_trials - 1))),
        Axis("probability of the likeliest answer", 0.0, 1.0, show=charts.percent),
    )

    def draw(size: Size) -> str:
        layers: list[Layer] = []
        names = []
        for i, decision in enumerate(facts.decisions):
            colour, dashed = line_style(i)
            layers.append(Line(decision.points, colour, dashed))
            name = f"{i + 1} {charts.shortened(decision.name, 180.0)}" if size.name == "wide" else f"{i + 1}"
            names.append((decision.points[-1][1], name, colour))
        return plot(
            size, x, y, [*layers, Ends(names)], "probability of the likeliest answer to each decision over the trials"
        )

    return both(draw)


def entropy(facts: Policy) -> str:
    """How undecided the policy was on average, over the trials."""
    return _nats(
        facts.entropy,
        Axis("trial", 0.0, float(max(1, facts.n_trials - 1))),
        "mean entropy of the policy over the trials",
    )


def _nats(points: Points, x: Axis, title: str) -> str:
    y = Axis("mean entropy of a decision (nats)", 0.0, max(0.1, 1.05 * max(nats for _, nats in points)))
    return both(lambda size: plot(size, x, y, [Line(points, "c1")], title), *LOW)


def forecasts(facts: Forecasts, metric: str, maximize: bool) -> str:
    """What was expected of trials against what came out."""
    expected = [dot.expected for dot in facts.dots]
    if facts.ranks:
        low = max(0.0, axis("", expected).low)
        x = Axis("expected to be better than", low, 1.0, show=charts.percent)
        y = Axis("was better than", 0.0, 1.0, show=charts.percent)
    else:
        x = axis(
            f"expected {metric_name(metric)}" if facts.comparable else "expected (higher is better)",
            expected,
            show=shown_as(metric),
        )
        less = "" if maximize else " (less is better)"
        y = _scores(
            [dot.outcome for dot in facts.dots if dot.outcome >= facts.floor],
            metric,
            f"{metric_name(metric)} that came out{less}",
        )

    def draw(size: Size) -> str:
        layers: list[Layer] = []
        if facts.comparable:
            ends = max(x.low, y.low), min(x.high, y.high)
            layers += [Line([(end, end) for end in ends], "faint", dashed=True)] if ends[0] < ends[1] else []

        def points(dots: Sequence[Forecast]) -> list[tuple[float, float, str]]:
            return [(dot.expected, max(dot.outcome, y.low), dot.tip if size.name == "wide" else "") for dot in dots]

        inside = [dot for dot in facts.dots if dot.outcome >= y.low and not dot.failed]
        for level in facts.levels or (None,):
            form, colour = ("circle", "c1") if level is None else level_style(level)
            radius = (3.5 if len(inside) < 300 else 2.5) * (1.3 if form == "diamond" else 1.0)
            layers.append(Dots(points([dot for dot in inside if dot.level == level]), colour, form, radius))
        layers.append(Dots(points([dot for dot in facts.dots if dot.outcome < y.low]), "c1", "down", 4.0))
        layers.append(Dots(points([dot for dot in facts.dots if dot.failed]), "c4", "cross", 4.0))
        return plot(size, x, y, layers, "what was expected of trials against what came out")

    return both(draw, NARROW_SQUARE, WIDE_SQUARE)


# Shared weights


def shared_losses(points: Points) -> str:
    """Training loss of the shared weights."""
    y = axis("training loss (less is better)", [value for _, value in points])
    return _curves([points], ["shared"], y, "training loss of the shared weights over the epochs")


def rewards(facts: Learning, measure: str) -> str:
    """What a controller's samples scored, and the moving average of that."""
    y = _scores(
        [value for _, value in (*facts.rewards, *facts.baselines)],
        measure,
        f"{metric_name(measure)} of sampled networks",
    )
    dots = [(epoch, value, f"epoch {epoch:.4g}: {y.show(value)}") for epoch, value in facts.rewards]
    layers: list[Layer] = [Dots(dots, "c1", "circle", 3.5 if len(dots) <= 60 else 2.0), Line(facts.baselines, "c2")]
    return both(
        lambda size: plot(size, _epochs(facts.rewards), y, layers, "scores of the controller's samples over the epochs")
    )


def learning_entropy(facts: Learning) -> str:
    """How undecided a controller was on average."""
    return _nats(facts.entropy, _epochs(facts.entropy), "mean entropy of the controller over the epochs")


def _epochs(points: Points) -> Axis:
    return Axis("epochs", 0.0, max(points[-1][0], 1e-9) * 1.02)


# Data and answers


def counts(rows: Sequence[tuple[str, int]]) -> str:
    """Training pictures of each class; of many classes the most and the least frequent ones."""
    chosen = list(rows)
    if len(rows) > MOST_BARS:
        ranked = sorted(rows, key=lambda row: -row[1])
        chosen = [*ranked[: MOST_BARS // 2], *ranked[-MOST_BARS // 2 :]]
    shown = [Bar(name, float(count), f"{count:,}") for name, count in chosen]
    return both(lambda size: charts.bars(size, shown, "training pictures of each class"))


def histogram(values: Sequence[float] | NDArray[np.float64], label: str, title: str) -> str:
    """How often values of each size occur."""
    numbers = np.asarray(values, np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    if len(numbers) > 200:  # a few far away ones would leave one column for all the rest
        low, high = float(np.quantile(numbers, 0.002)), float(np.quantile(numbers, 0.998))
    if high <= low:
        low, high = low - 0.5, high + 0.5
    n_bins = int(min(40, max(8, round(math.sqrt(len(numbers))))))
    found, edges = np.histogram(np.clip(numbers, low, high), n_bins, (low, high))
    rows = [
        (float(a), float(b), float(count), f"{number(_three(a))} to {number(_three(b))}: {count:,}")
        for a, b, count in zip(edges[:-1], edges[1:], found, strict=True)
    ]
    x, y = Axis(label, low, high), Axis("pictures", 0.0, float(found.max()) * 1.05)
    return both(lambda size: plot(size, x, y, [Columns(rows), *_zero(x, y)], title))


def _zero(x: Axis, y: Axis) -> list[Layer]:
    return [Line([(0.0, y.low), (0.0, y.high)], "faint", dashed=True)] if x.low < 0 < x.high else []


def _three(value: float) -> float:
    return float(f"{float(value):.3g}")


def numbers(facts: Numbers) -> str:
    """Predicted against true."""
    values = [value for dot in facts.dots for value in dot]
    x = axis(f"true {facts.name}", values)
    y = Axis(f"predicted {facts.name}", x.low, x.high)

    def draw(size: Size) -> str:
        wide = size.name == "wide"
        dots = [
            (a, b, f"true {number(_three(a))}, predicted {number(_three(b))}" if wide else "") for a, b in facts.dots
        ]
        layers: list[Layer] = [
            Line([(x.low, x.low), (x.high, x.high)], "faint", dashed=True),
            Dots(dots, "c1", "circle", 2.5),
        ]
        return plot(size, x, y, layers, "predicted against true numbers")

    return both(draw, NARROW_SQUARE, WIDE_SQUARE)


def confidence(facts: Confidence) -> str:
    """How often the network is right when it is so sure: on the diagonal it means what it says."""
    filled = [row for row in (*facts.after, *facts.before) if row.n]
    low = max(0.0, min([row.lower for row in filled] + [row.accuracy or 0.0 for row in filled]))
    x = Axis("how sure it says it is", low, 1.0, show=charts.percent)
    y = Axis("how often it is right", low, 1.0, show=charts.percent)
    total = sum(row.n for row in facts.after)

    def draw(size: Size) -> str:
        layers: list[Layer] = [Line([(low, low), (1.0, 1.0)], "faint", dashed=True)]
        before = [(row.confidence or 0.0, row.accuracy or 0.0) for row in facts.before if row.n]
        layers += [
            Line(before, "c3", dashed=True),
            Dots(
                [(a, b, f"before calibration: {share(a)} sure, {share(b)} right") for a, b in before], "c3", "ring", 3.5
            ),
        ]
        after = [row for row in facts.after if row.n]
        layers.append(Line([(row.confidence or 0.0, row.accuracy or 0.0) for row in after], "c1"))
        for row in after:
            told = f"{share(row.confidence or 0)} sure, {share(row.accuracy or 0)} right ({row.n:,} pictures)"
            layers.append(
                Dots(
                    [(row.confidence or 0.0, row.accuracy or 0.0, told)],
                    "c1",
                    "circle",
                    3.0 + 7.0 * math.sqrt(row.n / total),
                )
            )
        return plot(size, x, y, layers, "how often the network is right against how sure it is")

    return both(draw, NARROW_SQUARE, WIDE_SQUARE)


# Time


def spent(rows: Sequence[tuple[str, float, float | None]]) -> str:
    """Seconds of each phase, with a mark where they were forecast."""
    shown = [Bar(name, seconds, duration(seconds), forecast) for name, seconds, forecast in rows]
    return both(lambda size: charts.bars(size, shown, "time spent in each phase, and its forecast"))


# Drawings


def network(graph: Graph, name: str = "network") -> str:
    return _unique(draw_network(graph, note=False), name)


def parts(graph: Graph, name: str = "network") -> list[tuple[str, str]]:
    """(title, drawing) of up to two kinds of cells or blocks: the commonest outermost ones, cells or of more than one
    operation.

    ``name`` tells their arrows from those of other graphs on the page.
    """
    kinds: dict[str, list[str]] = {}
    for path, scope in graph.scopes.items():
        inside = [other for other in graph.scopes.values() if other.path.startswith(path + ".")]
        # a cell is what was searched, however little it holds
        small = len(inside) < 2 and len(graph.inside(path)) < 6 and "Cell" not in scope.kind
        if scope.kind in PLAIN_PARTS or small:
            continue
        outer = path.rpartition(".")[0]
        if not outer or graph.scopes[outer].kind in PLAIN_PARTS:
            kinds.setdefault(scope.kind, []).append(path)
    common = Counter({kind: len(paths) for kind, paths in kinds.items()}).most_common(2)
    drawn = []
    for i, (kind, n) in enumerate(common):
        path = max(
            kinds[kind], key=lambda path: (len(set(graph.scopes[path].inputs.values())), len(graph.inside(path)))
        )
        drawn.append(
            (
                f"{words(kind)} ({'one of ' if n > 1 else ''}{n})",
                _unique(draw_cell(graph, path, title=words(kind), note=False), f"{name}-part{i}"),
            )
        )
    return drawn


def _unique(svg: str, name: str) -> str:
    """Arrow heads are found by their id, which must be there once in a page. The small print of a drawing is too small
    for a phone.
    """
    larger = re.sub(
        r' (width|height)="([\d.]+)"', lambda size: f' {size[1]}="{float(size[2]) * ZOOM:.0f}"', svg, count=2
    )
    return larger.replace('id="tip"', f'id="tip-{name}"').replace("url(#tip)", f"url(#tip-{name})")
