"""The charts of a study as options of ECharts. Colours are variables of the style sheet, so that light and dark need
the same options; tips are plain text, never HTML.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from archsmith.analysis.axes import round_ticks
from archsmith.analysis.wording import duration, rounded, score
from archsmith.app.study_charts import SIZES, Charts, Curve, Dot, Scatter
from archsmith.core.wording import measure

ACCENT, FAINT, GOOD = "var(--accent)", "var(--faint)", "var(--good)"
FAILED, LINE, INK = "var(--failed)", "var(--line)", "var(--ink)"
HOUR, MINUTE = 3600.0, 60.0
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
    progress = charts.progress
    last = max([x for x, *_ in [*progress.dots, *progress.shorter, *progress.failed]] or [0.0])
    unit, name = (HOUR, "hours") if last > 3 * HOUR else (MINUTE, "minutes") if last > 3 * MINUTE else (1.0, "seconds")
    low = _low(charts)

    def at(dots: Sequence[Dot]) -> list[Point]:
        lowest = -math.inf if low is None else low
        return [
            (_short(x / unit), max(lowest, _y(charts, y)), trial, f"trial {trial}: {_reached(charts, x, y)}")
            for x, y, trial in dots
        ]

    def inside(dots: Sequence[Dot]) -> list[Point]:
        return at([dot for dot in dots if not _below(charts, dot[1])])

    best = [(_short(x / unit), _y(charts, y)) for x, y in progress.best]
    if best:
        best.append((_short(last / unit), best[-1][1]))
    all_of_them = [*progress.dots, *progress.shorter]
    bottom = low if low is not None else min([_y(charts, y) for _, y, _ in all_of_them] or [0.0])
    failed = [(_short(x / unit), bottom, trial, f"trial {trial}: {NO_SCORE}") for x, trial in progress.failed]
    return _chart(
        {"type": "value", "name": f"{name} since the start", "min": 0},
        _score_axis(charts, low),
        [
            _dots("shorter trials", inside(progress.shorter), FAINT, 5, hollow=True),
            _dots("trials", inside(progress.dots), ACCENT, 7 if len(progress.dots) < FEW else 4),
            {
                **_dots("below the axis", at([dot for dot in all_of_them if _below(charts, dot[1])]), ACCENT, 9),
                "symbol": "triangle",
                "symbolRotate": 180,
                "symbolOffset": [0, -5],
            },
            {**_line("best so far", best, GOOD, 2.5), "step": "end", "silent": True},
            {
                **_dots("failed", failed, FAILED, 8),
                "symbol": "path://M0,0L8,8M8,0L0,8",
                "itemStyle": {"color": "none", "borderColor": FAILED, "borderWidth": 1.5},
            },
            _ring([dot for dot in at(all_of_them) if dot[2] in seen]),
        ],
    )


def _below(charts: Charts, score: float) -> bool:
    """Does the axis end above it?"""
    return charts.progress.floor is not None and score < charts.progress.floor


def _low(charts: Charts) -> float | None:
    """Where an axis ends on which not all scores have room; None: nowhere."""
    if charts.progress.floor is None:
        return None
    drawn = [_y(charts, y) for _, y, _ in (*charts.progress.dots, *charts.progress.shorter) if not _below(charts, y)]
    low, high = min(drawn), max(drawn)
    ticks = round_ticks(low - ROOM * (high - low or abs(high)), high)
    return _short(2 * ticks[0] - ticks[1])


def _reached(charts: Charts, seconds: float, value: float) -> str:
    return f"{score(charts.metric, value)} after {duration(seconds)}"


def scatter_options(charts: Charts, scatter: Scatter, seen: Collection[int] = ()) -> Options:
    """Scores against a size, with the front."""

    def at(x: float, y: float, trial: int | None, name: str) -> Point:
        return x, _y(charts, y), trial, f"{name}: {score(charts.metric, y)}, {_size(scatter, x)}"

    dots = [at(x, y, trial, f"trial {trial}") for x, y, trial in scatter.dots]
    front = [at(x, y, trial, f"trial {trial}") for x, y, trial in scatter.front]
    trained = [
        {"name": name, "value": at(x, y, None, name), "label": {"position": _beside(scatter, x)}}
        for x, y, name in scatter.trained
    ]
    more = "more is better" if scatter.more_is_better else "less is better"
    scale = ", log scale" if scatter.log else ""
    step = "start" if scatter.more_is_better else "end"
    knee = [dot for dot in front if dot[2] == scatter.knee]
    return _chart(
        {"type": "log" if scatter.log else "value", "name": f"{scatter.name} ({more}{scale})", "scale": True},
        _score_axis(charts),
        [
            _dots("networks", dots, ACCENT, 7 if len(dots) < FEW else 4),
            {**_line("front", [dot[:2] for dot in front], GOOD, 1.5), "step": step, "silent": True},
            _dots("on the front", front, GOOD, 9),
            {
                **_dots("compared, and baselines", [], INK, 10),
                "data": tuple(trained),
                "symbol": "diamond",
                "label": {"show": len(trained) <= 8, "formatter": "{b}", **LABEL},
                "labelLayout": {"hideOverlap": True},
            },
            {**_ring(knee), "name": "knee", "label": {"show": True, "formatter": "knee", "position": "top", **LABEL}},
            _ring([dot for dot in dots if dot[2] in seen]),
        ],
    )


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
        (x, _y(charts, y), curve.trial, f"{curve.name}: {score(charts.metric, y)} after {measure(x, charts.unit)}")
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


def _size(scatter: Scatter, x: float) -> str:
    if scatter.metric in SIZES:
        return f"{rounded(x)} {scatter.name}"
    return f"{scatter.name} {score(scatter.metric, x)}"


def _beside(scatter: Scatter, x: float) -> str:
    """Where a name has room: towards the middle of the chart."""
    sizes = [each[0] for each in (*scatter.dots, *scatter.trained)]
    middle = math.sqrt(min(sizes) * max(sizes)) if scatter.log else (min(sizes) + max(sizes)) / 2
    return "left" if x > middle else "right"


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


def _ring(data: Sequence[Any]) -> Options:
    """Around what is looked at."""
    ring = _dots("looked at", data, INK, 15)
    return {**ring, "itemStyle": {"color": "none", "borderColor": INK, "borderWidth": 2}, "silent": True, "z": 5}


def _y(charts: Charts, value: float) -> float:
    return _short(100 * value) if charts.share else _short(value)


def _short(value: float) -> float:
    return float(f"{value:.5g}")
