"""Networks to begin a search of ``pictures`` with: they differ on purpose, in their family and in how they are trained.

Ours. One compact network of each family comes first, then wider, deeper and other ones. Which of them suits a data set
shows after a short training.
"""

from __future__ import annotations

from archsmith.core.architecture import RECIPE, Architecture, Scalar
from archsmith.spaces.completing import completed
from archsmith.spaces.pictures import Pictures

# Recipes. What one does not name has the first option of the recipe space, which suits the pictures. A shift moves what
# strips, tiles and linear layers know by its place.
STILL: dict[str, Scalar] = {"shift": 0.0}
FAST: dict[str, Scalar] = {"learning_rate": 0.4}
GENTLE: dict[str, Scalar] = {**STILL, "learning_rate": 0.1}
SLOW: dict[str, Scalar] = {"learning_rate": 0.05}  # without batch norm
ERASED: dict[str, Scalar] = {**FAST, "cutout": 0.25}

# Name: family, its decisions that are not the first options, and those of the recipe.
ANCHORS: dict[str, tuple[str, dict[str, Scalar], dict[str, Scalar]]] = {
    "fixed": ("stages", {}, {}),
    "mlp": ("mlp", {}, GENTLE),
    "strips_columns6": ("strips", {}, GENTLE),
    "resnet_compact": ("resnet", {}, FAST),
    "flat": ("flat", {}, {}),
    "channels": ("channels", {}, {}),
    "tiles2": ("tiles", {}, {}),
    "conv_mixer": ("mixer", {}, {}),
    "inverted": ("inverted", {}, FAST),
    "attention": ("attention", {}, SLOW),
    "darts_cells": ("cell", {}, {"learning_rate": 0.1}),
    "wide": ("wide", {}, {"weight_decay": 1e-3, "label_smoothing": 0.2}),
}
VARIANTS: dict[str, tuple[str, dict[str, Scalar], dict[str, Scalar]]] = {
    "fixed_fast": ("stages", {}, FAST),
    "resnet9": ("resnet", {"width": 1.0, "growth": "early", "activation": "gelu"}, FAST),
    "resnet_deep": (
        "resnet",
        {"width": 0.75, "depth": 3, "shortcut": True, "head": "mean"},
        ERASED,
    ),
    "stages_deep": (
        "stages",
        {"stages": 3, "stage0/depth": 2, "stage1/depth": 2, "stage2/depth": 2, "stage2/width": 0.75},
        FAST,
    ),
    "stages_narrow": (
        "stages",
        {"stem/width": 0.5, "stage0/width": 0.5, "stage1/width": 0.5, "stage2/width": 0.5},
        {"learning_rate": 0.4},
    ),
    "strips_columns1": ("strips", {"size": 1, "step": "one", "filters": 64, "depth": 2, "head": "max"}, GENTLE),
    "strips_rows": ("strips", {"direction": "rows", "size": 2}, GENTLE),
    "strips_both": ("strips", {"direction": "both", "size": 3, "step": "one", "filters": 64}, GENTLE),
    "mlp_wide": ("mlp", {"width": 1024, "depth": 3, "dropout": 0.5}, {**GENTLE, "weight_decay": 2e-3}),
    "tiles4": ("tiles", {"grid": 4, "body": "mlp", "join": "concat"}, GENTLE),
    "mlp_mixer": ("mixer", {"mixing": "mlp"}, SLOW),
}


def seeds(space: Pictures) -> dict[str, Architecture]:
    """The architectures by name, with a recipe if ``space`` has one. Those of ``ANCHORS`` come first."""
    found = {}
    for name, (family, decisions, recipe) in {**ANCHORS, **VARIANTS}.items():
        prefix = "" if family == "stages" else f"{family}/"
        answers: dict[str, Scalar] = {"family": family, **{prefix + path: answer for path, answer in decisions.items()}}
        if space.recipe is not None:
            answers |= {RECIPE + path: answer for path, answer in recipe.items()}
        found[name] = completed(space, name, answers)
    return found
