from __future__ import annotations

from collections.abc import Callable

import pytest

from archsmith.graphs.graph import Graph
from archsmith.spaces.pictures import Pictures


@pytest.fixture
def laid() -> Callable[..., Graph]:
    """Lays out a family of ``pictures``: ``laid(shape, family, **decisions)``. Other decisions have their first
    options.
    """

    def lay(shape: tuple[int, int, int], family: str, **decisions: object) -> Graph:
        space = Pictures(shape)
        answers = {"family": family, **{f"{family}/{name}": answer for name, answer in decisions.items()}}
        architecture = space.trace(lambda path, options, weights: answers.get(path, options[0])).architecture  # type: ignore[index, arg-type, return-value]
        space.validate(architecture)
        return space.graph(architecture)

    return lay
