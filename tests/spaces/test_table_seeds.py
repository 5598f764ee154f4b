from __future__ import annotations

import pytest

from archsmith.spaces.table_seeds import SEEDS, seeds
from archsmith.spaces.tabular import TableRecipe, Tabular

SPACES = {
    "both": Tabular(5, (1,), 2, 9, recipe=TableRecipe()),
    "numbers": Tabular(5, recipe=TableRecipe()),
    "categories": Tabular(0, (), 3, 12, recipe=TableRecipe()),
    "no recipe": Tabular(5),
}


@pytest.mark.parametrize("name", SPACES)
def test_every_seed_is_a_point_of_the_space(name: str) -> None:
    space, found = SPACES[name], seeds(SPACES[name])
    assert list(found) == list(SEEDS) and found["fixed"] == space.first()
    for architecture in found.values():
        space.validate(architecture)
        space.graph(architecture)


def test_seeds_differ() -> None:
    space = SPACES["both"]
    assert len({space.identity(architecture) for architecture in seeds(space).values()}) == len(SEEDS)
