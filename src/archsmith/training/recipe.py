"""A recipe: how the weights of a network are optimised. How training examples are changed at random is augmentation,
which belongs to the kind of data.

The decisions of an architecture under ``recipe/`` may set fields of both. Other fields keep the defaults below. Sources
of the defaults: SGD with Nesterov momentum and weight decay 5e-4, He et al. 2016 (arXiv 1512.03385); label smoothing
0.1, Szegedy et al. 2016 (arXiv 1512.00567); AdamW, Loshchilov and Hutter 2019 (arXiv 1711.05101); one cycle, Smith and
Topin 2018 (arXiv 1708.07120); the auxiliary weight 0.4, Zoph et al. 2018 (NASNet, arXiv 1707.07012). The numbers were
then tuned on the validation split of Fashion-MNIST. Biases that learn faster are of Page 2018 (DAWNBench).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archsmith.core.architecture import RECIPE
from archsmith.core.errors import UsageError
from archsmith.core.fields import checked
from archsmith.data.examples import Augmentation

SCHEDULES = ("one_cycle", "cosine", "constant")
HELD = 1.0  # a constant rate, in multiples of the peak of one that rises and falls
OPTIMIZERS = ("sgd", "adamw")


@checked
@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    ``learning_rate``: the highest rate for batches of 128, see ``peak``.
    ``momentum``: of SGD (Nesterov), 0 to 1; the first beta of AdamW.
    ``weight_decay``: of all weights but biases and norms.
    ``bias_rate``: how many times the learning rate is that of the biases of batch norms.
    ``label_smoothing``: share of the probability that goes to all classes alike, 0 to 1.
    ``batch_size``: examples in a step.
    ``epochs``: the most epochs of a training.
    ``schedule``: ``one_cycle`` (linear warm-up, then cosine to nearly 0), ``cosine`` (no warm-up) or ``constant``.
    ``warmup``: share of a ``one_cycle`` training in which the rate rises, 0 to 1.
    ``average``: span of the moving average of weights, in epochs; 0 is none.
    ``clip``: bound on the norm of the gradient; 0 is none.
    ``auxiliary``: weight of an auxiliary head's loss.
    ``balance``: every class counts alike in the loss (``goal.class_weights``).
    ``optimizer``: ``sgd`` or ``adamw``.
    """

    learning_rate: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 5e-4
    bias_rate: float = 1.0
    label_smoothing: float = 0.1
    batch_size: int = 128
    epochs: float = 40
    schedule: str = "one_cycle"
    warmup: float = 0.2
    average: float = 0.0
    clip: float = 5.0
    auxiliary: float = 0.4
    balance: bool = False
    optimizer: str = "sgd"

    def __post_init__(self) -> None:
        positive = {"learning_rate": self.learning_rate, "batch_size": self.batch_size, "epochs": self.epochs}
        for name, value in positive.items():
            if not value > 0:
                raise UsageError(f"The recipe's {name} is {value}.", "Give a positive number.")
        for name in ("weight_decay", "bias_rate", "average", "clip", "auxiliary"):
            if not getattr(self, name) >= 0:
                raise UsageError(f"The recipe's {name} is {getattr(self, name)}.", "Give 0 or more.")
        for name in ("momentum", "label_smoothing", "warmup"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(
                    f"The recipe's {name} is {getattr(self, name)}.", "Give a number from 0 up to but not including 1."
                )
        for name, known in (("schedule", SCHEDULES), ("optimizer", OPTIMIZERS)):
            if getattr(self, name) not in known:
                raise UsageError(f"The recipe's {name} is {getattr(self, name)!r}.", f"Give one of {', '.join(known)}.")

    @property
    def peak(self) -> float:
        """The highest learning rate that is used. ``learning_rate`` is scaled by the square root of the batch, so that
        a step is as noisy as in batches of 128 (Krizhevsky 2014, arXiv 1404.5997).
        """
        return float(self.learning_rate * math.sqrt(self.batch_size / 128))

    def sized(self, n_train: int) -> Recipe:
        """The same recipe with a batch that suits ``n_train`` examples: about 40 steps in an epoch or more, and 16
        examples in a batch or more.

        On the 1,300 training pictures of the digits, batches of 32 give 0.7 points more test accuracy than batches of
        128, in as many epochs.
        """
        batch = 2 ** int(math.log2(max(1, n_train // 40)))
        return dataclasses.replace(self, batch_size=min(self.batch_size, max(16, batch)))

    def proxy(self) -> Recipe:
        """The same recipe for trainings that may go on later: a constant rate, a share of the peak, with averaged
        weights.
        """
        rate = HELD * self.learning_rate
        return dataclasses.replace(self, schedule="constant", learning_rate=rate, average=self.average or 0.5)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Recipe:
        return cls(**data)


def decided(recipe: Recipe, augmentation: Augmentation, architecture: Mapping[str, Any]) -> tuple[Recipe, Augmentation]:
    """``recipe`` and ``augmentation`` with the decisions of ``architecture`` under ``recipe/``. Raises UsageError for a
    decision that is a field of neither.
    """
    named = {path.removeprefix(RECIPE): value for path, value in architecture.items() if path.startswith(RECIPE)}
    ours, theirs = divided(named, type(recipe), type(augmentation))
    return dataclasses.replace(recipe, **ours), dataclasses.replace(augmentation, **theirs)


def divided(
    settings: Mapping[str, Any], recipe: type[Recipe], augmentation: type[Augmentation]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """``settings`` (field name to value), divided into those of the recipe and those of the augmentation. Raises
    UsageError for a setting that is a field of neither.
    """
    known = [{field.name for field in dataclasses.fields(cls)} for cls in (recipe, augmentation)]
    for name in settings:
        if not any(name in names for names in known):
            raise UsageError(
                f"{name!r} is not part of a training recipe here.",
                f"A recipe has {', '.join(sorted(set().union(*known)))}.",
            )
    ours, theirs = ({name: value for name, value in settings.items() if name in names} for names in known)
    return ours, theirs
