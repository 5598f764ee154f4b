"""Heights, and the points at which edges leave and enter boxes."""

from __future__ import annotations

import pytest

from archsmith.graphs.geometry import Box, Layout
from archsmith.graphs.layout import arrange
from archsmith.graphs.routing import ENTER


def between(layout: Layout, upper: str, lower: str) -> float:
    return layout.boxes[lower].top - layout.boxes[upper].bottom


def test_edges_use_the_entries_and_exits_of_their_boxes() -> None:
    split = Box("split", 100.0, 20.0, exits={"left": -40.0, "right": 30.0})
    joined = Box("joined", 90.0, 20.0, entries={"left": -35.0, "right": 25.0})
    layout = arrange([split, joined], [("left", "joined"), ("right", "joined")])
    above, below = layout.boxes["split"], layout.boxes["joined"]
    for value, out, into in (("left", -40.0, -35.0), ("right", 30.0, 25.0)):
        points = layout.routes[value, "joined"]
        assert points[0] == pytest.approx((above.x + out, above.bottom))
        assert points[-1] == pytest.approx((below.x + into, below.top))


def test_an_exit_may_have_several_targets() -> None:
    boxes = [Box("split", 80.0, 20.0, exits={"y": 20.0}), Box("a", 40.0, 20.0), Box("b", 40.0, 20.0)]
    layout = arrange(boxes, [("y", "a"), ("y", "b"), ("a", "b")])
    assert {points[0] for edge, points in layout.routes.items() if edge[0] == "y"} == {
        (layout.boxes["split"].x + 20.0, layout.boxes["split"].bottom)
    }


def test_a_long_way_to_the_side_gets_height() -> None:
    wide = [Box("top", 40.0, 20.0), *(Box(f"b{i}", 150.0, 20.0) for i in range(5))]
    assert between(arrange(wide, [("top", f"b{i}") for i in range(5)]), "top", "b0") > between(
        arrange(wide[:2], [("top", "b0")]), "top", "b0"
    )


def test_points_at_a_border_need_little_room() -> None:
    head, box = Box("head", 14.0, 0.0, first=True), Box("box", 40.0, 20.0)
    near = between(arrange([head, box], [("head", "box")]), "head", "box")
    far = between(arrange([Box("head", 14.0, 20.0), box], [("head", "box")]), "head", "box")
    assert ENTER < near < far
