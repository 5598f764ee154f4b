"""The training part of an architecture for images: a few decisions under ``recipe/``, which the training evaluator
reads.

Ours. The options are the usual ones of SGD with momentum on small images. The first option of every decision is the
default of the training recipe or of the augmentation of images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archsmith.core.architecture import RECIPE, Architecture, Scalar
from archsmith.core.fields import checked
from archsmith.core.space import Choose, Options, Space


@checked
@dataclass(frozen=True)
class ImageRecipe(Space):
    """How an image network is trained. Its decisions:

    * ``learning_rate``: peak, of SGD with momentum.
    * ``weight_decay``.
    * ``shift``: the largest random translation, as a share of the image's side.
    * ``flip``: mirror left and right at random. Off comes first, because a mirror destroys classes such as digits.
    * ``cutout``: side of the erased square, as a share of the image's side; 0 is none.
    * ``label_smoothing``.

    Fields, the options of decisions, the default first:

    ``learning_rates``, ``shifts``, ``flips``: what the names say.
    """

    learning_rates: tuple[float, ...] = (0.2, 0.1, 0.4)
    shifts: tuple[float, ...] = (0.04, 0.0, 0.1)
    flips: tuple[bool, ...] = (False, True)

    def decide(self, choose: Choose) -> None:
        choose("recipe/learning_rate", self.learning_rates)
        choose("recipe/weight_decay", (5e-4, 1e-4, 2e-3, 1e-3))
        choose("recipe/shift", self.shifts)
        choose("recipe/flip", self.flips)
        choose("recipe/cutout", (0.0, 0.25, 0.5))
        choose("recipe/label_smoothing", (0.1, 0.0, 0.2))

    def first(self) -> Architecture:
        """Every decision at its first option."""
        return self.trace(lambda path, options, weights: options[0]).architecture  # type: ignore[index]


@checked
@dataclass(frozen=True)
class PictureRecipe(ImageRecipe):
    """How a network of the space ``pictures`` is trained: one learning rate more, for networks without batch norm."""

    learning_rates: tuple[float, ...] = (0.2, 0.1, 0.4, 0.05)


@checked
@dataclass(frozen=True)
class OwnRecipe(Space):
    """What of a recipe is settled, but shall be told: each decision has one option.

    ``answers``: fields, such as ``clip``, each with its value.
    """

    answers: tuple[tuple[str, Scalar], ...] = ()

    def decide(self, choose: Choose) -> None:
        for name, answer in self.answers:
            choose(RECIPE + name, (answer,))


@checked
@dataclass(frozen=True)
class OpenRecipe(Space):
    """What of a recipe is still to be decided.

    ``recipe``: asks the decisions under ``recipe/``.
    ``given``: answers by name, such as ``weight_decay``, that are known beforehand. They are asked no more.
    """

    recipe: Space
    given: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def decide(self, choose: Choose) -> None:
        def asked(path: str, options: Options, weights: Sequence[float] | None = None) -> Scalar:
            name = path.removeprefix(RECIPE)
            return self.given[name] if name in self.given else choose(path, options, weights)

        self.recipe.decide(asked)
