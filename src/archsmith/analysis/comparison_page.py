"""A comparison as files: one HTML page that needs nothing else, its curves as SVG and PNG, and all numbers as JSON."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from archsmith.analysis import wording
from archsmith.analysis.charts import NARROW, WIDE, Axis, Band, Ends, Layer, Line, Size, both, percent, plain, plot
from archsmith.analysis.compare import VOLUME, Compared, Curve, probability
from archsmith.analysis.report import TEMPLATES
from archsmith.core.errors import MissingExtraError, UsageError
from archsmith.runtime.comparison import Plan
from archsmith.version import VERSION

# Of strategies, (in light, in dark): the reference first, in grey. Hues that people with colour-blindness can tell
# apart next to one another.
COLOURS = (
    ("#57606c", "#a3adb9"),
    ("#1f6fb2", "#6cb2ee"),
    ("#c2500f", "#f2935a"),
    ("#147a5c", "#58c8a2"),
    ("#7b4fb5", "#b79bf0"),
    ("#b3202c", "#ff7d86"),
    ("#8c6d1f", "#d9b75a"),
    ("#0f7f93", "#4fc3d6"),
    ("#b83a82", "#f08cc4"),
)
# behind a picture by itself, its words, its grid
PAPER, INK, RULE = ("#ffffff", "#1e2129"), ("#57606c", "#a3adb9"), ("#e8ebef", "#353b45")
SHADE = 0.16  # opacity of an interval
# share of the budget after which values set the scale: the first trials of a search would leave no room for the rest
SETTLED = 0.08
TALL = Size("wide", WIDE.width, 400.0)


def write_comparison(compared: Compared, plan: Plan, folder: Path | str) -> tuple[list[Path], list[str]]:
    """Write ``results.json``, ``curves.svg``, ``report.html`` and ``curves.png`` into ``folder``. Returns the files,
    and a sentence for each that an optional package would be needed for. Raises UsageError where nothing can be
    written.
    """
    folder = Path(folder)
    files: list[Path] = []
    missing: list[str] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.append(
            _write(
                folder / "results.json",
                json.dumps({"plan": plan.to_dict(), **compared.to_dict()}, allow_nan=False).encode(),
            )
        )
        files.append(_write(folder / "curves.svg", picture(compared).encode()))
        makers: dict[str, Callable[[], bytes]] = {
            "report.html": lambda: render(compared, plan).encode(),
            "curves.png": lambda: photograph(compared),
        }
        for name, make in makers.items():
            try:
                files.append(_write(folder / name, make()))
            except MissingExtraError as error:
                missing.append(f"{name} was not written: {error}")
    except OSError as error:
        raise UsageError(
            f"The comparison cannot be written to {str(folder)!r} ({error.strerror}).",
            "Choose another folder with --out.",
        ) from error
    return files, missing


def _write(path: Path, data: bytes) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(data)
    os.replace(draft, path)
    return path


def render(compared: Compared, plan: Plan) -> str:
    """The page as text. Raises MissingExtraError without jinja2."""
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
        from markupsafe import Markup
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("jinja2", "train", "The page of a comparison") from error
    # Every value is escaped; only what this package draws itself is marked as safe.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        duration=wording.duration, clock=_clock, rounded=wording.rounded, p=probability, name=metric_name
    )
    return environment.get_template("comparison.html").render(
        compared=compared,
        plan=plan,
        facts=facts(compared, plan),
        settings={label: _settings(spec) for label, spec in plan.strategies.items()},
        chart=Markup(both(lambda size: _draw(compared, TALL if size.name == "wide" else size), NARROW, WIDE)),
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8") + _styles()),
        colour=lambda label: _class(compared, label),
        volume=compared.metric == VOLUME,
        written=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        version=VERSION,
    )


def facts(compared: Compared, plan: Plan) -> list[tuple[str, str]]:
    """What was compared, in words."""
    objectives = [
        f"{metric_name(str(name))} ({'highest' if maximize else 'lowest'} wins)"
        for name, maximize in plan.problem["objectives"]
    ]
    limits = [
        " ".join(
            [
                metric_name(str(name)),
                *([f"≤ {upper:g}"] if upper is not None else []),
                *([f"≥ {lower:g}"] if lower is not None else []),
            ]
        )
        for name, upper, lower in plan.problem["constraints"]
    ]
    kind = "simulated " if compared.simulated else ""
    budget = [
        *([f"{plan.seconds:,.0f} {kind}seconds"] if plan.seconds else []),
        *([wording.amount(plan.trials, "trial")] if plan.trials else []),
    ]
    judged = wording.listing([metric_name(metric) for metric in plan.judged_by])
    rows = [
        ("problem", plan.title),
        ("searched for", wording.listing(objectives)),
        ("judged by", f"{judged} of the answer"),
        ("budget of a run", " and ".join(budget)),
        ("runs", f"{compared.n_runs} of each strategy, seeds {plan.seed} to {plan.seed + plan.runs - 1}"),
        ("reference", compared.reference),
    ]
    return [*rows, *([("limits", wording.listing(limits))] if limits else [])]


def metric_name(metric: str) -> str:
    return "hyper-volume" if metric == VOLUME else wording.metric_name(metric)


def _clock(seconds: float) -> str:
    """Runs on tables take hundredths of a second."""
    return wording.duration(seconds) if seconds >= 10 else f"{seconds:.2g}{wording.NB}s"


def _settings(spec: Any) -> str:
    told = ", ".join(
        f"{name} {'–' if value is None else value}"
        for name, value in spec["args"].items()
        if not isinstance(value, dict)
    )
    return f"{spec['type']}: {told}" if told else str(spec["type"])


# The curves


def _class(compared: Compared, label: str) -> str:
    """The CSS class of a strategy's colour."""
    if label == compared.reference:
        return "s0"
    others = [row.label for row in compared.rows if row.label != compared.reference]
    return f"s{1 + others.index(label) % (len(COLOURS) - 1)}"


def axes(compared: Compared) -> tuple[Axis, Axis, float]:
    """The scales of the curves, and what seconds are divided by."""
    ends = max((curve.x[-1] for curve in compared.curves), default=1.0)
    unit, name = 1.0, "trials"
    if compared.axis == "seconds":
        unit, name = (3600.0, "hours") if ends > 5 * 3600 else (60.0, "minutes") if ends > 600 else (1.0, "seconds")
        name = f"{'simulated ' if compared.simulated else ''}{name} of search"
    settled = [
        value
        for curve in compared.curves
        for x, low, high in zip(curve.x, curve.low, curve.high, strict=True)
        if x >= SETTLED * ends
        for value in (low, high)
    ] or [0.0]
    low, high = min(settled), max(settled)
    spread = (high - low) * 0.05 or abs(high) * 0.01 or 1.0
    share = compared.shown(0.5).endswith("%")
    y = Axis(
        f"{metric_name(compared.metric)} of the answer", low - spread, high + spread, show=percent if share else plain
    )
    return Axis(name, 0.0, ends / unit), y, unit


def _draw(compared: Compared, size: Size, scale: tuple[Axis, Axis, float] | None = None, names: bool = False) -> str:
    """``scale``: as ``axes`` gives it, where it is not to be that of ``compared``; ``names``: stand where lines end."""
    x, y, unit = scale or axes(compared)
    bands: list[Layer] = []
    lines: list[Layer] = []
    for curve in compared.curves:
        # The beginning that lies outside the scale is left out: at its edge it would look like values.
        first = next((i for i, mean in enumerate(curve.mean) if y.low <= mean <= y.high), 0)
        at = [value / unit for value in curve.x[first:]]
        colour = _class(compared, curve.label)
        bands.append(Band(list(zip(at, curve.low[first:], curve.high[first:], strict=True)), colour))
        lines.append(
            Line(list(zip(at, curve.mean[first:], strict=True)), colour, dashed=curve.label == compared.reference)
        )
    ends = (
        [Ends([(curve.mean[-1], curve.label, _class(compared, curve.label)) for curve in compared.curves])]
        if names
        else []
    )
    title = f"{metric_name(compared.metric)} over the search: mean of {compared.n_runs} runs with 95 % intervals"
    return plot(size, x, y, [*bands, *lines, *ends], title)


def _styles() -> str:
    """Colours of strategies for the page, in light and in dark."""
    names = range(len(COLOURS))
    light, dark = ("".join(f"--s{i}:{COLOURS[i][theme]};" for i in names) for theme in (0, 1))
    rules = "".join(
        f".line.s{i}{{stroke:var(--s{i})}}.band.s{i}{{fill:var(--s{i});fill-opacity:{SHADE}}}.dot.s{i}{{background:var(--s{i})}}"
        for i in names
    )
    return f":root{{{light}}}\n@media (prefers-color-scheme: dark){{:root{{{dark}}}}}\n@media print{{:root{{{light}}}}}\n{rules}\n"


def picture(compared: Compared) -> str:
    """The curves as an SVG file by itself, with a legend, on white."""
    drawn = _draw(compared, TALL)
    height = TALL.height + 20 * len(compared.curves) + 10
    legend = ""
    for i, curve in enumerate(compared.curves):
        at = TALL.height + 20 * i + 14
        dash = ' stroke-dasharray="5 4"' if curve.label == compared.reference else ""
        legend += f'<path class="line {_class(compared, curve.label)}" d="M50 {at}h24"{dash}/><text x="82" y="{at + 4}">{_legend(compared, curve)}</text>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -6 {TALL.width + 20:g} {height:g}" width="{TALL.width + 20:g}" height="{height:g}">'
    inside = re.sub(r"^<svg[^>]*>|</svg>$", "", drawn)
    return f'{head}<style>{_rules(0)}</style><rect class="paper" x="-10" y="-6" width="100%" height="100%"/>{inside}{legend}</svg>\n'


def small_picture(compared: Compared, label: str) -> str:
    """The curves of one strategy and of the reference as a small SVG file by itself, with names where lines end."""
    shown = {compared.reference, label}
    few = replace(
        compared,
        rows=tuple(row for row in compared.rows if row.label in shown),
        curves=tuple(curve for curve in compared.curves if curve.label in shown),
    )
    return by_itself(_draw(few, NARROW, small_axes(compared), names=True))


def small_axes(compared: Compared) -> tuple[Axis, Axis, float]:
    """As ``axes``, one scale for all small pictures of a comparison: from where the reference settles to the best of
    any strategy.
    """
    x, y, unit = axes(
        replace(compared, curves=tuple(curve for curve in compared.curves if curve.label == compared.reference))
    )
    _, whole, _ = axes(compared)
    low, high = (y.low, whole.high) if compared.maximize else (whole.low, y.high)
    return x, replace(y, label=f"{compared.title}: {y.label}", low=low, high=high), unit


def by_itself(chart: str) -> str:
    """A chart of strategies (``s0`` the reference) as an SVG file with its own colours, in light or in dark as its
    reader likes it.
    """
    edge = 4
    width, height = (float(side) + 2 * edge for side in re.findall(r'viewBox="0 0 (\S+) (\S+)"', chart)[0])
    head, inside = chart.split(">", 1)
    head = re.sub(r' (class|viewBox|width|height)="[^"]*"', "", head)
    head = f'{head} viewBox="{-edge} {-edge} {width:g} {height:g}" width="{width:g}" height="{height:g}">'
    n = 1 + max(map(int, re.findall(r"\bs(\d)\b", inside)), default=0)
    style = f"{_rules(0, n)}@media(prefers-color-scheme:dark){{{_rules(1, n)}}}"
    return f'{head}<style>{style}</style><rect class="paper" x="{-edge}" y="{-edge}" width="100%" height="100%"/>{inside}\n'


def _rules(theme: int, n: int = len(COLOURS)) -> str:
    """The style of a picture by itself, in light (0) or in dark (1), for its first ``n`` colours."""
    ink, colours = INK[theme], [colour[theme] for colour in COLOURS[:n]]
    strategies = "".join(
        f".line.s{i}{{stroke:{c}}}.band.s{i}{{fill:{c};fill-opacity:{SHADE}}}.word.s{i}{{fill:{c}}}"
        for i, c in enumerate(colours)
    )
    return (
        f"text{{font:12px Helvetica,Arial,'Liberation Sans','DejaVu "
        f"Sans',sans-serif;fill:{ink}}}.label,.word{{font-weight:600}}.paper{{fill:{PAPER[theme]}}}"
        f".grid{{stroke:{RULE[theme]};fill:none}}.axis{{stroke:{ink};fill:none}}.line{{fill:none;stroke-width:2;stroke-linejoin:round}}"
        f".line.faint{{stroke:{ink};stroke-width:.7;stroke-opacity:.5}}{strategies}"
    )


def _legend(compared: Compared, curve: Curve) -> str:
    return f"{curve.label}: {compared.shown(curve.mean[-1])}"


def photograph(compared: Compared) -> bytes:
    """The curves as a PNG file. Raises MissingExtraError without matplotlib."""
    import io

    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("matplotlib", "train", "A picture of the curves") from error
    x, y, unit = axes(compared)
    figure = Figure(figsize=(8.2, 4.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    area = figure.add_subplot()
    for curve in compared.curves:
        colour = COLOURS[int(_class(compared, curve.label)[1:])][0]
        at = [value / unit for value in curve.x]
        area.fill_between(at, curve.low, curve.high, color=colour, alpha=SHADE, linewidth=0)
        area.plot(
            at,
            curve.mean,
            color=colour,
            label=_legend(compared, curve),
            linestyle="--" if curve.label == compared.reference else "-",
        )
    area.set(xlim=(x.low, x.high), ylim=(y.low, y.high), xlabel=x.label, ylabel=y.label)
    area.yaxis.set_major_formatter(lambda value, _: y.show(value))
    area.grid(axis="y", color="#e8ebef")
    area.spines[["top", "right", "left"]].set_visible(False)
    if compared.curves:
        area.legend(loc="lower right", frameon=False)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()
