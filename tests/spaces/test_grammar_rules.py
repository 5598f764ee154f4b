from __future__ import annotations

import numpy as np
import pytest

from archsmith.core.errors import DeadEnd
from archsmith.core.space import Trace, draw
from archsmith.spaces.grammar_rules import Frame, derive

FREE = Frame(size=None, width=None, floor=4, limit=64, macs=10_000_000)


def test_a_corner_is_a_dead_end() -> None:
    frame = Frame(size=(8, 8), width=64, floor=4, limit=64, macs=10)
    with pytest.raises(DeadEnd, match="no operation"):
        derive(lambda path, options, weights=None: options[0], "part0", (16, 8, 8), frame, 0)  # type: ignore[index]
    with pytest.raises(DeadEnd, match="no stride"):
        derive(lambda path, options, weights=None: options[0], "part0", (16, 8, 8), frame._replace(size=(3, 3)), 0)  # type: ignore[index]


@pytest.mark.parametrize("frame", [FREE, FREE._replace(size=(8, 8), width=32)], ids=["free", "bound"])
def test_a_module_keeps_what_its_frame_demands(frame: Frame) -> None:
    rng = np.random.default_rng(0)
    n_derived = 0
    while n_derived < 50:
        try:
            derived = derive(
                Trace(lambda path, options, weights: draw(options, weights, rng)), "part0", (16, 16, 16), frame, 3
            )
        except DeadEnd:
            continue
        n_derived += 1
        channels, height, width = derived.shape
        assert channels <= frame.limit and min(height, width) >= frame.floor and derived.macs <= frame.macs
        assert frame.size in (None, (height, width)) and frame.width in (None, channels)
