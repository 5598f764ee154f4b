"""Runs of equal boxes drawn as one pile, where no arrow is lost by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from archsmith.graphs.labels import size_of
from archsmith.graphs.operations import OPERATIONS
from archsmith.graphs.view import Item, View

LEAST = 3  # boxes of a pile
LIKE = 0.75  # at least so much of what is inside two boxes of a pile is the same in both, where their inputs differ


def piled(view: View) -> View:
    """``view`` with runs of three or more equal boxes, each fed by the one before, as one item each.

    Nothing enters a pile but at its first box, and nothing leaves it but from its last one. Where each box takes what
    the two before it give, so do the second one and the box behind the pile, and need no arrow of their own.
    """
    wiring, contents = _Wiring(view), _Contents(view)
    runs: list[list[Item]] = []
    for item in view.items:
        if runs and contents.alike(runs[-1][-1], item) and wiring.feeds(runs[-1][-1], item):
            runs[-1].append(item)
        else:
            runs.append([item])
    piles = [pile for run in runs for pile in _split(run, wiring)]
    paths = {item.path: " ".join(member.path for member in pile) for pile in piles for item in pile}
    items = [_pile(pile, paths[pile[0].path]) for pile in piles]
    edges = dict.fromkeys((paths[a], paths[b]) for a, b in view.edges if paths[a] != paths[b])
    return View(tuple(items), tuple(edges), view.frames)


class _Wiring:
    """Which items of a view feed which."""

    def __init__(self, view: View) -> None:
        self._sources: dict[str, set[str]] = {item.path: set() for item in view.items}
        self._targets: dict[str, set[str]] = {item.path: set() for item in view.items}
        self._closed = {item.path for item in view.items if item.closed}
        for source, target in view.edges:
            self._sources[target].add(source)
            self._targets[source].add(target)

    def feeds(self, one: Item, other: Item) -> bool:
        return one.path in self._sources[other.path]

    def is_pile(self, run: Sequence[Item]) -> bool:
        """Is every box of a run wired in the same way, and only its ends to the rest?"""
        paths = [item.path for item in run]
        skips = [paths[k - 2] in self._sources[paths[k]] for k in range(2, len(paths))]
        in_pairs = all(skips) and len(self._sources[paths[1]]) > 1
        if any(skips) and not in_pairs:
            return False
        for k, path in enumerate(paths):
            into = self._sources[path] - set(paths[max(0, k - 2) : k])
            if k and into and not (in_pairs and k == 1 and into <= self._sources[paths[0]]):
                return False
            out = self._targets[path] - set(paths)
            shown = in_pairs and k == len(paths) - 2 and out <= self._targets[paths[-1]] & self._closed
            if out and k < len(paths) - 1 and not shown:
                return False
        return True


class _Contents:
    """What is inside the boxes of a view."""

    def __init__(self, view: View) -> None:
        self._nodes = {node.name: node for item in view.items for node in item.nodes}
        self._places = {name: place for place, name in enumerate(self._nodes)}

    def alike(self, one: Item, other: Item) -> bool:
        """Are these boxes that a person would call the same? A cell after a reduction adapts one of its inputs, and is
        still one of its kind; blocks that take the same shapes must be the same in all that they compute.
        """
        if not (one.closed and other.closed):
            return False
        if (one.frame, one.kind, one.shape) != (other.frame, other.kind, other.shape):
            return False
        mine, theirs = self._computed(one), self._computed(other)
        if mine == theirs:
            return True
        if self._entering(one) == self._entering(other) or spatial(one) != spatial(other):
            return False
        own, others = (Counter((op, repr(args), shape) for op, args, shape, _ in rows) for rows in (mine, theirs))
        return (own & others).total() >= LIKE * max(own.total(), others.total())

    def _computed(self, item: Item) -> list[tuple[Any, ...]]:
        """Operation, arguments, shape and sources of each node; what only training sees is passed over. Sources inside
        are told by their place, those outside by their order, which is that of the network.
        """
        sources = {name: -k for k, name in enumerate(self._sources(item), 1)}
        rows: list[tuple[Any, ...]] = []
        for node in item.nodes:
            into = tuple(sources[name] for name in node.inputs)
            if OPERATIONS[node.op].drawn:
                sources[node.name] = len(rows)
                rows.append((node.op, node.args, node.shape, into))
            else:
                sources[node.name] = into[0]
        return rows

    def _entering(self, item: Item) -> list[Any]:
        """The shapes of what enters an item."""
        return [self._nodes[name].shape if name in self._nodes else None for name in self._sources(item)]

    def _sources(self, item: Item) -> list[str]:
        """The nodes outside of an item that feed it, in the order of the network."""
        own = {node.name for node in item.nodes}
        found = dict.fromkeys(name for node in item.nodes for name in node.inputs if name not in own)
        return sorted(found, key=lambda name: self._places.get(name, -1))


def spatial(item: Item) -> frozenset[tuple[str, str]]:
    """The operations that look at more than one pixel, with their kernels."""
    kernels = [(node.op, size_of(node.args)) for node in item.nodes if "kernel" in node.args]
    return frozenset((op, size) for op, size in kernels if size != "1×1")


def _split(run: Sequence[Item], wiring: _Wiring) -> list[Sequence[Item]]:
    """The piles and single boxes of a run."""
    parts: list[Sequence[Item]] = []
    while run:
        longest = next((n for n in range(len(run), LEAST - 1, -1) if wiring.is_pile(run[:n])), 1)
        parts.append(run[:longest])
        run = run[longest:]
    return parts


def _pile(pile: Sequence[Item], path: str) -> Item:
    return replace(pile[0], path=path, count=len(pile), ends=pile[-1].ends)
