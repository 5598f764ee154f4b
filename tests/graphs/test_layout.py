from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs.geometry import Box, Layout
from archsmith.graphs.layout import arrange


def random_graph(seed: int, n: int = 24) -> tuple[list[Box], list[tuple[str, str]]]:
    rng = np.random.default_rng(seed)
    boxes = [
        Box(f"b{i}", float(rng.integers(20, 120)), float(rng.integers(20, 44)), bar=bool(rng.random() < 0.15))
        for i in range(n)
    ]
    edges = [
        (f"b{j}", f"b{i}")
        for i in range(1, n)
        for j in rng.choice(i, size=min(i, int(rng.integers(1, 4))), replace=False)
    ]
    return boxes, edges


def rectangle(layout: Layout, name: str) -> tuple[float, float, float, float]:
    box = layout.boxes[name]
    return box.x - box.width / 2, box.x + box.width / 2, box.y - box.height / 2, box.y + box.height / 2


@pytest.mark.parametrize("seed", range(12))
def test_boxes_never_overlap(seed: int) -> None:
    boxes, edges = random_graph(seed)
    layout = arrange(boxes, edges)
    names = [box.name for box in boxes]
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            left, right, top, bottom = rectangle(layout, a)
            left2, right2, top2, bottom2 = rectangle(layout, b)
            assert right <= left2 or right2 <= left or bottom <= top2 or bottom2 <= top, (a, b)


@pytest.mark.parametrize("seed", range(12))
def test_no_edge_runs_through_a_box(seed: int) -> None:
    boxes, edges = random_graph(seed)
    layout = arrange(boxes, edges)
    for edge, points in layout.routes.items():
        for (x1, y1), (x2, y2) in pairwise(points):
            for name in layout.boxes:
                left, right, top, bottom = rectangle(layout, name)
                # A bent piece stays between the heights of its ends, so it is enough to compare the rectangle that it
                # lies in.
                inside = (
                    min(x1, x2) < right
                    and max(x1, x2) > left
                    and min(y1, y2) < bottom - 1e-6
                    and max(y1, y2) > top + 1e-6
                )
                assert not inside, (edge, name)


def test_every_edge_starts_and_ends_at_its_boxes() -> None:
    boxes, edges = random_graph(3)
    layout = arrange(boxes, edges)
    assert set(layout.routes) == set(edges)
    for (source, target), points in layout.routes.items():
        left, right, _, bottom = rectangle(layout, source)
        assert left <= points[0][0] <= right and points[0][1] == pytest.approx(bottom)
        left, right, top, _ = rectangle(layout, target)
        assert left <= points[-1][0] <= right and points[-1][1] == pytest.approx(top)


def test_edges_go_down() -> None:
    boxes, edges = random_graph(5)
    layout = arrange(boxes, edges)
    assert all(layout.boxes[a].y < layout.boxes[b].y for a, b in edges)


def test_a_chain_is_one_straight_line() -> None:
    boxes = [Box(f"b{i}", 30.0 + 20 * (i % 3), 20.0) for i in range(6)]
    layout = arrange(boxes, [(f"b{i}", f"b{i + 1}") for i in range(5)])
    assert len({round(placed.x, 6) for placed in layout.boxes.values()}) == 1


def test_a_shortcut_leaves_the_chain_straight() -> None:
    boxes = [Box(name, 60.0, 20.0) for name in "abcd"]
    layout = arrange(boxes, [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")])
    assert len({round(placed.x, 6) for placed in layout.boxes.values()}) == 1


def test_repeated_joins_do_not_run_aside() -> None:
    """A residual network of many blocks, whose shortcuts have a box of their own, is one straight line."""
    boxes, edges = [Box("x", 60.0, 20.0)], []
    for i in range(12):
        names = [f"{part}{i}" for part in ("first", "second", "shortcut", "sum")]
        boxes += [Box(name, 20.0 if "sum" in name else 70.0, 20.0) for name in names]
        before = f"sum{i - 1}" if i else "x"
        edges += [
            (before, names[0]),
            (names[0], names[1]),
            (before, names[2]),
            (names[1], names[3]),
            (names[2], names[3]),
        ]
    layout = arrange(boxes, edges)
    main = [placed.x for name, placed in layout.boxes.items() if "shortcut" not in name]
    assert main == pytest.approx([main[0]] * len(main))
    assert layout.width < 3 * 70.0


def test_boxes_that_feed_several_later_ones_do_not_run_aside() -> None:
    boxes = [Box(f"b{i}", 60.0, 20.0) for i in range(30)]
    layout = arrange(boxes, [(f"b{i}", f"b{j}") for i in range(30) for j in range(i + 1, min(30, i + 4))])
    assert layout.width < 4 * 60.0


def test_bars_side_by_side_grow_into_the_room_between_them_once() -> None:
    boxes = [
        *(Box(name, 60.0, 20.0) for name in "abcd"),
        Box("one", 30.0, 20.0, bar=True),
        Box("two", 30.0, 20.0, bar=True),
    ]
    layout = arrange(boxes, [*((name, "one") for name in "abc"), *((name, "two") for name in "bcd")])
    left, right = sorted((layout.boxes["one"], layout.boxes["two"]), key=lambda box: box.x)
    assert left.right < right.left


def test_crossings_that_can_go_are_gone() -> None:
    boxes = [Box(name, 30.0, 20.0) for name in ("a", "b", "c", "x", "y", "z")]
    layout = arrange(boxes, [("a", "z"), ("b", "y"), ("c", "x")])
    assert [layout.boxes[name].x for name in "abc"] == pytest.approx([layout.boxes[name].x for name in "zyx"])


def test_inputs_keep_their_order() -> None:
    boxes = [Box("prev", 40.0, 20.0, first=True), Box("cur", 40.0, 20.0, first=True), Box("sum", 20.0, 20.0)]
    layout = arrange(boxes, [("cur", "sum"), ("prev", "sum")])
    assert layout.boxes["prev"].x < layout.boxes["cur"].x


def test_a_bar_reaches_over_its_inputs() -> None:
    boxes = [*(Box(name, 60.0, 20.0) for name in "abc"), Box("bar", 50.0, 20.0, bar=True)]
    layout = arrange(boxes, [(name, "bar") for name in "abc"])
    left, right, *_ = rectangle(layout, "bar")
    assert all(left < layout.boxes[name].x < right for name in "abc")
    assert all(len({round(x, 6) for x, _ in points}) == 1 for points in layout.routes.values())


def test_a_circle_of_boxes_is_refused() -> None:
    with pytest.raises(UsageError, match="circle"):
        arrange([Box("a", 10.0, 10.0), Box("b", 10.0, 10.0)], [("a", "b"), ("b", "a")])


def test_nothing_is_an_empty_layout() -> None:
    assert arrange([], []).boxes == {}
