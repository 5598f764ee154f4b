"""Runs of equal boxes as one pile, and when they are none."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from archsmith.graphs.graph import Node
from archsmith.graphs.piles import piled
from archsmith.graphs.view import Item, View


def cell(path: str, kernel: int = 3, frame: str = "", kind: str = "Cell") -> Item:
    node = Node(f"{path}.conv", "conv", (), {"kernel": (kernel, kernel)}, (8, 4, 4))
    return Item(path, kind, (node,), (8, 4, 4), True, frame)


def row(n: int = 6, *more: tuple[str, str], kernels: str = "333333", frames: str = "ffffff") -> View:
    """Boxes a, b, c, … behind each other between ``x`` and ``y``, with more edges."""
    names = "abcdefghij"[:n]
    items = [cell(name, int(kernels[i]), frames[i]) for i, name in enumerate(names)]
    x, y = (Item(name, "add", (), (8, 4, 4), False) for name in "xy")
    return View((x, *items, y), (*pairwise(["x", *names, "y"]), *more), {})


def shown(view: View) -> list[str]:
    return [item.path.replace(" ", "") for item in piled(view).items]


def test_equal_boxes_behind_each_other_are_one_pile() -> None:
    pile = piled(row())
    assert [(item.path, item.count) for item in pile.items] == [("x", 1), ("a b c d e f", 6), ("y", 1)]
    assert set(pile.edges) == {("x", "a b c d e f"), ("a b c d e f", "y")}


def test_two_are_no_pile() -> None:
    assert shown(row(2)) == ["x", "a", "b", "y"]


def test_other_kernels_end_a_pile() -> None:
    assert shown(row(kernels="333555")) == ["x", "abc", "def", "y"]


def test_a_pile_stays_in_its_frame() -> None:
    assert shown(row(frames="fffggg")) == ["x", "abc", "def", "y"]


def test_a_box_that_feeds_something_else_ends_its_pile() -> None:
    assert shown(row(6, ("c", "y"))) == ["x", "abc", "def", "y"]
    assert shown(row(6, ("d", "y"))) == ["x", "abcd", "e", "f", "y"]


def test_a_box_that_takes_something_else_begins_a_pile() -> None:
    assert shown(row(6, ("x", "d"))) == ["x", "abc", "def", "y"]
    assert shown(row(6, ("x", "b"))) == ["x", "a", "bcdef", "y"]


def test_an_arrow_within_a_pile_is_not_hidden() -> None:
    assert shown(row(6, ("a", "c"))) == ["x", "a", "b", "cdef", "y"]


def cells(last: Item) -> View:
    """Four cells that take what the two before them give; so does the last one."""
    first = (Item(name, "conv", (), (8, 4, 4), False) for name in "wx")
    names = "wxabcdy"
    return View((*first, *map(cell, "abcd"), last), (*pairwise(names), *zip(names, names[2:], strict=False)), {})


def test_cells_that_take_what_the_two_before_them_give_are_a_pile() -> None:
    """The second one takes the input of the first, and a cell behind the pile takes from the last two."""
    pile = piled(cells(cell("y", kind="ReductionCell")))
    assert [item.path for item in pile.items] == ["w", "x", "a b c d", "y"]
    assert set(pile.edges) == {("w", "x"), ("w", "a b c d"), ("x", "a b c d"), ("a b c d", "y")}


def test_a_sum_of_the_last_two_shows_both_arrows() -> None:
    pile = piled(cells(Item("y", "add", (), (8, 4, 4), False)))
    assert {source for source, target in pile.edges if target == "y"} == {"a b c", "d"}


def block(path: str, source: str, act: str = "relu", dilation: int = 1, rate: float = 0.0, late: bool = False) -> Item:
    """Four equal layers with something of one's own behind them; ``late``: the last layer takes another one."""
    shape = (8, 4, 4)
    layers = [Node(f"{path}.in", "relu", (source,), {}, shape)]
    for i in range(4):
        args = {"kernel": (3, 3), "dilation": dilation if i == 3 else 1}
        layers.append(Node(f"{path}.conv{i}", "conv", (layers[-2 if late and i == 3 else -1].name,), args, shape))
    layers.append(Node(f"{path}.drop", "drop_path", (layers[-1].name,), {"rate": rate}, shape))
    layers.append(Node(f"{path}.out", act, (layers[-1].name,), {}, shape))
    return Item(path, "Block", tuple(layers), shape, True)


def chain(*given: dict[str, Any], width: int = 8) -> View:
    """Blocks a, b, c, … behind each other, behind a convolution of ``width`` filters."""
    stem = Item("stem", "conv", (Node("stem", "conv", (), {"kernel": (3, 3)}, (width, 4, 4)),), (width, 4, 4), False)
    names, items = "abcdefghij"[: len(given)], [stem]
    for name, more in zip(names, given, strict=True):
        items.append(block(name, items[-1].nodes[-1].name, **more))
    return View(tuple(items), tuple(pairwise(["stem", *names])), {})


@pytest.mark.parametrize("other", [{"act": "sigmoid"}, {"dilation": 2}, {"late": True}])
def test_boxes_that_compute_something_else_are_no_pile(other: dict[str, Any]) -> None:
    assert shown(chain(*[{}] * 3, *[other] * 3)) == ["stem", "abc", "def"]
    assert shown(chain(other, {}, {}, {})) == ["stem", "a", "bcd"]


def test_what_only_training_sees_may_differ_within_a_pile() -> None:
    assert shown(chain(*({"rate": 0.1 * i} for i in range(4)))) == ["stem", "abcd"]


def test_a_box_that_adapts_another_input_may_begin_a_pile() -> None:
    assert shown(chain({"act": "sigmoid"}, {}, {}, {}, width=4)) == ["stem", "abcd"]


def test_boxes_that_take_the_same_two_the_other_way_round_are_no_pile() -> None:
    """Cells that take what the two before them give: of the last three, the second input is the older one."""
    w, x = (Item(name, "conv", (Node(name, "conv", (), {}, (8, 4, 4)),), (8, 4, 4), False) for name in "wx")
    items = [w, x]
    for i, path in enumerate("abcdef"):
        old, new = (item.nodes[-1].name for item in items[-2:])
        if i > 2:
            old, new = new, old
        left, right = (
            Node(f"{path}.left", "relu", (old,), {}, (8, 4, 4)),
            Node(f"{path}.right", "conv", (new,), {}, (8, 4, 4)),
        )
        out = Node(f"{path}.out", "add", (left.name, right.name), {}, (8, 4, 4))
        items.append(Item(path, "Cell", (left, right, out), (8, 4, 4), True))
    names = "wxabcdef"
    view = View(tuple(items), (*pairwise(names), *zip(names, names[2:], strict=False)), {})
    assert not any("c" in path and "d" in path for path in shown(view))
