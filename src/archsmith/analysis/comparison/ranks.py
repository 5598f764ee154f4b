"""The picture of several benchmarks: mean ranks of the strategies, and lines that join what was not shown to differ,
as in Demšar 2006, with strategies as rows, so that it fits a phone.
"""

from __future__ import annotations

from archsmith.analysis import wording
from archsmith.analysis.charts import GAP, NARROW, TEXT, WIDE, Size, both, n, shortened, text, wide
from archsmith.analysis.comparison.across import Across
from archsmith.analysis.comparison.curves import by_itself, colour_class
from archsmith.graphs.figure import escape

STEP = 30.0  # pixels from row to row
TOP = 42.0  # above the rows: title and scale
LANE = 12.0  # of one line that joins strategies


def chart(across: Across) -> str:
    """Both sizes, for a page."""
    return both(lambda size: draw(across, size), NARROW, WIDE)


def picture(across: Across) -> str:
    """An SVG file by itself."""
    return by_itself(draw(across, WIDE))


def title(across: Across) -> str:
    """What the picture shows."""
    runs = sorted(set(across.n_runs))
    counts = wording.amount(runs[0], "run") if len(runs) == 1 else f"{runs[0]} to {runs[-1]} runs"
    return f"Mean ranks on {wording.amount(len(across.titles), 'benchmark')}, {counts} each"


def draw(across: Across, size: Size) -> str:
    """Dots: mean ranks; rings: those of each benchmark; at the right, lines that join ``across.groups``."""
    rows, most = len(across.ranked), float(len(across.ranked))
    names = [shortened(row.label, 0.34 * size.width) for row in across.ranked]
    left = max(wide(name, TEXT) for name in [*names, "1 is best"]) + 2 * GAP
    right = size.width - LANE * len(across.groups) - 2 * GAP
    height = TOP + STEP * rows

    def at(rank: float) -> float:
        return left + GAP + (right - left - 2 * GAP) * (rank - 1) / max(1.0, most - 1)

    parts = [text(0, TEXT, title(across), "start", "label")]
    parts.append(text(left - 2 * GAP, TOP - 4, "1 is best", "end"))
    for rank in range(1, rows + 1):
        parts.append(f'<path class="grid" d="M{n(at(rank))} {n(TOP)}V{n(height)}"/>')
        parts.append(text(at(rank), TOP - 4, str(rank), "middle"))
    places = {}
    for i, (row, name) in enumerate(zip(across.ranked, names, strict=True)):
        y = places[row.label] = TOP + STEP * (i + 0.5)
        colour = colour_class(across, row.label)
        rings = "".join(
            f'<circle class="line {colour}" cx="{n(at(rank))}" cy="{n(y)}" r="3.5">'
            f"<title>{escape(f'{row.label} on {bench}: {rank:.2f}')}</title></circle>"
            for bench, rank in zip(across.titles, row.ranks, strict=True)
        )
        parts.append(f'<path class="axis" d="M{n(at(min(row.ranks)))} {n(y)}H{n(at(max(row.ranks)))}"/>{rings}')
        parts.append(
            f'<circle class="fill {colour}" cx="{n(at(row.mean))}" cy="{n(y)}" r="6">'
            f"<title>{escape(f'{row.label}: {row.mean:.2f}')}</title></circle>"
        )
        parts.append(text(left - 2 * GAP, y + 4, name, "end"))
    for i, group in enumerate(across.groups):
        x = right + 2 * GAP + LANE * i
        ys = [places[label] for label in group]
        parts.append(f'<path class="axis" stroke-width="2" d="M{n(x)} {n(min(ys))}V{n(max(ys))}"/>')
        parts += [f'<circle class="ink" cx="{n(x)}" cy="{n(y)}" r="3"/>' for y in ys]
    place = f'viewBox="0 0 {n(size.width)} {n(height)}" width="{n(size.width)}" height="{n(height)}"'
    label = escape(title(across)).replace('"', "&quot;")
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="{size.name}" {place} role="img" aria-label="{label}">'
    return f"{head}{''.join(parts)}</svg>"
