from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from archsmith.testing.randomness import global_randomness


@pytest.mark.parametrize(
    "draw",
    [random.random, lambda: np.random.rand(), lambda: pytest.importorskip("torch").rand(1)],  # noqa: NPY002
    ids=["python", "numpy", "torch"],
)
def test_a_draw_from_a_global_generator_shows(draw: Callable[[], object]) -> None:
    draw()  # loads what has to be loaded
    before = global_randomness()
    assert global_randomness() == before
    draw()
    assert global_randomness() != before


def test_a_generator_of_ones_own_does_not_show() -> None:
    before = global_randomness()
    np.random.default_rng().random()
    random.Random().random()
    assert global_randomness() == before
