"""The drawings of a network: the whole, and its commonest cells or blocks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from archsmith.analysis.report.section import Section
from archsmith.analysis.study import Study
from archsmith.analysis.wording import metric_name, rounded
from archsmith.graphs.drawing import draw_cell, draw_network
from archsmith.graphs.graph import Graph
from archsmith.graphs.wording import words

ZOOM = 1.2  # of drawings: their small print is too small for a phone
SHRUNK = 0.75  # of that size is the least at which a drawing that is wider than the page is shown
PLAIN_SCOPES = ("Stage", "Stem", "Classifier", "Head")  # that tell little about a network
FEWEST_OPERATIONS = 6  # of a scope that is worth a drawing of its own


@dataclass(frozen=True)
class Inside:
    """The drawing of one cell or block: the commonest outermost ones are shown.

    title: its kind, and how often it occurs
    svg: the drawing's name among the drawings of its section
    """

    title: str
    svg: str


@dataclass(frozen=True)
class Network:
    """The network that the page draws.

    whose: in words
    size: its parameters, as text; empty where they are not known
    inside: its cells or blocks
    """

    whose: str
    size: str
    inside: tuple[Inside, ...]


def network_of(study: Study) -> Network | None:
    """None where the graph cannot be read."""
    if study.graph is None:
        return None
    row = study.exported
    params = (row or {}).get("params")
    size = f"{rounded(params)} parameters" if params else ""
    return Network("exported network" if row else _whose(study), size, insides(study.graph, "network"))


def _whose(study: Study) -> str:
    front = study.view.front
    if not front:
        return "best network"
    metric = metric_name(front.objectives[0].metric)
    why = "the knee of the front" if front.knee is not None else f"the best by {metric}"
    shown = front.knee or study.best
    return "best network" if shown is None else f"network of trial {shown.id}, {why}"


def drawings(study: Study, facts: Network) -> dict[str, str]:
    return {} if study.graph is None else drawn(study.graph, "network")


def insides(graph: Graph, name: str) -> tuple[Inside, ...]:
    """What is drawn besides the whole network."""
    return tuple(Inside(title, f"{name}-part{i}") for i, (title, _) in enumerate(parts(graph)))


def drawn(graph: Graph, name: str) -> dict[str, str]:
    """The network and its parts as SVG. ``name`` tells their arrows from those of other graphs on the page."""
    whole = {name: _fitting(lambda pages: draw_network(graph, note=False, pages=pages), name)}
    for i, (_, path) in enumerate(parts(graph)):
        kind, svg = words(graph.scopes[path].kind), f"{name}-part{i}"
        whole[svg] = _fitting(
            lambda pages, path=path, kind=kind: draw_cell(graph, path, title=kind, note=False, pages=pages),  # type: ignore[misc]
            svg,
        )
    return whole


def _fitting(draw: Callable[[bool], str], name: str) -> str:
    """A drawing for wide pages, and one without columns for narrow pages where that is another one."""
    wide, narrow = draw(True), draw(False)
    if wide == narrow:
        return _unique(wide, name)
    return _unique(narrow, f"{name}-narrow", "narrow") + _unique(wide, name, "wide")


def parts(graph: Graph) -> list[tuple[str, str]]:
    """(title, path of the scope) of up to two kinds of cells or blocks that are worth a drawing of their own."""
    kinds: dict[str, list[str]] = {}
    for path, scope in graph.scopes.items():
        inside = [other for other in graph.scopes.values() if other.path.startswith(path + ".")]
        # a cell is what was searched, however little it holds
        small = len(inside) < 2 and len(graph.inside(path)) < FEWEST_OPERATIONS and "Cell" not in scope.kind
        if scope.kind in PLAIN_SCOPES or small:
            continue
        outer = path.rpartition(".")[0]
        if not outer or graph.scopes[outer].kind in PLAIN_SCOPES:
            kinds.setdefault(scope.kind, []).append(path)
    common = Counter({kind: len(paths) for kind, paths in kinds.items()}).most_common(2)
    found = []
    for kind, n in common:
        path = max(
            kinds[kind], key=lambda path: (len(set(graph.scopes[path].inputs.values())), len(graph.inside(path)))
        )
        found.append((f"{words(kind)} ({'one of ' if n > 1 else ''}{n})", path))
    return found


def _unique(svg: str, name: str, kind: str = "") -> str:
    """Arrow heads are found by their id, which must be there once in a page. A wide drawing shrinks to fit the page,
    but only as far as its texts can be read.
    """
    larger = re.sub(
        r' (width|height)="([\d.]+)"', lambda size: f' {size[1]}="{float(size[2]) * ZOOM:.0f}"', svg, count=2
    )
    width = float(re.search(r'width="(\d+)"', larger)[1])  # type: ignore[index]
    shrinking = larger.replace('style="', f'style="min-width:{width * SHRUNK:.0f}px;', 1)
    classed = shrinking.replace("<svg ", f'<svg class="{kind}" ', 1) if kind else shrinking
    return classed.replace('id="tip"', f'id="tip-{name}"').replace("url(#tip)", f"url(#tip-{name})")


SECTION = Section("network", "The network", network_of, drawings)
