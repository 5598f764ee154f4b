"""Boxes in frames in frames."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs.geometry import Box, Layout, Placed
from archsmith.graphs.nesting import CAPTION, Frame, nested

Drawing = tuple[list[Box], list[tuple[str, str]], list[Frame], dict[str, str]]


def random_drawing(seed: int) -> Drawing:
    """A random network of boxes in random frames, as a recursive space lays them out: frames are runs of boxes."""
    rng = np.random.default_rng(seed)
    boxes: list[Box] = []
    frames: list[Frame] = []
    inside: dict[str, str] = {}

    def grow(around: str, depth: int) -> None:
        for _ in range(int(rng.integers(1, 4))):
            if depth < 4 and rng.random() < 0.5:
                frames.append(Frame(f"f{len(frames)}", float(rng.integers(20, 120)), around))
                grow(frames[-1].name, depth + 1)
            else:
                box = Box(f"b{len(boxes)}", float(rng.integers(20, 120)), 26.0, bar=bool(rng.random() < 0.15))
                boxes.append(box)
                inside[box.name] = around

    while len(boxes) < 14:
        grow("", 0)
    edges = [
        (f"b{j}", f"b{i}")
        for i in range(1, len(boxes))
        for j in rng.choice(i, size=min(i, int(rng.integers(1, 3))), replace=False)
    ]
    return boxes, edges, frames, inside


def holds(outer: Placed, inner: Placed) -> bool:
    return (
        outer.left < inner.left and inner.right < outer.right and outer.top < inner.top and inner.bottom < outer.bottom
    )


def apart(a: Placed, b: Placed) -> bool:
    return a.right <= b.left or b.right <= a.left or a.bottom <= b.top or b.bottom <= a.top


@pytest.mark.parametrize("seed", [*range(12), 227, 230])  # in the last two a broad frame stands alone below a bar
def test_frames_hold_their_boxes_and_nothing_else(seed: int) -> None:
    boxes, edges, frames, inside = random_drawing(seed)
    layout = nested(boxes, edges, frames, inside)
    around = {frame.name: frame.inside for frame in frames} | inside
    for name, outer in around.items():
        assert not outer or holds(layout.boxes[outer], layout.boxes[name])
    for a, b in combinations(around, 2):
        if around[a] == around[b]:
            assert apart(layout.boxes[a], layout.boxes[b]), (a, b)


@pytest.mark.parametrize("seed", range(12))
def test_edges_run_from_box_to_box_and_through_no_other(seed: int) -> None:
    boxes, edges, frames, inside = random_drawing(seed)
    layout = nested(boxes, edges, frames, inside)
    assert set(layout.routes) == set(edges)
    for (source, target), points in layout.routes.items():
        assert at_border(layout.boxes[source], points[0], layout.boxes[source].bottom)
        assert at_border(layout.boxes[target], points[-1], layout.boxes[target].top)
        for (x1, y1), (x2, y2) in pairwise(points):
            for box in boxes:
                placed = layout.boxes[box.name]
                across = min(x1, x2) < placed.right and max(x1, x2) > placed.left
                along = min(y1, y2) < placed.bottom - 1e-6 and max(y1, y2) > placed.top + 1e-6
                assert not (across and along), (source, target, box.name)


def at_border(box: Placed, point: tuple[float, float], y: float) -> bool:
    return box.left - 1e-6 <= point[0] <= box.right + 1e-6 and abs(point[1] - y) < 1e-6


@pytest.mark.parametrize("seed", range(12))
def test_no_line_runs_through_a_caption(seed: int) -> None:
    boxes, edges, frames, inside = random_drawing(seed)
    layout = nested(boxes, edges, frames, inside)
    for frame in frames:
        corner = layout.boxes[frame.name]
        for edge, points in layout.routes.items():
            for (x1, y1), (x2, y2) in pairwise(points):
                beside = max(x1, x2) <= corner.left or min(x1, x2) > corner.left + frame.caption
                above, below = max(y1, y2) < corner.top + 1e-6, min(y1, y2) > corner.top + CAPTION - 1e-6
                assert beside or above or below, (frame.name, edge)


def chain(shortcut: bool = False) -> Layout:
    """Three frames below each other, each with two boxes, in the last two of which a shortcut may lead past a box."""
    names = [f"{part}{end}" for part in "abc" for end in "12"]
    edges = list(pairwise(names))
    boxes = [Box(name, 50.0, 20.0) for name in names]
    if shortcut:
        for part in "bc":
            boxes.append(Box(f"{part}+", 20.0, 20.0, round=True))
            edges += [(f"{part}1", f"{part}+"), (f"{part}2", f"{part}+")]
        edges = [(f"{a[0]}+" if a in ("b2", "c2") and a[0] != b[0] else a, b) for a, b in edges]
    return nested(boxes, edges, [Frame(part, 40.0) for part in "abc"], {box.name: box.name[0] for box in boxes})


@pytest.mark.parametrize("shortcut", [False, True])
def test_a_chain_of_frames_is_one_straight_line(shortcut: bool) -> None:
    layout = chain(shortcut)
    main = [box.x for name, box in layout.boxes.items() if name not in "abc"]
    assert main == pytest.approx([main[0]] * len(main), abs=0.1)


def test_frames_of_several_inputs_do_not_run_aside() -> None:
    """Cells that take what the two before them give stand below each other, though their inputs are not above their
    outputs.
    """
    names = [f"{part}{i}" for i in range(8) for part in ("left", "right", "out")]
    boxes = [Box("image", 50.0, 20.0), *(Box(name, 120.0 if "left" in name else 40.0, 20.0) for name in names)]
    edges = [(f"{part}{i}", f"out{i}") for i in range(8) for part in ("left", "right")]
    edges += [("image", f"{part}0") for part in ("left", "right")] + [("image", "left1"), ("out0", "right1")]
    edges += [(f"out{i - k}", f"{part}{i}") for i in range(2, 8) for k, part in ((2, "left"), (1, "right"))]
    inside = {name: f"cell{name[-1]}" for name in names}
    layout = nested(boxes, edges, [Frame(f"cell{i}") for i in range(8)], inside, pages=False)
    cells = [layout.boxes[f"cell{i}"] for i in range(8)]
    assert max(cell.x for cell in cells) - min(cell.x for cell in cells) < cells[0].width / 2


def test_a_frame_is_as_wide_as_its_caption() -> None:
    layout = nested([Box("a", 30.0, 20.0)], [], [Frame("f", 150.0)], {"a": "f"})
    assert layout.boxes["f"].width > 150.0


def test_frames_that_depend_on_one_another_are_refused() -> None:
    boxes = [Box(name, 30.0, 20.0) for name in ("a", "b", "c")]
    with pytest.raises(UsageError, match="circle"):
        nested(boxes, [("a", "b"), ("b", "c")], [Frame("f")], {"a": "f", "c": "f"})


def test_without_frames_it_is_a_plain_layout() -> None:
    layout = nested([Box("a", 30.0, 20.0), Box("b", 30.0, 20.0)], [("a", "b")], [], {})
    assert layout.boxes["a"].bottom < layout.boxes["b"].top
