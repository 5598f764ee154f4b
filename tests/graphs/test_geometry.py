"""Boxes, placed boxes and layouts."""

from __future__ import annotations

import pytest

from archsmith.graphs.geometry import Box, Layout, Placed


def test_a_placed_box_knows_its_sides() -> None:
    box = Placed(10.0, 20.0, 6.0, 4.0)
    assert (box.left, box.right, box.top, box.bottom) == (7.0, 13.0, 18.0, 22.0)


def test_a_moved_layout_is_the_same_elsewhere() -> None:
    layout = Layout(6.0, 4.0, {"a": Placed(3.0, 2.0, 6.0, 4.0)}, {("a", "b"): ((3.0, 4.0), (3.0, 9.0))})
    moved = layout.moved(10.0, 1.0)
    assert (moved.width, moved.height) == (6.0, 4.0)
    assert moved.boxes["a"] == Placed(13.0, 3.0, 6.0, 4.0)
    assert moved.routes["a", "b"] == ((13.0, 5.0), (13.0, 10.0))


@pytest.mark.parametrize(
    ("entries", "exits", "axis"),
    [
        ({}, {}, 0.0),
        ({"x": 7.0}, {"y": 7.0}, 7.0),
        ({"x": 7.0}, {}, 7.0),
        ({"x": 7.0}, {"y": -7.0}, 0.0),  # boxes below each other would run aside
        ({"x": 7.0, "z": 9.0}, {"y": 7.0}, 0.0),
    ],
)
def test_a_line_goes_straight_through_one_entry_above_one_exit(
    entries: dict[str, float], exits: dict[str, float], axis: float
) -> None:
    assert Box("box", 50.0, 20.0, entries=entries, exits=exits).axis == axis
