"""Runs of equal boxes drawn as one pile, where no arrow is lost by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from archsmith.graphs.labels import size_of
from archsmith.graphs.view import Item, View

LEAST = 3  # boxes of a pile
LIKE = 0.75  # at least so much of what is inside two boxes is the same in both, where they are drawn as one pile


def piled(view: View) -> View:
    """``view`` with runs of three or more equal boxes, each fed by the one before, as one item each.

    Nothing enters a pile but at its first box, and nothing leaves it but from its last one. Where each box takes what
    the two before it give, so do the second one and the box behind the pile, and need no arrow of their own.
    """
    wiring = _Wiring(view)
    runs: list[list[Item]] = []
    for item in view.items:
        if (
            runs
            and item.frame == runs[-1][-1].frame
            and _alike(runs[-1][-1], item)
            and wiring.feeds(runs[-1][-1], item)
        ):
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


def _alike(one: Item, other: Item) -> bool:
    """Are these boxes that a person would call the same? A cell after a reduction adapts one of its inputs, and is
    still one of its kind; blocks of other widths are not.
    """
    if not (one.closed and other.closed):
        return False
    if (one.kind, one.shape, spatial(one)) != (other.kind, other.shape, spatial(other)):
        return False
    mine, theirs = (Counter((node.op, repr(node.args), node.shape) for node in item.nodes) for item in (one, other))
    return (mine & theirs).total() >= LIKE * max(mine.total(), theirs.total())


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
