"""Drawings of a graph as SVG, for people: one cell with its operations, the whole network with its cells, or any scope
at any depth.

A drawing is the graph with some scopes closed. In a cell, a scope that only carries out one operation (a separable
convolution with its activations and normalisations) is one box, named by what it computes: the label is read from the
primitives inside, so that spaces of other people are labelled as well as ours. In a network every cell or block is one
box, and a run of three or more equal ones is one pile. Opened scopes are frames, except for stages of a network and for
the blocks of a cell that does not go deeper.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from archsmith.core.errors import UsageError
from archsmith.core.fields import checked
from archsmith.graphs.figure import Group, Mark, figure
from archsmith.graphs.graph import AUXILIARY, Graph
from archsmith.graphs.labels import describe, is_one, named
from archsmith.graphs.operations import OPERATIONS
from archsmith.graphs.piles import piled, spatial
from archsmith.graphs.view import Item, View, ancestors, inside, is_operation, level, view
from archsmith.graphs.wording import words

# A network drawing opens the outermost scopes while it has fewer boxes than FEW, and a recursion as far as it goes, but
# never to more than MANY.
FEW, MANY = 6, 32
STAGE = "Stage"  # the kind of scope that a network drawing looks through: its blocks tell more


@checked
def draw(
    graph: Graph, scope: str | None = None, depth: int | None = None, title: str | None = None, pages: bool = True
) -> str:
    """An SVG drawing of ``graph`` or of the inside of one of its scopes.

    ``depth`` says how many levels of scopes are opened: 1 shows the direct children. Without it the level is the one
    that a person would draw: cells and blocks of a network, operations of a cell. With ``pages`` a long drawing stands
    in columns side by side, joined by arrows. Raises UsageError for an unknown scope.
    """
    if depth is None:
        if scope is None:
            return draw_network(graph, title=title, pages=pages)
        return draw_cell(graph, scope, title=title, pages=pages)
    if depth < 1:
        raise UsageError(
            f"The depth of a drawing is {depth}.", "1 shows the direct children of the scope, 2 also theirs."
        )
    root = _known(graph, scope)
    deepest = level(root) + depth
    shown = view(graph, root, lambda path: level(path) >= deepest)
    told = [_meaning(shown)] if root else [_size(graph), _meaning(shown)]
    return _picture(graph, root, shown, title, "; ".join(filter(None, told)), pages)


def draw_cell(graph: Graph, scope: str, title: str | None = None, note: bool = True, pages: bool = True) -> str:
    """The inside of one scope, with every operation as one box; ``note`` puts small print below."""
    root = _known(graph, scope)
    nodes = inside(graph)
    shown = view(graph, root, lambda path: is_operation(graph, path, nodes[path]))
    if not any(shown.frames.values()):  # none stands in another one: papers draw cells without
        shown = shown.unframed(shown.frames)
    return _picture(graph, root, shown, title, _meaning(shown) if note else "", pages)


def draw_network(
    graph: Graph, title: str | None = None, piles: bool = True, note: bool = True, pages: bool = True
) -> str:
    """The whole network, with cells and blocks as boxes; ``piles`` draws a run of three or more equal ones as one,
    ``note`` puts its size below.
    """
    shown = view(graph, "", lambda path: graph.scopes[path].kind != STAGE)
    recursive = _recursive(graph)
    for deepest in range(2, 2 + max((level(path) for path in graph.scopes), default=0)):
        enough = sum(bool(item.nodes) and not item.is_input for item in shown.items) >= FEW
        if enough and not any(item.closed and item.path in recursive for item in shown.items):
            break
        finer = view(graph, "", _closed_in_network(graph, deepest))
        if len(finer.items) > MANY:
            break
        shown = finer
    shown = shown.unframed([path for path in shown.frames if graph.scopes[path].kind == STAGE])
    shown = piled(shown) if piles else shown
    told = "; ".join(filter(None, (_size(graph), _meaning(shown))))
    return _picture(graph, "", shown, title, told if note else "", pages, shapes=True)


def _size(graph: Graph) -> str:
    """What a network costs, in words."""
    served = graph.without(AUXILIARY)
    params, macs = (sum(getattr(graph.facts(node), count) for node in served.nodes) for count in ("n_params", "macs"))
    return f"{_count(params)} parameters, {_count(macs)} multiply-adds"


def _recursive(graph: Graph) -> set[str]:
    """The scopes within one of their own kind, and those."""
    found = set()
    for path, scope in graph.scopes.items():
        alike = [outer for outer in ancestors(path) if graph.scopes[outer].kind == scope.kind]
        found.update([*alike, path] if alike else [])
    return found


def _closed_in_network(graph: Graph, deepest: int) -> Callable[[str], bool]:
    """Is a scope one box where a network is drawn down to the scopes of a level? So are single operations and blocks
    without parts of their own. The only scope at the top is opened: it is the network.
    """
    nodes = inside(graph)
    top = [path for path in graph.scopes if level(path) == 1]
    parted = {path for scope in graph.scopes for path in ancestors(scope)} | (set(top) if len(top) == 1 else set())
    return lambda path: level(path) >= deepest or path not in parted or is_operation(graph, path, nodes[path])


def _meaning(view: View) -> str:
    """What the lengths in the shapes of a drawing are; empty where all of them are vectors."""
    lengths = {len(item.shape) for item in view.items if item.closed or item.is_input or not item.nodes}
    meanings = {2: "tokens × channels", 3: "channels × height × width"}
    found = [meaning for n, meaning in meanings.items() if n in lengths]
    return f"shapes are {' or '.join(found)}" if found else ""


def _known(graph: Graph, scope: str | None) -> str:
    if scope and scope not in graph.scopes:
        some = ", ".join(list(graph.scopes)[:8])
        raise UsageError(
            f"The graph has no scope {scope!r}.",
            f"It has {some}{', …' if len(graph.scopes) > 8 else ''}." if some else None,
        )
    return scope or ""


def _count(number: int) -> str:
    for size, letter in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= 0.9995 * size:  # which three digits round up to it
            return f"{number / size:.3g}{letter}"
    return str(number)


def _picture(
    graph: Graph, root: str, shown: View, title: str | None, note: str, pages: bool, shapes: bool = False
) -> str:
    if title is None:
        title = words(graph.scopes[root].kind) if root else "Network"
    entering: dict[str, list[Item]] = {item.path: [] for item in shown.items}
    by_path = {item.path: item for item in shown.items}
    for source, target in shown.edges:
        entering[target].append(by_path[source])
    marks = [_mark(item, entering[item.path], shapes) for item in shown.items]
    groups = [Group(path, _caption(graph, path), outer) for path, outer in shown.frames.items()]
    return figure(marks, shown.edges, title, note, groups, pages)


def _caption(graph: Graph, path: str) -> str:
    """What a frame is called: by its kind, or by what it computes where that is one operation."""
    nodes, kind = graph.inside(path), graph.scopes[path].kind
    whole = not any(scope.startswith(path + ".") for scope in graph.scopes)
    return describe(nodes, kind)[0] if whole and is_operation(graph, path, nodes) else words(kind)


def _mark(item: Item, entering: Sequence[Item], shapes: bool) -> Mark:
    """How an item looks; ``shapes`` puts the shape of what leaves it in small print, instead of a stride where there is
    one.
    """
    if item.is_port:
        name = item.kind if not item.nodes else item.path.rpartition(".")[2]
        if name == "class" and item.shape == (1,):
            name = "value"  # one number is a regression target
        return Mark(item.path, name, "port", _shape(item.shape), first=item.is_input)
    label, family, small, form = _looks(item, entering, shapes)
    if item.count > 1:
        label += f"  × {item.count}"
    tip = item.path.replace(" ", ", ")
    return Mark(item.path, label, family, small, form, stacked=item.count > 1, group=item.frame, tip=tip)


def _looks(item: Item, entering: Sequence[Item], shapes: bool) -> tuple[str, str, str, str]:
    """Label, family, small print and form of a box."""
    label, family = describe(item.nodes, item.kind if item.closed else "")
    if item.ends and family == "dense":
        family = "head"
    if not item.closed:
        form = OPERATIONS[item.nodes[0].op].form
        small = _stride(entering, item) if form == "box" else ""
        return label, family, _shape(item.shape) if small and shapes else small, form
    called = named(item.kind) is not None
    one = called or (all(len(node.inputs) <= 1 for node in item.nodes) and is_one(item.nodes, item.kind))
    operation = called or bool(re.search("conv|pool|reduction", item.kind, re.IGNORECASE))
    if one and (operation or not shapes or family == "head"):
        small = _shape(item.shape) if shapes else _stride(entering, item)
        return label, family, "" if family == "head" else small, "box"
    # in a network, blocks go by their kind
    kind = words(item.kind)
    if item.ends and len(item.shape) == 1:
        return kind, "head", "", "box"
    small, does = _shape(item.shape), label.split(",")[0]
    if (one or len(spatial(item)) == 1) and does != kind and "cell" not in item.kind.lower():
        small = f"{does} · {small}"
    sizes = [source.shape[1] for source in entering if len(source.shape) == 3]
    reduces = bool(sizes) and len(item.shape) == 3 and min(sizes) > item.shape[1]
    return kind, "reduction" if reduces else "cell", small, "box"


def _stride(entering: Sequence[Item], item: Item) -> str:
    """The small print of an operation that makes images smaller."""
    strided = any(node.args.get("stride", 1) not in (1, (1, 1)) for node in item.nodes)
    if not strided or len(entering) != 1 or len(item.shape) != 3 or len(entering[0].shape) != 3:
        return ""
    before, after = entering[0].shape[1], item.shape[1]
    return f"stride {round(before / after)}" if after < before else ""


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(str(size) for size in shape)
