"""What the checks of all kinds of data share: figures and sentences about splits, classes and targets.

``noun`` is what an example is called: ``picture`` or ``row``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from archsmith.core.errors import DataError
from archsmith.core.wording import PURPOSES, SPLITS
from archsmith.data.examples import Splits

IMBALANCE = 10.0  # a largest class of more than this many times the smallest is worth a warning
ENOUGH = 200  # training examples, fewer than which scores say little
LISTED = 20  # skipped examples that are named
FEW = 8  # classes that are listed one by one


def as_json(value: Any) -> Any:
    """``value`` with lists for tuples, at any depth."""
    if isinstance(value, tuple):
        return [as_json(item) for item in value]
    return {name: as_json(item) for name, item in value.items()} if isinstance(value, dict) else value


def target_figures(splits: Splits) -> dict[str, Any] | None:
    """Name, min, median, max, mean and std of the training targets; None for classes."""
    if not splits.is_regression:
        return None
    targets = splits.train.targets
    figures = {
        "min": targets.min(),
        "median": np.median(targets),
        "max": targets.max(),
        "mean": targets.mean(),
        "std": targets.std(),
    }
    return {"name": splits.target, **{name: float(value) for name, value in figures.items()}}


def refuse_unlearnable(splits: Splits, noun: str) -> None:
    """Raises DataError for a class without training examples, and for a regression target that never changes."""
    for name, n in zip(splits.classes, splits.train.counts(), strict=True):
        if n == 0:
            raise DataError(f"The class {name!r} has no training {noun}s.", "Give it some or leave it out.")
    targets = splits.train.targets
    if splits.is_regression and targets.min() == targets.max():
        raise DataError(
            f"The regression target {splits.target!r} is {targets[0]:g} in every training {noun}.",
            "There is nothing to learn from that.",
        )


# -- sentences ---------------------------------------------------------------------------------------------------------


def split_sizes(n_examples: Mapping[str, int], made: Sequence[str]) -> str:
    """How many examples each split has and what for, and which splits were cut here (``made``)."""
    told = ", ".join(f"{n:,} {PURPOSES[split]} ({SPLITS[split]})" for split, n in n_examples.items())
    apart = " and ".join(SPLITS[split] for split in n_examples if split in made)
    return f"{told}; {apart} set apart by chance" if apart else told


def class_sizes(counts: Sequence[int], classes: Sequence[str], noun: str) -> str:
    """How many training examples the classes have."""
    if min(counts) == max(counts):
        return f"{min(counts):,} training {noun}s of each class"
    if len(counts) <= FEW:
        return "for training " + ", ".join(f"{n:,} {name}" for name, n in zip(classes, counts, strict=True))
    return f"{min(counts):,} to {max(counts):,} training {noun}s a class"


def target_range(figures: Mapping[str, Any]) -> str:
    """Where the training targets lie, from ``target_figures``."""
    low, high, median = (f"{figures[key]:.6g}" for key in ("min", "max", "median"))
    return f"training targets from {low} to {high}, median {median}"


def counted(n: int, noun: str, one: str, many: str) -> str:
    """``1 row repeats`` or ``3 rows repeat``."""
    return f"1 {noun} {one}" if n == 1 else f"{n:,} {noun}s {many}"


def too_few(splits: Splits, noun: str) -> list[str]:
    """A warning where there are so few examples that chance decides much."""
    train, valid, test = (len(splits.by_name[split]) for split in SPLITS)
    if train >= ENOUGH:
        return []
    return [
        f"There are only {train:,} {noun}s to learn from, {valid:,} to choose by and {test:,} to measure by, so scores "
        "depend much on chance."
    ]


def uneven(splits: Splits, noun: str) -> list[str]:
    """Warnings about classes of very different size, and about classes of one example; none for a regression target."""
    if splits.is_regression:
        return []
    warnings, counts = [], splits.train.counts()
    if counts.max() > IMBALANCE * counts.min():
        large, small = splits.classes[int(counts.argmax())], splits.classes[int(counts.argmin())]
        advice = "every class counts alike" if splits.balanced else "with --balance every class counts alike"
        warnings.append(
            f"The classes are uneven: {counts.max():,} training {noun}s of {large!r}, {counts.min():,} of {small!r}; "
            f"{advice}."
        )
    single = [name for name, n in zip(splits.classes, counts, strict=True) if n == 1]
    if len(single) == 1:
        warnings.append(f"The class {single[0]!r} has a single training {noun}.")
    elif single:
        warnings.append(f"{len(single)} classes have a single training {noun}, the first is {single[0]!r}.")
    return warnings


def leaked(splits: Splits, leaks: Mapping[str, int], noun: str, proviso: str = "") -> list[str]:
    """Warnings about examples that are in an earlier split too. ``leaks``: how many, by split. ``proviso``: how far
    that is known, as the end of a sentence.
    """
    warnings = []
    for split, n in leaks.items():
        if n:
            word, where = ("validation", "training") if split == "valid" else (split, "training or validation")
            warnings.append(
                f"{n:,} of {len(splits.by_name[split]):,} {word} {noun}s {'is' if n == 1 else 'are'} in the {where} "
                f"split too{proviso}. Scores may look better than they are."
            )
    return warnings
