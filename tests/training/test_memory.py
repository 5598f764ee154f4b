from __future__ import annotations

import pytest

from archsmith.core.errors import EvaluationError
from archsmith.graphs.cost import training_memory_mb
from archsmith.spaces.conv_stages import ConvStages
from archsmith.training.memory import PREDICTED, fitting, step_memory_mb
from archsmith.training.recipe import Recipe

GRAPH = ConvStages((3, 32, 32), n_outputs=10).graph(ConvStages((3, 32, 32), n_outputs=10).first())


def test_a_process_grows_by_more_than_autograd_keeps() -> None:
    assert step_memory_mb(GRAPH, 64) == PREDICTED * training_memory_mb(GRAPH, 64) > training_memory_mb(GRAPH, 64)


def test_what_fits_stays_as_it_is() -> None:
    recipe = Recipe(batch_size=128)
    assert fitting(GRAPH, recipe, None) is recipe
    assert fitting(GRAPH, recipe, 1e6) is recipe


def test_the_batch_is_halved_until_it_fits_and_nothing_else_changes() -> None:
    limit = step_memory_mb(GRAPH, 40)
    assert fitting(GRAPH, Recipe(batch_size=128), limit) == Recipe(batch_size=32)


@pytest.mark.parametrize("batch_size", [128, 16, 8])
def test_what_never_fits_is_an_outcome(batch_size: int) -> None:
    with pytest.raises(EvaluationError, match="1 MB are allowed") as caught:
        fitting(GRAPH, Recipe(batch_size=batch_size), 1.0)
    assert caught.value.kind == "memory"
