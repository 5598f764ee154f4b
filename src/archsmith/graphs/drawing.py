"""Drawings of a graph as SVG, for people: one cell with its operations, the whole network with its cells, or any scope
at any depth.

A drawing is the graph with some scopes closed. In a cell, a scope that only carries out one operation (a separable
convolution with its activations and normalisations) is one box, named by what it computes: the label is read from the
primitives inside, so that spaces of other people are labelled as well as ours. In a network every cell or block is one
box, and a run of three or more equal ones is one pile. Dropout and drop path are left out: they are part of the
training.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from archsmith.core.errors import UsageError
from archsmith.graphs.figure import Mark, figure
from archsmith.graphs.graph import AUXILIARY, Graph, Node
from archsmith.graphs.labels import describe, named, size_of
from archsmith.graphs.operations import OPERATIONS
from archsmith.graphs.wording import words

# a network drawing opens the outermost scopes while it has fewer boxes than FEW, and never to more than MANY
FEW, MANY = 6, 32
LIKE = 0.75  # at least so much of what is inside two boxes is the same in both, where they are drawn as one pile


@dataclass(frozen=True)
class Item:
    """What one box stands for.

    ``path``: of a node or a closed scope; ``<`` and a name for what enters a drawn scope, ``>`` and a name for what
        leaves the drawing.
    ``kind``: the kind of the scope, or the operation.
    ``nodes``: the nodes inside.
    ``shape``: of what leaves it.
    ``closed``: is it a scope?
    ``count``: how many equal ones are drawn as one pile.
    ``ends``: does what leaves it leave the network?
    """

    path: str
    kind: str
    nodes: tuple[Node, ...]
    shape: tuple[int, ...]
    closed: bool
    count: int = 1
    ends: bool = False

    @property
    def is_input(self) -> bool:
        """Does it stand for what enters the drawing?"""
        return self.path.startswith("<") or (not self.closed and bool(self.nodes) and not self.nodes[0].inputs)


@dataclass(frozen=True)
class View:
    """A graph with some scopes closed.

    ``items``: in topological order.
    ``edges``: between the paths of items.
    """

    items: tuple[Item, ...]
    edges: tuple[tuple[str, str], ...]


def draw(graph: Graph, scope: str | None = None, depth: int | None = None, title: str | None = None) -> str:
    """An SVG drawing of ``graph`` or of the inside of one of its scopes.

    ``depth`` says how many levels of scopes are opened: 1 shows the direct children. Without it the level is the one
    that a person would draw: cells and blocks of a network, operations of a cell. Raises UsageError for an unknown
    scope.
    """
    if depth is None:
        return draw_network(graph, title=title) if scope is None else draw_cell(graph, scope, title=title)
    if depth < 1:
        raise UsageError(
            f"The depth of a drawing is {depth}.", "1 shows the direct children of the scope, 2 also theirs."
        )
    root = _known(graph, scope)
    level = _level(root) + depth
    view = _view(graph, root, lambda path: _level(path) >= level)
    return _picture(graph, root, view, title)


def draw_cell(graph: Graph, scope: str, title: str | None = None, note: bool = True) -> str:
    """The inside of one scope, with every operation as one box; ``note`` puts small print below."""
    root = _known(graph, scope)
    inside = _inside(graph)
    view = _view(graph, root, lambda path: _is_operation(graph, path, inside[path]))
    return _picture(graph, root, view, title, _meaning(view) if note else "")


def draw_network(graph: Graph, title: str | None = None, piles: bool = True, note: bool = True) -> str:
    """The whole network, with cells and blocks as boxes; ``piles`` draws a run of three or more equal ones as one,
    ``note`` puts its size below.
    """
    inside = _inside(graph)
    view = _view(graph, "", lambda path: graph.scopes[path].kind != "Stage")
    for level in range(2, 2 + max((_level(path) for path in graph.scopes), default=0)):
        if sum(bool(item.nodes) and not item.is_input for item in view.items) >= FEW:
            break
        finer = _view(graph, "", partial(_is_shown, graph, inside, level))
        if len(finer.items) > MANY:
            break
        view = finer
    if piles:
        view = _piled(view)
    served = graph.without(AUXILIARY)
    params, macs = (sum(getattr(graph.facts(node), count) for node in served.nodes) for count in ("n_params", "macs"))
    told = f"{_count(params)} parameters, {_count(macs)} multiply-adds"
    meaning = _meaning(view)
    told += f"; {meaning}" if meaning else ""
    return _picture(graph, "", view, title, told if note else "", shapes=True)


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


def _level(path: str) -> int:
    return path.count(".") + 1 if path else 0


def _ancestors(name: str) -> Iterable[str]:
    """The scopes around ``name``, outermost first."""
    at = name.find(".")
    while at >= 0:
        yield name[:at]
        at = name.find(".", at + 1)


def _inside(graph: Graph) -> Mapping[str, list[Node]]:
    """The nodes below every scope, in order."""
    inside: dict[str, list[Node]] = {path: [] for path in graph.scopes}
    for node in graph.nodes:
        for path in _ancestors(node.name):
            inside[path].append(node)
    return inside


def _view(graph: Graph, root: str, closed: Callable[[str], bool]) -> View:
    """``graph`` (below ``root``) with the scopes for which ``closed`` holds as one item each."""
    prefix = root + "." if root else ""
    shut = {path for path in graph.scopes if path.startswith(prefix) and path != root and closed(path)}
    owner: dict[str, str] = {}
    members: dict[str, list[Node]] = {}
    entries: dict[str, Item] = {}
    names: dict[str, list[str]] = {}
    for argument, producer in graph.scopes[root].inputs.items() if root else ():
        names.setdefault(producer, []).append(argument)
    nodes = {node.name: node for node in graph.nodes}
    for node in graph.nodes:
        if not node.name.startswith(prefix):
            continue
        path = next((p for p in _ancestors(node.name) if p in shut), node.name)
        if path == node.name and not OPERATIONS[node.op].drawn:
            owner[node.name] = _owner_of(node.inputs[0], owner, entries, names, nodes)
            continue
        owner[node.name] = path
        members.setdefault(path, []).append(node)
    edges: dict[tuple[str, str], None] = {}
    for path, group in members.items():
        for node in group:
            for source in node.inputs:
                start = _owner_of(source, owner, entries, names, nodes)
                if start != path:
                    edges[start, path] = None
    outputs = _outputs(graph, root, prefix)
    ends: list[Item] = []
    for name, producer in outputs.items():
        end = Item(f">{name}", name, (), nodes[producer].shape, False)
        ends.append(end)
        edges[owner[producer], end.path] = None
    items = (
        [*sorted(entries.values(), key=lambda entry: entry.path)]
        if not root
        else [entries[f"<{n}"] for n in names if f"<{n}" in entries]
    )
    items += [entry for entry in entries.values() if entry not in items]
    for path, group in members.items():
        leaving = [
            node for node in group if any(owner.get(user.name) != path for user in graph.consumers(node.name))
        ] or group
        kind = graph.scopes[path].kind if path in shut else group[0].op
        last = any(owner.get(producer) == path for producer in graph.outputs.values())
        items.append(Item(path, kind, tuple(group), leaving[-1].shape, path in shut, ends=last))
    return View(tuple(items + ends), tuple(edges))


def _owner_of(
    source: str,
    owner: dict[str, str],
    entries: dict[str, Item],
    names: Mapping[str, list[str]],
    nodes: Mapping[str, Node],
) -> str:
    """The item that ``source`` belongs to; a node outside the drawn scope becomes one of its inputs."""
    if source not in owner:
        label = " = ".join(names.get(source, [source.rsplit(".", 1)[-1]]))
        entries[f"<{source}"] = Item(f"<{source}", label, (), nodes[source].shape, False)
        owner[source] = f"<{source}"
    return owner[source]


def _outputs(graph: Graph, root: str, prefix: str) -> Mapping[str, str]:
    """Name -> producing node of what leaves the drawn part."""
    if not root:
        return dict(graph.outputs)
    leaving = list(graph.scope_outputs(root))
    if len(leaving) == 1:
        return {"output": leaving[0]}
    return {name.removeprefix(prefix).replace(".", " "): name for name in leaving}


def _is_shown(graph: Graph, inside: Mapping[str, Sequence[Node]], level: int, path: str) -> bool:
    return _level(path) >= level or _is_operation(graph, path, inside[path])


def _is_operation(graph: Graph, path: str, nodes: Sequence[Node]) -> bool:
    """Does this scope carry out one operation: a chain from one input to one output, or a composite that has a name of
    its own?
    """
    if named(graph.scopes[path].kind):
        return True
    names = {node.name for node in nodes}
    outside = {source for node in nodes for source in node.inputs if source not in names}
    if len(outside) > 1 or len(graph.scope_outputs(path)) != 1:
        return False
    return (
        all(len(node.inputs) <= 1 and len(graph.consumers(node.name)) <= 1 for node in nodes[:-1])
        and len(nodes[-1].inputs) <= 1
    )


def _piled(view: View) -> View:
    """Runs of three or more equal boxes, each fed by the one before, drawn as one."""
    feeds = set(view.edges)
    n_inputs = Counter(target for _, target in view.edges)
    runs: list[list[Item]] = []
    for item in view.items:
        last = runs[-1][-1] if runs else None
        # Where many edges enter, it is those that a person wants to see.
        if last is not None and _alike(last, item) and (last.path, item.path) in feeds and n_inputs[item.path] <= 2:
            runs[-1].append(item)
        else:
            runs.append([item])
    into: dict[str, str] = {}
    items: list[Item] = []
    for run in runs:
        for part in _unbranched(run, feeds):
            for group in [part] if len(part) > 2 else [[item] for item in part]:
                items.append(
                    replace(group[0], count=len(group), nodes=tuple(node for item in group for node in item.nodes))
                )
                into.update((item.path, group[0].path) for item in group)
    edges = dict.fromkeys((into[a], into[b]) for a, b in view.edges if into[a] != into[b])
    return View(tuple(items), tuple(edges))


def _alike(one: Item, other: Item) -> bool:
    """Are these boxes that a person would call the same? A cell after a reduction adapts one of its inputs, and is
    still one of its kind; blocks of other widths are not.
    """
    if not (one.closed and other.closed):
        return False
    if (one.kind, one.shape, _spatial(one)) != (other.kind, other.shape, _spatial(other)):
        return False
    mine, theirs = (Counter((node.op, repr(node.args), node.shape) for node in item.nodes) for item in (one, other))
    return (mine & theirs).total() >= LIKE * max(mine.total(), theirs.total())


def _unbranched(run: list[Item], feeds: Collection[tuple[str, str]]) -> list[list[Item]]:
    """The parts of a run from which nothing leaves but at their ends. Where each box takes what the two before it give,
    the box behind the run does so, too, and needs no arrow of its own.
    """
    place = {item.path: i for i, item in enumerate(run)}
    leaving: dict[int, set[str]] = {}
    for source, target in feeds:
        if source in place and target not in place:
            leaving.setdefault(place[source], set()).add(target)
    end = len(run) - 1
    in_pairs = all((run[i - 2].path, run[i].path) in feeds for i in range(2, len(run)))
    if in_pairs and leaving.get(end - 1, set()) <= leaving.get(end, set()):
        leaving.pop(end - 1, None)
    parts: list[list[Item]] = [[]]
    for i, item in enumerate(run):
        parts[-1].append(item)
        if i in leaving and i < end:
            parts.append([])
    return parts


def _count(number: int) -> str:
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return str(number)


def _picture(
    graph: Graph, root: str, view: View, title: str | None, note: str | None = None, shapes: bool = False
) -> str:
    if title is None:
        title = words(graph.scopes[root].kind) if root else "Network"
    entering: dict[str, list[Item]] = {item.path: [] for item in view.items}
    by_path = {item.path: item for item in view.items}
    for source, target in view.edges:
        entering[target].append(by_path[source])
    marks = [_mark(item, entering[item.path], shapes) for item in view.items]
    return figure(marks, view.edges, title, _meaning(view) if note is None else note)


def _mark(item: Item, entering: Sequence[Item], shapes: bool) -> Mark:
    """How an item looks; ``shapes`` puts the shape of what leaves it in small print, instead of a stride where there is
    one.
    """
    shape = _shape(item.shape)
    if item.is_input:
        name = item.kind if item.path.startswith("<") else item.path.rsplit(".", 1)[-1]
        return Mark(item.path, name, "port", shape, first=True)
    if item.path.startswith(">"):
        return Mark(item.path, item.path[1:], "port", shape)
    if item.closed:
        return _scope_mark(item, entering, shapes)
    label, family = describe(item.nodes)
    if item.ends and family == "dense":
        family = "head"
    form = OPERATIONS[item.nodes[0].op].form
    return Mark(item.path, label, family, _stride(entering, item) if form == "box" else "", form)


def _scope_mark(item: Item, entering: Sequence[Item], shapes: bool) -> Mark:
    label, family = describe(item.nodes, item.kind)
    if item.ends and family == "dense":
        family = "head"
    one = bool(named(item.kind)) or all(len(node.inputs) <= 1 for node in item.nodes)
    # in a network, blocks go by their kind
    one &= not shapes or family == "head" or bool(re.search("conv|pool|reduction", item.kind, re.IGNORECASE))
    small = _shape(item.shape) if shapes or not one else _stride(entering, item)
    if not one:
        if len(_spatial(item)) == 1 and "cell" not in item.kind.lower():
            small = f"{label.split(',')[0]} · {small}"
        label = words(item.kind)
        sizes = [source.shape[1] for source in entering if len(source.shape) == 3]
        family = (
            "head"
            if item.ends and len(item.shape) == 1
            else "reduction"
            if sizes and len(item.shape) == 3 and min(sizes) > item.shape[1]
            else "cell"
        )
    if item.count > 1:
        label += f"  × {item.count}"
    return Mark(item.path, label, family, "" if family == "head" else small, stacked=item.count > 1)


def _spatial(item: Item) -> frozenset[tuple[str, str]]:
    """The operations that look at more than one pixel, with their kernels."""
    kernels = [(node.op, size_of(node.args)) for node in item.nodes if "kernel" in node.args]
    return frozenset((op, size) for op, size in kernels if size != "1×1")


def _stride(entering: Sequence[Item], item: Item) -> str:
    """The small print of an operation that makes images smaller."""
    strided = any(node.args.get("stride", 1) not in (1, (1, 1)) for node in item.nodes)
    if not strided or len(entering) != 1 or len(item.shape) != 3 or len(entering[0].shape) != 3:
        return ""
    before, after = entering[0].shape[1], item.shape[1]
    return f"stride {round(before / after)}" if after < before else ""


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(str(size) for size in shape)
