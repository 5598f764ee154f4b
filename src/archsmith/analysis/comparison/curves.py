"""The curves of a comparison: drawn for its page, as SVG files by themselves, and as a PNG file."""

from __future__ import annotations

import io
import re
from dataclasses import replace

from archsmith.analysis import wording
from archsmith.analysis.axes import Axis, percent, plain
from archsmith.analysis.charts import NARROW, TEXT, WIDE, Band, Ends, Layer, Line, Size, both, plot, shortened, text
from archsmith.analysis.comparison.across import Across
from archsmith.analysis.comparison.compared import VOLUME, Compared, Curve, metric_name
from archsmith.core.errors import MissingExtraError

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
LEGEND = 20  # pixels of one line of the legend, and of the title

Scales = tuple[Axis, Axis, float]  # of x and y, and what seconds are divided by


def axes(compared: Compared) -> Scales:
    """The scales of the curves, and what seconds are divided by."""
    ends = max((curve.x[-1] for curve in compared.curves), default=1.0)
    unit, name = 1.0, "trials"
    if compared.axis == "seconds":
        unit, name = (3600.0, "hours") if ends > 5 * 3600 else (60.0, "minutes") if ends > 600 else (1.0, "seconds")
        name = f"simulated {name} of search" if compared.simulated else f"{name} of trials"
    settled = [
        value
        for curve in compared.curves
        for x, low, high in zip(curve.x, curve.low, curve.high, strict=True)
        if x >= SETTLED * ends
        for value in (low, high)
    ] or [0.0]
    low, high = min(settled), max(settled)
    spread = (high - low) * 0.05 or abs(high) * 0.01 or 1.0
    show = percent if compared.in_per_cent else plain
    y = Axis(followed(compared), low - spread, high + spread, show=show)
    return Axis(name, 0.0, ends / unit, whole=name == "trials"), y, unit


def chart(compared: Compared) -> str:
    """The curves in both sizes, for a page."""
    return both(lambda size: _draw(compared, TALL if size.name == "wide" else size), NARROW, WIDE)


def colour_class(compared: Compared | Across, label: str) -> str:
    """The CSS class of a strategy's colour."""
    return "s0" if label == compared.reference else f"s{1 + _place(compared, label) % (len(COLOURS) - 1)}"


def is_dashed(compared: Compared | Across, label: str) -> bool:
    """Is the line of a strategy dashed? That of the reference is, and those of others when all colours are used up."""
    return label == compared.reference or _place(compared, label) >= len(COLOURS) - 1


def _place(compared: Compared | Across, label: str) -> int:
    """Which one it is besides the reference, from 0."""
    return [other for other in compared.labels if other != compared.reference].index(label)


def _draw(compared: Compared, size: Size, scales: Scales | None = None, names: bool = False) -> str:
    """``scales``: where they are not to be those of ``compared``; ``names``: write the names where the lines end."""
    x, y, unit = scales or axes(compared)
    bands: list[Layer] = []
    lines: list[Layer] = []
    for curve in compared.curves:
        # The beginning that lies outside the scale is left out: at its edge it would look like values.
        first = next((i for i, mean in enumerate(curve.mean) if y.low <= mean <= y.high), 0)
        at = [value / unit for value in curve.x[first:]]
        colour, dashed = colour_class(compared, curve.label), is_dashed(compared, curve.label)
        bands.append(Band(list(zip(at, curve.low[first:], curve.high[first:], strict=True)), colour))
        lines.append(Line(list(zip(at, curve.mean[first:], strict=True)), colour, dashed))
    ends = [(curve.mean[-1], curve.label, colour_class(compared, curve.label)) for curve in compared.curves]
    return plot(size, x, y, [*bands, *lines, *([Ends(ends)] if names else [])], title(compared))


def title(compared: Compared) -> str:
    """What the curves are, for a picture by itself."""
    shades = " with 95 % intervals" if intervals(compared) else ""
    return f"{compared.title}: {followed(compared)}, {means(compared)}{shades}"


def followed(compared: Compared) -> str:
    """What a curve follows over the search."""
    return f"{metric_name(compared.metric)} of the {'front' if compared.metric == VOLUME else 'incumbent'}"


def means(compared: Compared, *, each: bool = False) -> str:
    """What lines are: ``means of 8 runs``. ``each``: tell the number of each strategy where they are not the same."""
    if compared.n_runs == 1:
        return "one run of each strategy"
    counts = {curve.label: counted(compared, curve.label) for curve in compared.curves}
    if set(counts.values()) <= {compared.n_runs}:
        return f"means of {wording.amount(compared.n_runs, 'run')}"
    told = wording.listing([f"{label} {count}" for label, count in counts.items()])
    return f"means of the runs that count{f' ({told})' if each else ' (n)'}"


def intervals(compared: Compared) -> bool:
    """Has any curve an interval? One run says nothing of how far others would differ."""
    return any(counted(compared, curve.label) > 1 for curve in compared.curves)


def counted(compared: Compared, label: str) -> int:
    """How many runs the mean of a curve is of."""
    row = next(row for row in compared.rows if row.label == label)
    return row.independent if compared.metric == VOLUME else min(row.independent, row.n_runs - row.n_nothing)


# Style


def page_style() -> str:
    """Colours of strategies for the page, in light and in dark."""
    names = range(len(COLOURS))
    light, dark = ("".join(f"--s{i}:{COLOURS[i][theme]};" for i in names) for theme in (0, 1))
    rules = "".join(
        f".line.s{i}{{stroke:var(--s{i})}}"
        f".band.s{i}{{fill:var(--s{i});fill-opacity:{SHADE}}}"
        f".dot.s{i}{{background:var(--s{i})}}"
        f".fill.s{i}{{fill:var(--s{i})}}"
        for i in names
    )
    in_dark = f"@media (prefers-color-scheme: dark){{:root{{{dark}}}}}"
    in_print = f"@media print{{:root{{{light}}}}}"
    return f":root{{{light}}}\n{in_dark}\n{in_print}\n{rules}\n"


def _rules(theme: int, n: int = len(COLOURS)) -> str:
    """The style of a picture by itself, in light (0) or in dark (1), for its first ``n`` colours."""
    ink, colours = INK[theme], [colour[theme] for colour in COLOURS[:n]]
    strategies = "".join(
        f".line.s{i}{{stroke:{c}}}.band.s{i}{{fill:{c};fill-opacity:{SHADE}}}.word.s{i},.fill.s{i}{{fill:{c}}}"
        for i, c in enumerate(colours)
    )
    font = "12px Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif"
    return (
        f"text{{font:{font};fill:{ink}}}.label,.word{{font-weight:600}}.paper{{fill:{PAPER[theme]}}}"
        f".grid{{stroke:{RULE[theme]};fill:none}}.axis{{stroke:{ink};fill:none}}"
        f".ink{{fill:{ink}}}"
        ".line{fill:none;stroke-width:2;stroke-linejoin:round}"
        f".line.faint{{stroke:{ink};stroke-width:.7;stroke-opacity:.5}}{strategies}"
    )


# Pictures by themselves


def picture(compared: Compared) -> str:
    """The curves as an SVG file by itself, with a legend, on white."""
    width, height = TALL.width + 20, TALL.height + LEGEND * len(compared.curves) + 10
    legend = ""
    for i, curve in enumerate(compared.curves):
        at = TALL.height + LEGEND * i + 14
        dash = ' stroke-dasharray="5 4"' if is_dashed(compared, curve.label) else ""
        legend += f'<path class="line {colour_class(compared, curve.label)}" d="M50 {at}h24"{dash}/>'
        legend += f'<text x="82" y="{at + 4}">{_legend(compared, curve)}</text>'
    height += LEGEND
    size = f'viewBox="-10 {-6 - LEGEND} {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    paper = f'<rect class="paper" x="-10" y="{-6 - LEGEND}" width="100%" height="100%"/>'
    paper += text(0, TEXT - LEGEND, shortened(title(compared), 0.9 * TALL.width), "start", "label")
    inside = re.sub(r"^<svg[^>]*>|</svg>$", "", _draw(compared, TALL))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{_rules(0)}</style>'
    return f"{head}{paper}{inside}{legend}</svg>\n"


def small_picture(compared: Compared, label: str) -> str:
    """The curves of one strategy and of the reference as a small SVG file by itself, with names where lines end."""
    shown = {compared.reference, label}
    few = replace(
        compared,
        rows=tuple(row for row in compared.rows if row.label in shown),
        curves=tuple(curve for curve in compared.curves if curve.label in shown),
    )
    x, y, unit = small_axes(compared)
    x = replace(x, label=f"{x.label}; {means(compared)}")
    return by_itself(_draw(few, NARROW, (x, y, unit), names=True))


def small_axes(compared: Compared) -> Scales:
    """As ``axes``, one scale for all small pictures of a comparison: from where the reference settles to the best of
    any strategy.
    """
    reference = tuple(curve for curve in compared.curves if curve.label == compared.reference)
    x, y, unit = axes(replace(compared, curves=reference))
    _, whole, _ = axes(compared)
    low, high = (y.low, whole.high) if compared.maximize else (whole.low, y.high)
    return x, replace(y, label=f"{compared.title}: {y.label}", low=low, high=high), unit


def by_itself(drawn: str) -> str:
    """A chart of strategies (``s0`` the reference) as an SVG file with its own colours, in light or in dark as its
    reader likes it.
    """
    edge = 4
    width, height = (float(side) + 2 * edge for side in re.findall(r'viewBox="0 0 (\S+) (\S+)"', drawn)[0])
    head, inside = drawn.split(">", 1)
    head = re.sub(r' (class|viewBox|width|height)="[^"]*"', "", head)
    head = f'{head} viewBox="{-edge} {-edge} {width:g} {height:g}" width="{width:g}" height="{height:g}">'
    n = 1 + max(map(int, re.findall(r"\bs(\d)\b", inside)), default=0)
    style = f"<style>{_rules(0, n)}@media(prefers-color-scheme:dark){{{_rules(1, n)}}}</style>"
    paper = f'<rect class="paper" x="{-edge}" y="{-edge}" width="100%" height="100%"/>'
    return f"{head}{style}{paper}{inside}\n"


def _legend(compared: Compared, curve: Curve) -> str:
    return f"{curve.label}: {compared.shown(curve.mean[-1])} (n = {counted(compared, curve.label)})"


def photograph(compared: Compared) -> bytes:
    """The curves as a PNG file. Raises MissingExtraError without matplotlib."""
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
        colour = COLOURS[int(colour_class(compared, curve.label)[1:])][0]
        at = [value / unit for value in curve.x]
        area.fill_between(at, curve.low, curve.high, color=colour, alpha=SHADE, linewidth=0)
        area.plot(
            at,
            curve.mean,
            color=colour,
            label=_legend(compared, curve),
            linestyle="--" if is_dashed(compared, curve.label) else "-",
        )
    area.set(xlim=(x.low, x.high), ylim=(y.low, y.high), xlabel=x.label, ylabel=y.label)
    area.set_title(title(compared), loc="left", fontsize=10, wrap=True)
    area.yaxis.set_major_formatter(lambda value, _: y.show(value))
    area.grid(axis="y", color="#e8ebef")
    area.spines[["top", "right", "left"]].set_visible(False)
    if compared.curves:
        area.legend(loc="lower right" if compared.maximize else "upper right", frameon=False)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()
