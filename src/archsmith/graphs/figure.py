"""Figures of boxes and arrows as self-contained SVG: sizes of texts, colours, shapes and smooth edges.

Knows nothing of networks: ``drawing`` decides what stands in the boxes and ``layout`` where they stand. Texts are
measured with the widths of Helvetica and a margin, so that they fit their boxes in the usual sans-serif fonts (DejaVu
Sans, the widest of them, is 15 % wider).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.sax import saxutils

from archsmith.graphs.layout import Box, Layout, Placed, Point, arrange

FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"
LABEL, SMALL, TITLE = 12.0, 9.5, 14.0  # font sizes in pixels
INK, FAINT, LINE = "#262b33", "#6b7280", "#5b6472"
MARGIN = 16.0

# family -> (fill, outline): light fills that survive a black-and-white print, outlines of the same hue.
COLOURS: dict[str, tuple[str, str]] = {
    "port": ("#ffffff", "#7b8494"),  # what goes in and what comes out
    "convolution": ("#dbe8f6", "#4f7fb0"),
    "dense": ("#dbe8f6", "#4f7fb0"),
    "separable": ("#e4def3", "#7a68ad"),
    "pooling": ("#fae6cf", "#c48a41"),
    "plain": ("#f1f2f4", "#8f97a3"),
    "joined": ("#dfeee0", "#5f9a69"),
    "combine": ("#ffffff", "#4b5563"),
    "pointwise": ("#fbf4d3", "#b5a144"),
    "reduction": ("#fae6cf", "#c48a41"),
    "cell": ("#dbe8f6", "#4f7fb0"),
    "head": ("#f8dede", "#b66565"),
}

_NARROW = set("ijl|.,:;'!I")
_THIN = set('ftr()[]-/ "·')
_WIDE = set("mwMW%@→…")


@dataclass(frozen=True)
class Mark:
    """One thing in a figure.

    ``name``: by which edges name it.
    ``label``: what stands in it.
    ``family``: its colours, one of ``COLOURS``; of a family that is not there, those of ``pointwise``.
    ``small``: a second line in small print.
    ``form``: ``box``, ``circle``, ``bar`` or ``text``.
    ``first``: it stands in the top layer.
    ``stacked``: it is drawn as a pile.
    """

    name: str
    label: str
    family: str
    small: str = ""
    form: str = "box"
    first: bool = False
    stacked: bool = False


def escape(text: str) -> str:
    """``text`` as XML content; control characters, which XML cannot hold at all, are left out."""
    return saxutils.escape("".join(letter for letter in text if letter.isprintable() or letter == " "))


def text_width(text: str, size: float) -> float:
    """The width of ``text`` in pixels, by the letter widths of Helvetica plus 6 %."""
    ems = 0.0
    for letter in text:
        if letter in _NARROW:
            ems += 0.27
        elif letter in _THIN:
            ems += 0.33
        elif letter in _WIDE:
            ems += 0.9
        else:
            ems += 0.7 if letter.isupper() else 0.56
    return 1.06 * ems * size


def figure(marks: Sequence[Mark], edges: Sequence[tuple[str, str]], title: str = "", note: str = "") -> str:
    """An SVG document of ``marks`` joined by ``edges`` (source, target), with a title above and a note below."""
    layout = arrange([_box(mark) for mark in marks], edges)
    left, right = _extent(layout)
    # a bold title is wider
    width = max(right - left, text_width(title, TITLE) * 1.08, text_width(note, SMALL)) + 2 * MARGIN
    head = MARGIN + (28.0 if title else 0.0)
    height = head + layout.height + MARGIN + (18.0 if note else 0.0)
    shift = (width - (right - left)) / 2 - left
    parts = _arrows(layout.routes.values())
    parts += [_drawn(mark, layout.boxes[mark.name]) for mark in marks]
    named = f"<title>{escape(title)}</title>" if title else ""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}" width="{_n(width)}" '
        f'height="{_n(height)}" '
        f'style="max-width:100%;height:auto" font-family="{FONT}" role="img">',
        f"{named}<defs>"
        '<marker id="tip" viewBox="0 0 8 8" refX="7.2" refY="4" markerWidth="6.4" markerHeight="6.4" '
        f'orient="auto"><path d="M0 0.8L7.6 4L0 7.2z" fill="{LINE}"/>'
        "</marker></defs>",
        f'<rect width="{_n(width)}" height="{_n(height)}" fill="#ffffff"/>',
    ]
    if title:
        lines.append(_text(width / 2, MARGIN + 11, title, TITLE, INK, bold=True))
    lines.append(f'<g transform="translate({_n(shift)} {_n(head)})">')
    lines += parts
    lines.append("</g>")
    if note:
        lines.append(_text(width / 2, height - MARGIN + 4, note, SMALL, FAINT))
    lines.append("</svg>")
    return "\n".join(lines) + "\n"


def _box(mark: Mark) -> Box:
    if mark.form == "circle":
        return Box(mark.name, 20.0, 20.0, mark.first, round=True)
    inner = max(text_width(mark.label, LABEL), text_width(mark.small, SMALL))
    if mark.form == "bar":
        return Box(mark.name, max(90.0, inner + 24), 20.0 if not mark.small else 34.0, mark.first, bar=True)
    height = 38.0 if mark.small else 26.0
    return Box(mark.name, max(46.0, inner + 20), height + (6.0 if mark.stacked else 0.0), mark.first)


def _extent(layout: Layout) -> Point:
    xs = [x for points in layout.routes.values() for x, _ in points]
    xs += [placed.x + side * placed.width / 2 for placed in layout.boxes.values() for side in (-1, 1)]
    return min(xs, default=0.0), max(xs, default=0.0)


def _drawn(mark: Mark, at: Placed) -> str:
    fill, line = COLOURS.get(mark.family, COLOURS["pointwise"])
    if mark.form == "circle":
        return _circle(mark, at, fill, line)
    left, top, width, height = at.x - at.width / 2, at.y - at.height / 2, at.width, at.height
    parts = []
    if mark.form != "text":
        if mark.stacked:
            height -= 6.0
            parts += [_rectangle(left + d, top + 2 * d, width - 2 * d, height, fill, line) for d in (3, 1.5)]
        dash = ' stroke-dasharray="3 2.4"' if mark.family == "port" else ""
        parts.append(_rectangle(left, top, width, height, fill, line, 4 if mark.form == "bar" else 6, dash))
    middle = top + height / 2
    if mark.small:
        parts.append(_text(at.x, middle - 2.5, mark.label, LABEL, INK))
        parts.append(_text(at.x, middle + 10.5, mark.small, SMALL, FAINT))
    else:
        parts.append(_text(at.x, middle + 4.2, mark.label, LABEL, INK))
    return "".join(parts)


def _circle(mark: Mark, at: Placed, fill: str, line: str) -> str:
    """A small circle with a plus or a cross, drawn with lines so that no font can shift it."""
    radius = at.width / 2
    arm = radius * 0.5
    strokes = f"M{_n(at.x - arm)} {_n(at.y)}H{_n(at.x + arm)}M{_n(at.x)} {_n(at.y - arm)}V{_n(at.y + arm)}"
    turn = f' transform="rotate(45 {_n(at.x)} {_n(at.y)})"' if mark.label == "×" else ""
    return (
        f'<circle cx="{_n(at.x)}" cy="{_n(at.y)}" r="{_n(radius)}" fill="{fill}" stroke="{line}" stroke-width="1.1"/>'
        f'<path d="{strokes}" stroke="{line}" stroke-width="1.4" fill="none"{turn}/>'
    )


def _rectangle(
    left: float, top: float, width: float, height: float, fill: str, line: str, radius: float = 6, more: str = ""
) -> str:
    return (
        f'<rect x="{_n(left)}" y="{_n(top)}" width="{_n(width)}" height="{_n(height)}" rx="{_n(radius)}" '
        f'fill="{fill}" stroke="{line}" '
        f'stroke-width="1.1"{more}/>'
    )


def _text(x: float, y: float, text: str, size: float, colour: str, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" fill="{colour}" text-anchor="middle"{weight}>'
        f"{escape(text)}</text>"
    )


def _arrows(routes: Iterable[Sequence[Point]]) -> list[str]:
    """One path an edge. Where edges share a trunk it is drawn once: twice the same line looks bolder than once."""
    drawn: set[tuple[Point, Point]] = set()
    arrows = []
    for points in routes:
        pieces = list(pairwise(points))
        shared = 0
        while shared < len(pieces) - 1 and pieces[shared] in drawn:
            shared += 1
        drawn.update(pieces)
        arrows.append(_arrow(points[shared:]))
    return arrows


def _arrow(points: Sequence[Point]) -> str:
    """A smooth path: straight down inside the layers, an S in every gap between two layers."""
    path = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
    at = points[0]
    for index, (a, b) in enumerate(pairwise(points)):
        if abs(a[0] - b[0]) < 0.05:
            # one straight line for a run of straight pieces
            if index + 2 == len(points) or abs(points[index + 2][0] - b[0]) >= 0.05:
                path.append(f"V{_n(b[1])}")
        else:
            bend = (b[1] - a[1]) * 0.5
            path.append(f"C{_n(a[0])} {_n(a[1] + bend)} {_n(b[0])} {_n(b[1] - bend)} {_n(b[0])} {_n(b[1])}")
        at = b
    assert at == points[-1]
    return f'<path d="{"".join(path)}" fill="none" stroke="{LINE}" stroke-width="1.15" marker-end="url(#tip)"/>'


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
