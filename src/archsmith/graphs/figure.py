"""Figures of boxes and arrows as self-contained SVG: sizes of texts, colours, shapes and smooth edges.

Knows nothing of networks: ``drawing`` decides what stands in the boxes and ``layout`` where they stand. Texts are
measured with the widths of Helvetica, and boxes have room for the widest of the usual sans-serif fonts (DejaVu Sans).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.sax import saxutils

from archsmith.graphs.geometry import Box, Layout, Placed, Point
from archsmith.graphs.nesting import SIDE, Frame, nested

FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"
LABEL, SMALL, TITLE = 12.0, 9.5, 14.0  # font sizes in pixels
INK, FAINT, LINE = "#262b33", "#6b7280", "#5b6472"
MARGIN = 16.0
WIDEST = 1.12  # texts in DejaVu Sans by texts as measured here
BOLD = 1.12  # bold letters by plain ones
ROUND = 6.0  # radius of the corners of an arrow, in pixels

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

    ``name``: by which edges name it; kept in the SVG as ``data-name``.
    ``label``: what stands in it.
    ``family``: its colours, one of ``COLOURS``; of a family that is not there, those of ``pointwise``.
    ``small``: a second line in small print.
    ``form``: ``box``, ``circle``, ``bar`` or ``text``.
    ``first``: it stands in the top layer.
    ``stacked``: it is drawn as a pile.
    ``group``: the name of the group that it stands in; empty for none.
    ``tip``: what is told where a mouse rests on it.
    """

    name: str
    label: str
    family: str
    small: str = ""
    form: str = "box"
    first: bool = False
    stacked: bool = False
    group: str = ""
    tip: str = ""


@dataclass(frozen=True)
class Group:
    """Marks and other groups in a frame of their own.

    ``name``: by which marks name it.
    ``label``: what stands in its top left corner.
    ``inside``: the name of the group that it stands in; empty for none.
    """

    name: str
    label: str
    inside: str = ""


def escape(text: str) -> str:
    """``text`` as XML content; control characters, which XML cannot hold at all, are left out."""
    return saxutils.escape(_printable(text))


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable() or letter == " ")


def text_width(text: str, size: float) -> float:
    """The width of ``text`` in pixels, by the letter widths of Helvetica plus 6 %."""
    ems = 0.0
    for letter in text:
        if unicodedata.east_asian_width(letter) in "WF":
            ems += 1.0
        elif letter in _NARROW:
            ems += 0.27
        elif letter in _THIN:
            ems += 0.33
        elif letter in _WIDE:
            ems += 0.9
        else:
            ems += 0.7 if letter.isupper() else 0.56
    return 1.06 * ems * size


def figure(
    marks: Sequence[Mark],
    edges: Sequence[tuple[str, str]],
    title: str = "",
    note: str = "",
    groups: Sequence[Group] = (),
    pages: bool = True,
) -> str:
    """An SVG document of ``marks`` joined by ``edges`` (source, target), with a title above and a note below. A group
    comes after the one that it stands in. With ``pages`` a high figure stands in columns side by side.
    """
    frames = [Frame(group.name, _room(text_width(group.label, SMALL)), group.inside) for group in groups]
    inside = {mark.name: mark.group for mark in marks}
    layout = nested([_box(mark) for mark in marks], list(dict.fromkeys(edges)), frames, inside, pages)
    left, right = _extent(layout)
    width = max(right - left, _room(text_width(title, TITLE) * BOLD), _room(text_width(note, SMALL))) + 2 * MARGIN
    head = MARGIN + (28.0 if title else 0.0)
    height = head + layout.height + MARGIN + (18.0 if note else 0.0)
    shift = (width - (right - left)) / 2 - left
    parts = [_framed(group, layout.boxes[group.name]) for group in groups]
    parts += _arrows(layout.routes)
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
        return Box(mark.name, max(90.0, _room(inner) + 20), 20.0 if not mark.small else 34.0, mark.first, bar=True)
    height = 38.0 if mark.small else 26.0
    return Box(mark.name, max(46.0, _room(inner) + 14), height + (6.0 if mark.stacked else 0.0), mark.first)


def _room(width: float) -> float:
    """The width that a text takes in the widest of the usual fonts, where it takes ``width`` in Helvetica."""
    return WIDEST * width


def _extent(layout: Layout) -> Point:
    xs = [x for points in layout.routes.values() for x, _ in points]
    xs += [placed.x + side * placed.width / 2 for placed in layout.boxes.values() for side in (-1, 1)]
    return min(xs, default=0.0), max(xs, default=0.0)


def _framed(group: Group, at: Placed) -> str:
    """Frames are see-through, so that one in another is darker."""
    return (
        f'<rect x="{_n(at.left)}" y="{_n(at.top)}" width="{_n(at.width)}" height="{_n(at.height)}" rx="8" '
        f'fill="{LINE}" fill-opacity=".04" stroke="{LINE}" stroke-opacity=".45" '
        f"data-name={_quoted(group.name)}/>{_text(at.left + SIDE, at.top + 12.5, group.label, SMALL, FAINT, 'start')}"
    )


def _drawn(mark: Mark, at: Placed) -> str:
    tip = f"<title>{escape(mark.tip)}</title>" if mark.tip else ""
    return f"<g data-name={_quoted(mark.name)}>{tip}{_shape(mark, at)}</g>"


def _shape(mark: Mark, at: Placed) -> str:
    fill, line = COLOURS.get(mark.family, COLOURS["pointwise"])
    if mark.form == "circle":
        return _circle(mark, at, fill, line)
    left, top, width, height = at.left, at.top, at.width, at.height
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


def _text(x: float, y: float, text: str, size: float, colour: str, anchor: str = "middle", bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" fill="{colour}" text-anchor="{anchor}"{weight}>'
        f"{escape(text)}</text>"
    )


def _arrows(routes: Mapping[tuple[str, str], Sequence[Point]]) -> list[str]:
    """One path an edge. Where edges share a trunk it is drawn once: twice the same line looks bolder than once."""
    drawn: set[tuple[Point, Point]] = set()
    arrows = []
    for (source, target), points in routes.items():
        pieces = list(pairwise(points))
        shared = 0
        while shared < len(pieces) - 1 and pieces[shared] in drawn:
            shared += 1
        drawn.update(pieces)
        arrows.append(
            f'<path d="{_arrow(points[shared:])}" fill="none" stroke="{LINE}" stroke-width="1.15" '
            f'marker-end="url(#tip)" data-from={_quoted(source)} data-to={_quoted(target)}/>'
        )
    return arrows


def _arrow(points: Sequence[Point]) -> str:
    """A smooth path: an S where a piece goes down and aside, straight pieces elsewhere, with round corners."""
    points = _turns(points)
    path = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
    for i, (a, b) in enumerate(pairwise(points)):
        if _bends(a, b):
            bend = (b[1] - a[1]) * 0.5
            path.append(f"C{_n(a[0])} {_n(a[1] + bend)} {_n(b[0])} {_n(b[1] - bend)} {_n(b[0])} {_n(b[1])}")
        elif i + 2 == len(points) or _bends(b, points[i + 2]):
            path.append(_straight(a, b))
        else:
            before, after = _towards(b, a), _towards(b, points[i + 2])
            path.append(f"{_straight(a, before)}Q{_n(b[0])} {_n(b[1])} {_n(after[0])} {_n(after[1])}")
    return "".join(path)


def _turns(points: Sequence[Point]) -> list[Point]:
    """The points without those at which nothing turns."""
    kept = [points[0]]
    for point, following in pairwise(points[1:]):
        level = [
            abs(kept[-1][axis] - point[axis]) < 0.05 and abs(point[axis] - following[axis]) < 0.05 for axis in (0, 1)
        ]
        if not any(level):
            kept.append(point)
    return [*kept, points[-1]]


def _bends(a: Point, b: Point) -> bool:
    return abs(a[0] - b[0]) >= 0.05 and abs(a[1] - b[1]) >= 0.05


def _straight(a: Point, b: Point) -> str:
    return f"V{_n(b[1])}" if abs(a[0] - b[0]) < 0.05 else f"H{_n(b[0])}"


def _towards(corner: Point, other: Point) -> Point:
    """The point at which a round corner begins or ends."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = abs(dx) + abs(dy)
    part = min(ROUND, length / 2) / length
    return corner[0] + dx * part, corner[1] + dy * part


def _quoted(name: str) -> str:
    return saxutils.quoteattr(_printable(name))


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
