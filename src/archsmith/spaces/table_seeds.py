"""Networks to begin a search of ``tabular`` with. Ours: the hand-made network, then others that differ in how numbers
are encoded, how large they are, and how fast they learn.
"""

from __future__ import annotations

from archsmith.core.architecture import RECIPE, Architecture, Scalar
from archsmith.spaces.completing import completed
from archsmith.spaces.tabular import Tabular

# Name: decisions that are not the first options, and those of the recipe.
SEEDS: dict[str, tuple[dict[str, Scalar], dict[str, Scalar]]] = {
    "fixed": ({}, {}),
    "plain": ({"numbers/encoding": "none", "body": "mlp", "width": 256}, {"learning_rate": 5e-4}),
    "small": ({"width": 64, "depth": 1, "dropout": 0.3}, {"weight_decay": 1e-1}),
    "fine": ({"numbers/bins": 64, "body": "mlp", "depth": 3, "width": 256, "dropout": 0.3}, {}),
    "large": ({"width": 512, "depth": 3, "dropout": 0.3}, {"learning_rate": 5e-4}),
}


def seeds(space: Tabular) -> dict[str, Architecture]:
    """The architectures by name, with a recipe if ``space`` has one; the hand-made network is the first."""
    found = {}
    for name, (decisions, recipe) in SEEDS.items():
        asked = {path: answer for path, answer in decisions.items() if space.numbers or not path.startswith("numbers")}
        if space.recipe is not None:
            asked |= {RECIPE + path: answer for path, answer in recipe.items()}
        found[name] = completed(space, name, asked)
    return found
