"""How much memory a training step takes, and which batch fits.

The graph says what autograd keeps (``graphs.cost.training_memory_mb``). A process needs more than that: other results
and the gradients of activations live for a moment, and convolutions need working space.
"""

from __future__ import annotations

from dataclasses import replace

from archsmith.core.errors import EvaluationError
from archsmith.graphs.cost import training_memory_mb
from archsmith.graphs.graph import Graph
from archsmith.training.recipe import Recipe

# What a process needs, in units of what the graph says. ``benchmarks/memory.py --batches 64,128`` on a CPU gives for
# float32 1.2 to 2.0, median 1.5, NASNet-A 1.3, above 1.8 only below 120 MB, where the allocator matters most; and for
# bfloat16 0.7 to 1.0.
PREDICTED = 1.8
SMALLEST_BATCH = 16


def step_memory_mb(graph: Graph, batch_size: int) -> float:
    """Megabytes (10⁶ bytes) that a process needs to train the network of ``graph`` in batches of ``batch_size``."""
    return PREDICTED * training_memory_mb(graph, batch_size)


def fitting(graph: Graph, recipe: Recipe, memory_mb: float | None) -> Recipe:
    """``recipe`` with its batch halved until a step takes at most ``memory_mb`` (None: no limit), but not below 16.

    Raises EvaluationError (``memory``) when even the smallest batch takes more. Nothing is allocated to find out.
    """
    if memory_mb is None:
        return recipe
    while step_memory_mb(graph, recipe.batch_size) > memory_mb:
        if recipe.batch_size // 2 < SMALLEST_BATCH:
            raise EvaluationError(
                f"A training step of this network takes about {step_memory_mb(graph, recipe.batch_size):,.0f} MB in "
                f"batches of {recipe.batch_size}, and {memory_mb:,.0f} MB are allowed.",
                "A smaller network or smaller inputs need less.",
                kind="memory",
            )
        recipe = replace(recipe, batch_size=recipe.batch_size // 2)
    return recipe
