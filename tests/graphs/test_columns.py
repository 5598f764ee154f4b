"""Long drawings in columns."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from archsmith.graphs import columns
from archsmith.graphs.columns import TALL, paged
from archsmith.graphs.geometry import Box, Layout
from archsmith.graphs.layout import arrange

Edges = list[tuple[str, str]]


def chain(n: int, skips: int = 1) -> tuple[list[Box], Edges]:
    """``n`` boxes, each of which feeds the next ``skips`` ones."""
    boxes = [Box(f"b{i}", 60.0 + 5 * (i % 4), 26.0) for i in range(n)]
    return boxes, [(f"b{i}", f"b{j}") for i in range(n) for j in range(i + 1, min(n, i + 1 + skips))]


def columns_of(layout: Layout) -> list[list[str]]:
    """The boxes from top to bottom, of each column from left to right."""
    found: list[list[str]] = []
    right = -1.0
    for name, box in sorted(layout.boxes.items(), key=lambda item: item[1].left):
        if box.left > right:
            found.append([])
        found[-1].append(name)
        right = max(right, box.right)
    return [sorted(column, key=lambda name: layout.boxes[name].y) for column in found]


@pytest.mark.parametrize("skips", [1, 2, 3])
def test_a_long_chain_is_read_from_column_to_column(skips: int) -> None:
    boxes, edges = chain(60, skips)
    assert arrange(boxes, edges).height > 2 * TALL
    found = columns_of(paged(boxes, edges))
    assert len(found) > 2
    assert [name for column in found for name in column] == [box.name for box in boxes]


def test_columns_are_about_equally_high_and_the_whole_is_no_strip() -> None:
    layout = paged(*chain(60))
    sizes = [len(column) for column in columns_of(layout)]
    assert max(sizes) - min(sizes) <= max(sizes) // 4
    assert 0.5 < layout.width / layout.height < 2.0


def test_what_is_short_or_broad_keeps_one_column() -> None:
    assert len(columns_of(paged(*chain(8)))) == 1
    broad = [Box(f"b{i}", 900.0, 26.0) for i in range(30)]
    assert len(columns_of(paged(broad, chain(30)[1]))) == 1


def test_nothing_is_cut_where_many_values_cross() -> None:
    boxes, edges = chain(60, skips=columns.MOST_CROSSING + 1)
    assert paged(boxes, edges) == arrange(boxes, edges)


@pytest.mark.parametrize("skips", [1, 2, 3])
def test_arrows_from_column_to_column_run_outside_of_all_boxes(skips: int) -> None:
    layout = paged(*chain(60, skips))
    for edge, points in layout.routes.items():
        assert points[0][1] == pytest.approx(layout.boxes[edge[0]].bottom)
        assert points[-1][1] == pytest.approx(layout.boxes[edge[1]].top)
        for (x1, y1), (x2, y2) in pairwise(points):
            assert 0 <= min(x1, x2) and max(x1, x2) <= layout.width
            assert 0 <= min(y1, y2) and max(y1, y2) <= layout.height
            assert y2 > y1 - 1e-6 or x1 == x2, "a bend goes down"
            for name, box in layout.boxes.items():
                across = min(x1, x2) < box.right and max(x1, x2) > box.left
                assert not (across and min(y1, y2) < box.bottom - 1e-6 and max(y1, y2) > box.top + 1e-6), (edge, name)


def test_lines_between_two_columns_run_beside_each_other() -> None:
    layout = paged(*chain(60, 3))
    rising = {(a, b) for points in layout.routes.values() for a, b in pairwise(points) if b[1] < a[1] - 1}
    assert len(rising) > 3
    for (a, _), (b, _) in combinations(sorted(rising), 2):
        assert abs(a[0] - b[0]) >= columns.LANE - 1e-6


def test_points_of_a_frame_stay_at_its_ends() -> None:
    boxes, edges = chain(60)
    head, foot = Box("head", 14.0, 0.0, first=True), Box("foot", 14.0, 0.0, last=True)
    layout = paged([head, *boxes, foot], [("head", "b0"), *edges, ("b59", "foot")])
    found = columns_of(layout)
    assert found[0][0] == "head" and found[-1][-1] == "foot"
