"""Charts as self-contained SVG: dots, lines, columns and bars.

Colours are CSS classes (``c1`` the one that matters, ``c2`` what it is compared with, ``c3`` a third, ``faint`` the
rest), so that the page around a chart decides how they look, in light and in dark. Every chart is drawn twice, for
narrow and for wide pages, because text that scales with its picture is unreadable on a phone; ``both`` puts the two
side by side for the style sheet to choose from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from archsmith.analysis.axes import Axis
from archsmith.analysis.placing import Box, along, apart, around, freest
from archsmith.analysis.wording import NB
from archsmith.graphs import figure
from archsmith.graphs.figure import text_width

TEXT = 12.0  # pixels; a chart is never shown at less than 90 % of its size
GAP = 6.0


@dataclass(frozen=True)
class Size:
    """The size of a whole chart.

    name: the CSS class of charts of this size
    width, height: in pixels
    """

    name: str
    width: float
    height: float


NARROW, WIDE = Size("narrow", 328.0, 260.0), Size("wide", 820.0, 340.0)
NARROW_SQUARE, WIDE_SQUARE = Size("narrow", 328.0, 320.0), Size("wide", 460.0, 430.0)


def both(draw: Callable[[Size], str], narrow: Size = NARROW, wide: Size = WIDE) -> str:
    """The chart in both sizes; the style sheet shows one of them."""
    return f'<div class="chart">{draw(narrow)}{draw(wide)}</div>'


# What can be drawn into a plot


@dataclass(frozen=True)
class Dots:
    """Dots.

    points: (x, y, tip) each
    colour: CSS class
    form: ``circle``, ``ring``, ``cross``, ``diamond`` or ``down`` (a triangle that points down)
    radius: in pixels
    """

    points: Sequence[tuple[float, float, str]]
    colour: str = "c1"
    form: str = "circle"
    radius: float = 3.5


@dataclass(frozen=True)
class Line:
    """A line.

    points: (x, y) each
    colour: CSS class
    dashed: is it dashed?
    steps: does it keep its height until the next point?
    """

    points: Sequence[tuple[float, float]]
    colour: str = "c1"
    dashed: bool = False
    steps: bool = False


@dataclass(frozen=True)
class Band:
    """The area between two curves.

    points: (x, low, high) each
    colour: CSS class
    """

    points: Sequence[tuple[float, float, float]]
    colour: str = "c1"


@dataclass(frozen=True)
class Columns:
    """Columns from the lower edge.

    bars: (left, right, height, tip) each
    colour: CSS class
    """

    bars: Sequence[tuple[float, float, float, str]]
    colour: str = "c1"


@dataclass(frozen=True)
class Word:
    """A short text beside a point.

    x, y: the point
    text: what stands there
    colour: CSS class
    """

    x: float
    y: float
    text: str
    colour: str = "ink"


@dataclass(frozen=True)
class Ends:
    """Names beside the right edge, at the heights where lines end. They are moved apart where they would overlap.

    names: (y, text, colour) each
    """

    names: Sequence[tuple[float, str, str]]


Layer = Dots | Line | Band | Columns | Word | Ends


def plot(size: Size, x: Axis, y: Axis, layers: Sequence[Layer], title: str) -> str:
    """Layers over one pair of axes. ``title`` is read out by screen readers; the page shows its own heading."""
    y_ticks = y.ticks(max(2, round(size.height / 70)))
    left = max((wide(y.show(tick), TEXT) for tick in y_ticks), default=0.0) + 2 * GAP
    names = [words for layer in layers if isinstance(layer, Ends) for _, words, _ in layer.names]
    top, bottom, right = (
        2 * TEXT + GAP,
        3 * TEXT + GAP,
        max([14.0, *(1.1 * wide(words, TEXT) + 3 * GAP for words in names)]),
    )
    area = _Area(left, top, size.width - left - right, size.height - top - bottom, x, y)
    parts = [_grid(area, y_ticks, size)]
    words: list[Box] = []  # must not lie over one another
    points = [box for layer in layers for box in _boxes(area, layer)]
    parts += [_word(area, layer, words, points) if isinstance(layer, Word) else _layer(area, layer) for layer in layers]
    return _document(size, title, "".join(parts))


@dataclass(frozen=True)
class _Area:
    """Where the data go."""

    left: float
    top: float
    width: float
    height: float
    x: Axis
    y: Axis

    def point(self, x: float, y: float) -> tuple[float, float]:
        return self.left + self.x.at(x) * self.width, self.top + (1 - self.y.at(y)) * self.height


def _grid(area: _Area, y_ticks: Sequence[float], size: Size) -> str:
    parts = []
    for tick in y_ticks:
        _, at = area.point(area.x.low, tick)
        parts.append(
            f'<path class="grid" d="M{n(area.left)} '
            f'{n(at)}h{n(area.width)}"/>{text(area.left - GAP, at + 4, area.y.show(tick), "end")}'
        )
    base = area.top + area.height
    ends = 0.0
    for tick in area.x.ticks(max(3, round(size.width / 100))):
        at, _ = area.point(tick, area.y.low)
        shown = area.x.show(tick)
        half = wide(shown, TEXT) / 2
        if at - half < ends + GAP and ends:
            continue  # would run into the one before
        centre = min(at, size.width - half)
        ends = centre + half
        parts.append(f'<path class="grid" d="M{n(at)} {n(base)}v4"/>{text(centre, base + TEXT + GAP, shown, "middle")}')
    parts.append(f'<path class="axis" d="M{n(area.left)} {n(base)}h{n(area.width)}"/>')
    parts.append(text(area.left + area.width / 2, size.height - 4, area.x.label, "middle", "label"))
    parts.append(text(0, TEXT, area.y.label, "start", "label"))
    return "".join(parts)


def _layer(area: _Area, layer: Dots | Line | Band | Columns | Ends) -> str:
    if isinstance(layer, Ends):
        return _ends(area, layer)
    if isinstance(layer, Line):
        return _line(area, layer)
    if isinstance(layer, Band):
        return _band(area, layer)
    if isinstance(layer, Columns):
        return "".join(_column(area, layer, bar) for bar in layer.bars)
    return "".join(_dot(*area.point(x, y), layer, tip) for x, y, tip in layer.points)


def _line(area: _Area, line: Line) -> str:
    path = ""
    for i, (x, y) in enumerate(line.points):
        px, py = area.point(x, y)
        path += f"M{n(px)} {n(py)}" if i == 0 else f"H{n(px)}V{n(py)}" if line.steps else f"L{n(px)} {n(py)}"
    dash = ' stroke-dasharray="5 4"' if line.dashed else ""
    return f'<path class="line {line.colour}" d="{path}"{dash}/>' if path else ""


def _band(area: _Area, band: Band) -> str:
    edge = [area.point(x, high) for x, _, high in band.points] + [
        area.point(x, low) for x, low, _ in reversed(band.points)
    ]
    return f'<path class="band {band.colour}" d="M{"L".join(f"{n(x)} {n(y)}" for x, y in edge)}z"/>' if edge else ""


def _column(area: _Area, layer: Columns, bar: tuple[float, float, float, str]) -> str:
    left, right, height, tip = bar
    (x0, y), (x1, base) = area.point(left, height), area.point(right, area.y.low)
    width = max(0.5, x1 - x0 - 1)
    place = f'x="{n(x0 + 0.5)}" y="{n(y)}" width="{n(width)}" height="{n(max(0.0, base - y))}"'
    return f'<rect class="fill {layer.colour}" {place}>{_tip(tip)}</rect>'


def _boxes(area: _Area, layer: Layer) -> list[Box]:
    """What a layer covers: its points and, of lines, what lies between them."""
    if isinstance(layer, Word):
        return [around(*area.point(layer.x, layer.y), GAP)]
    if isinstance(layer, Dots):
        return [around(*area.point(x, y), layer.radius) for x, y, _ in layer.points]
    if not isinstance(layer, Line):
        return []
    at = [area.point(x, y) for x, y in layer.points]
    if layer.steps:  # the corners between them
        at = [corner for (x, y), (right, _) in pairwise([*at, *at[-1:]]) for corner in ((x, y), (right, y))]
    return along(at)


def _word(area: _Area, word: Word, words: list[Box], points: Sequence[Box]) -> str:
    """Beside its point, at the first of eight places that is inside and free; or the one that covers least."""
    x, y = area.point(word.x, word.y)
    width = 1.1 * wide(word.text, TEXT)  # in bold letters
    places = [
        (left, base)
        for base in (y - GAP, y + TEXT + GAP, y - 3 * GAP, y + TEXT + 3 * GAP)
        for left in (x + 2 * GAP, x - 2 * GAP - width)
    ]
    inside = [
        place
        for place in places
        if area.left <= place[0] <= area.left + area.width - width and area.top <= place[1] - TEXT
    ]
    left, base = freest(inside or places, width, TEXT, words, points)
    left = max(0.0, min(left, area.left + area.width - width))  # too long for either side: over the point
    words.append((left, base, width, TEXT))
    return text(left, base, word.text, "start", f"word {word.colour}")


def _ends(area: _Area, ends: Ends) -> str:
    rows = sorted((area.point(area.x.high, y)[1], words, colour) for y, words, colour in ends.names)
    edge, parts = area.left + area.width, []
    heights = apart([y for y, _, _ in rows], TEXT + 2, area.top, area.top + area.height)
    for (y, words, colour), height in zip(rows, heights, strict=True):
        parts.append(f'<path class="axis" d="M{n(edge)} {n(y)}L{n(edge + 2 * GAP)} {n(height)}"/>')
        parts.append(text(edge + 2.5 * GAP, height + 4, words, "start", f"word {colour}"))
    return "".join(parts)


def _dot(x: float, y: float, dots: Dots, tip: str) -> str:
    r = dots.radius
    if dots.form in ("circle", "ring"):
        kind = "fill" if dots.form == "circle" else "line"
        return f'<circle class="{kind} {dots.colour}" cx="{n(x)}" cy="{n(y)}" r="{n(r)}">{_tip(tip)}</circle>'
    if dots.form == "cross":
        path = f"M{n(x - r)} {n(y - r)}l{n(2 * r)} {n(2 * r)}m0 {n(-2 * r)}l{n(-2 * r)} {n(2 * r)}"
        return f'<path class="line {dots.colour}" d="{path}">{_tip(tip)}</path>'
    path = f"M{n(x)} {n(y - r)}l{n(r)} {n(r)}l{n(-r)} {n(r)}l{n(-r)} {n(-r)}z"
    if dots.form == "down":
        path = f"M{n(x - r)} {n(y - 2 * r)}h{n(2 * r)}l{n(-r)} {n(2 * r)}z"
    return f'<path class="fill {dots.colour}" d="{path}">{_tip(tip)}</path>'


def _tip(tip: str) -> str:
    return f"<title>{escape(tip)}</title>" if tip else ""


# Bars with names


@dataclass(frozen=True)
class Bar:
    """One row of a bar chart.

    name: at its beginning
    value: its length
    shown: the text at its end
    mark: a second value that is drawn as a mark, as a forecast; None without one
    colour: CSS class
    """

    name: str
    value: float
    shown: str
    mark: float | None = None
    colour: str = "c1"


def bars(size: Size, rows: Sequence[Bar], title: str) -> str:
    """Horizontal bars that share one scale from 0; on a narrow page the names stand above their bars. The height
    follows from the rows.
    """
    if not rows:
        return ""
    narrow = size.name == "narrow"
    most = max([row.value for row in rows] + [row.mark or 0.0 for row in rows]) or 1.0
    ends = max(wide(row.shown, TEXT) for row in rows) + 2 * GAP
    room = size.width * (0.9 if narrow else 0.3)
    names = [shortened(row.name, room) for row in rows]
    left = 0.0 if narrow else max(wide(name, TEXT) for name in names) + 2 * GAP
    step, thick = (34.0, 12.0) if narrow else (24.0, 16.0)
    parts = []
    for i, (row, name) in enumerate(zip(rows, names, strict=True)):
        top = i * step + (16.0 if narrow else 4.0)
        length = max(1.0 if row.value else 0.0, (size.width - left - ends) * row.value / most)
        label = text(0, top - 4, name, "start") if narrow else text(left - GAP, top + thick / 2 + 4, name, "end")
        parts.append(f"<g>{_tip(f'{row.name}: {row.shown}')}{label}")
        parts.append(
            f'<rect class="fill {row.colour}" x="{n(left)}" y="{n(top)}" width="{n(length)}" height="{n(thick)}"/>'
        )
        at = left + length
        if row.mark is not None:
            mark = left + (size.width - left - ends) * row.mark / most
            parts.append(f'<path class="mark" d="M{n(mark)} {n(top - 3)}v{n(thick + 6)}"/>')
            at = max(at, mark)
        parts.append(text(at + GAP, top + thick / 2 + 4, row.shown, "start") + "</g>")
    return _document(Size(size.name, size.width, len(rows) * step + 6), title, "".join(parts))


def shortened(name: str, width: float) -> str:
    """``name``, cut so that it is at most ``width`` pixels wide."""
    if wide(name, TEXT) <= width:
        return name
    kept = name
    while kept and wide(kept + "…", TEXT) > width:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def _document(size: Size, title: str, inside: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{size.name}" viewBox="0 0 {n(size.width)} {n(size.height)}" '
        f'width="{n(size.width)}" '
        f'height="{n(size.height)}" role="img" aria-label="{_quoted(title)}">{inside}</svg>'
    )


def wide(words: str, size: float) -> float:
    """The width of ``words`` in pixels in DejaVu Sans, the widest of the usual fonts."""
    return 1.15 * text_width(words, size)


def escape(words: str) -> str:
    """As XML content. Nothing is wrapped inside a chart, so that plain spaces do."""
    return figure.escape(words.replace(NB, " "))


def text(x: float, y: float, words: str, anchor: str, kind: str = "") -> str:
    """One line of text; ``kind`` are its CSS classes."""
    styled = f' class="{kind}"' if kind else ""
    return f'<text x="{n(x)}" y="{n(y)}" text-anchor="{anchor}"{styled}>{escape(words)}</text>'


def _quoted(words: str) -> str:
    return escape(words).replace('"', "&quot;")


def n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
