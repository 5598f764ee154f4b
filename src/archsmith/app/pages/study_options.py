"""The charts of a study as options of ECharts. Colours are variables of the style sheet, so that light and dark need
the same options; tips are plain text, never HTML.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from archsmith.analysis.axes import round_ticks
from archsmith.analysis.report.trial_dots import explained, time_scale
from archsmith.analysis.wording import NB, duration, rounded, score
from archsmith.app.study_charts import SIZES, Charts, Curve, Dot, Mark, Scatter
from archsmith.core.wording import measure

ACCENT, FAINT, GOOD = "var(--accent)", "var(--faint)", "var(--good)"
FAILED, LINE, INK = "var(--failed)", "var(--line)", "var(--ink)"
FEW = 300  # dots, up to which they are drawn larger
ROOM = 0.05  # of the range of all scores, below the lowest one
NO_SCORE = "failed, or outside the limits"

# What a pointer reads: JavaScript of our own, whose result is drawn as text.
POINT_TIP = "p => p.value[3]"
# Of an axis in per cent: it ends at all of them, and has some height around a single value.
MOST = "v => v.max + Math.max(1, 0.15 * (v.max - v.min)) >= 100 ? 100 : null"
LEAST = "v => v.max - v.min < 1 ? Math.max(0, Math.floor(v.min - 1)) : null"
TIP = {"backgroundColor": "var(--sheet)", "borderColor": LINE, "textStyle": {"color": INK, "fontSize": 13}}
LABEL = {"fontSize": 11, "color": FAINT, "textBorderWidth": 0}

Options = dict[str, Any]
Point = tuple[float, float, int | None, str]  # where it is drawn, its trial, and what a pointer on it reads


def progress_options(charts: Charts, seen: Collection[int] = ()) -> Options:
    """Scores over time, and the best so far. ``seen``: trials of the network that is looked at."""
    progress, low = charts.progress, _low(charts)
    last = max([x for x, *_ in [*progress.dots, *progress.shorter, *progress.failed]] or [0.0])
    unit, name = time_scale(max([last, *(mark.at for mark in progress.trained)]))

    def at(seconds: float, value: float, trial: int | None, who: str) -> Point:
        height = _y(charts, value) if low is None else max(low, _y(charts, value))
        return _short(seconds / unit), height, trial, f"{who}: {_score(charts, value)} after {duration(seconds)}"

    def trials(dots: Sequence[Dot], below: bool = False) -> list[Point]:
        return [at(*dot, f"trial {dot[2]}") for dot in dots if _below(charts, dot[1]) is below]

    best = [(_short(x / unit), _y(charts, y)) for x, y in progress.best]
    if best:
        best.append((_short(last / unit), best[-1][1]))
    every = [*progress.dots, *progress.shorter]
    trained = [(mark, at(mark.at, mark.score, mark.trial, mark.name)) for mark in progress.trained]
    low_ones = [*trials(every, below=True), *(point for mark, point in trained if _below(charts, mark.score))]
    heights = [_y(charts, y) for _, y, _ in every] + [point[1] for _, point in trained]
    bottom = low if low is not None else min(heights, default=0.0)
    failed = [(_short(x / unit), bottom, trial, f"trial {trial}: {NO_SCORE}") for x, trial in progress.failed]
    return _chart(
        {"type": "value", "name": f"{name} {progress.since}", "min": 0},
        _score_axis(charts, low),
        [
            _dots("shorter trials", trials(progress.shorter), FAINT, 5, hollow=True),
            _dots("trials", trials(progress.dots), ACCENT, 7 if len(progress.dots) < FEW else 4),
            {
                **_dots("below the axis", low_ones, ACCENT, 9),
                "symbol": "triangle",
                "symbolRotate": 180,
                "symbolOffset": [0, -5],
            },
            {**_line("best trial so far", best, GOOD, 2.5), "step": "end", "silent": True},
            {
                **_dots("failed", failed, FAILED, 8),
                "symbol": "path://M0,0L8,8M8,0L0,8",
                "itemStyle": {"color": "none", "borderColor": FAILED, "borderWidth": 1.5},
            },
            _letters([(mark, point) for mark, point in trained if not _below(charts, mark.score)]),
            _ring([at(*dot, "") for dot in every if dot[2] in seen]),
        ],
    )


def progress_words(charts: Charts) -> str:
    """What the chart of scores over time shows."""
    progress, trials = charts.progress, [*charts.progress.dots, *charts.progress.shorter]
    below = sum(_below(charts, y) for _, y, _ in trials) + sum(_below(charts, mark.score) for mark in progress.trained)
    low = _low(charts)
    told = [
        f"A dot is a trial of the search, the line the best {charts.metric_name} so far." if progress.dots else "",
        "Small rings are trials that were trained for less." if progress.shorter else "",
        f"Crosses: {NO_SCORE}." if progress.failed else "",
        f"Triangles: below {low:g}{f'{NB}%' if charts.share else ''}, where the axis ends." if below and low else "",
        _letters_told(
            "Letters are baselines and networks trained besides the search, at the end of their training",
            progress.trained,
        ),
    ]
    return " ".join(filter(None, told))


def scatter_options(charts: Charts, scatter: Scatter, seen: Collection[int] = ()) -> Options:
    """Scores against a size, with the front."""

    def at(x: float, y: float, trial: int | None, who: str = "") -> Point:
        return x, _y(charts, y), trial, f"{who or f'trial {trial}'}: {_score(charts, y)}, {_size(scatter, x)}"

    dots, front = ([at(*dot) for dot in some] for some in (scatter.dots, scatter.front))
    before = [at(mark.at, mark.score, mark.trial, f"{mark.name}, before") for mark in scatter.before]
    trained = [(mark, at(mark.at, mark.score, mark.trial, mark.name)) for mark in scatter.trained]
    drawn = [*dots, *(point for _, point in trained)]
    step = "start" if scatter.more_is_better else "end"
    lettered = {(point[0], point[1]) for _, point in trained}
    return _chart(
        {
            "type": "log" if scatter.log else "value",
            "name": _size_axis(scatter),
            "scale": True,
            "minInterval": 1 if scatter.metric in SIZES else 0,
        },
        _score_axis(charts),
        [
            _dots("earlier scores", before, FAINT, 6, hollow=True),
            _dots("networks", dots, ACCENT, 7 if len(dots) < FEW else 4),
            {**_line("front", [dot[:2] for dot in front], GOOD, 1.5), "step": step, "silent": True},
            _dots("on the front", [dot for dot in front if dot[:2] not in lettered], GOOD, 9),
            _letters(trained),
            {
                **_dots("knee point", [dot for dot in front if dot[2] == scatter.knee], GOOD, 17),
                "symbol": "diamond",
                "itemStyle": {"color": "none", "borderColor": GOOD, "borderWidth": 2},
            },
            _ring([dot for dot in drawn if dot[2] in seen]),
        ],
    )


def scatter_words(charts: Charts, scatter: Scatter) -> str:
    """What a chart of scores against a size shows."""
    thing = "a network" if charts.things == "networks" else "an architecture"
    edge = f"No other one beats those on the line both in score and in {scatter.name}."
    edge = edge if len(scatter.front) > 1 else ""
    told = [
        f"A dot is {thing} of the search. {edge}".strip() if scatter.dots else "",
        f"The diamond is the knee point, a good balance: trial {scatter.knee}." if scatter.knee is not None else "",
        "Small rings are earlier scores of networks that were trained on." if scatter.before else "",
        _letters_told("Letters are baselines and networks trained besides the search", scatter.trained),
    ]
    return " ".join(filter(None, told))


def _below(charts: Charts, value: float) -> bool:
    """Does the axis of scores over time end above it?"""
    return charts.progress.floor is not None and value < charts.progress.floor


def _low(charts: Charts) -> float | None:
    """Where an axis ends on which not all scores have room; None: where the scores do."""
    progress = charts.progress
    if progress.floor is None:
        return None
    every = [*(y for _, y, _ in (*progress.dots, *progress.shorter)), *(mark.score for mark in progress.trained)]
    drawn = [_y(charts, y) for y in every if not _below(charts, y)]
    low, high = min(drawn), max(drawn)
    ticks = round_ticks(low - ROOM * (high - low or abs(high)), high)
    return _short(2 * ticks[0] - ticks[1])


def _score(charts: Charts, value: float) -> str:
    return score(charts.metric, value, most=0.0 if charts.share else math.inf)


def _size(scatter: Scatter, x: float) -> str:
    if scatter.metric in SIZES:
        return f"{rounded(x)} {scatter.name}"
    most = max((*(at for at, *_ in scatter.dots), *(mark.at for mark in scatter.trained)), default=x)
    return f"{scatter.name} {score(scatter.metric, x, most=most)}"


def _size_axis(scatter: Scatter) -> str:
    more = "more is better" if scatter.more_is_better else "less is better"
    return f"{scatter.name} ({more}{', log scale' if scatter.log else ''})"


def curve_options(charts: Charts, seen: Collection[int] = ()) -> Options:
    """Learning curves: those that are going on stand out, and the one that is looked at."""
    series = [_curve(charts, curve, i, seen) for i, curve in enumerate(charts.curves)]
    options = _chart({"type": "value", "name": charts.unit, "min": 0}, _score_axis(charts), series)
    options["grid"]["right"] = 24
    return options


def _curve(charts: Charts, curve: Curve, place: int, seen: Collection[int]) -> Options:
    chosen = curve.trial in seen
    colour = ACCENT if curve.going else INK if chosen else FAINT
    points = [
        (x, _y(charts, y), curve.trial, f"{curve.name}: {_score(charts, y)} after {measure(x, charts.unit)}")
        for x, y in curve.points
    ]
    return {
        **_line(curve.name, points, colour, 2.5 if curve.going or chosen else 1.2),
        "id": f"curve{place}",
        "symbol": "circle",
        "symbolSize": 5,
        "showSymbol": len(points) < 25,
        "lineStyle": {
            "color": colour,
            "width": 2.5 if curve.going or chosen else 1.2,
            "type": "dashed" if curve.trial is None else "solid",
        },
        "triggerLineEvent": True,
        "tooltip": {":formatter": POINT_TIP},
    }


def empty_options(charts: Charts) -> Options:
    """Axes without a point."""
    return _chart({"type": "value", "name": ""}, _score_axis(charts), [])


# -- parts -------------------------------------------------------------------------------------------------------------


def _chart(x: Options, y: Options, series: Sequence[Options]) -> Options:
    axis = {
        "nameLocation": "middle",
        "axisLine": {"lineStyle": {"color": LINE}},
        "axisTick": {"show": False},
        "splitLine": {"lineStyle": {"color": LINE, "opacity": 0.6}},
        "axisLabel": {"hideOverlap": True},
    }
    return {
        "animation": False,
        "grid": {"left": 56, "right": 18, "top": 18, "bottom": 44},
        "tooltip": {"trigger": "item", "renderMode": "richText", "confine": True, **TIP},
        "xAxis": {**axis, "nameGap": 28, "splitLine": {"show": False}, **x},
        "yAxis": {**axis, "nameGap": 42, **y},
        "series": tuple({"id": f"s{i}", **each} for i, each in enumerate(series)),  # NiceGUI watches lists
    }


def _score_axis(charts: Charts, low: float | None = None) -> Options:
    """``low``: where it ends; None: where the scores do."""
    name = f"{charts.metric_name} in %" if charts.share else charts.metric_name
    least = {":min": LEAST} if charts.share and low is None else {"min": low}
    return {"type": "value", "name": name, "scale": True, **({":max": MOST} if charts.share else {}), **least}


def _dots(name: str, data: Sequence[Any], colour: str, size: int, *, hollow: bool = False) -> Options:
    style = {"color": "none", "borderColor": colour, "borderWidth": 1} if hollow else {"color": colour, "opacity": 0.8}
    return {
        "type": "scatter",
        "name": name,
        "data": tuple(data),
        "symbolSize": size,
        "itemStyle": style,
        "emphasis": {"disabled": True},
        "tooltip": {":formatter": POINT_TIP},
    }


def _line(name: str, data: Sequence[Any], colour: str, width: float) -> Options:
    return {
        "type": "line",
        "name": name,
        "data": tuple(data),
        "showSymbol": False,
        "lineStyle": {"color": colour, "width": width},
        "itemStyle": {"color": colour},
        "emphasis": {"disabled": True},
    }


def _letters(marks: Sequence[tuple[Mark, Point]]) -> Options:
    """Names would run through points and lines, so that letters stand for them, which the words below explain."""
    return {
        **_dots("compared, and baselines", [], INK, 16),
        "data": tuple({"name": mark.letter, "value": point} for mark, point in marks),
        "symbol": "roundRect",
        "itemStyle": {"color": "var(--sheet)", "borderColor": INK, "borderWidth": 1.5},
        "label": {"show": True, "formatter": "{b}", **LABEL},
        "z": 4,
    }


def _letters_told(what: str, marks: Sequence[Mark]) -> str:
    return f"{what}: {explained((mark.letter, mark.name) for mark in marks)}." if marks else ""


def _ring(data: Sequence[Any]) -> Options:
    """Around what is looked at."""
    ring = _dots("looked at", data, INK, 15)
    return {**ring, "itemStyle": {"color": "none", "borderColor": INK, "borderWidth": 2}, "silent": True, "z": 5}


def _y(charts: Charts, value: float) -> float:
    return _short(100 * value) if charts.share else _short(value)


def _short(value: float) -> float:
    return float(f"{value:.5g}")
