"""Runs of equal boxes as one pile, and when they are none."""

from __future__ import annotations

from itertools import pairwise

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
