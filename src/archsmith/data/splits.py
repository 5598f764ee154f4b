"""Train, validation and test: taken as given where the source has them, made with a seed and class by class where it has not.

What is missing comes out of the training part: 15 % for a test part; then 15 %, but no more than 5,000 pictures, for validation. Every class keeps
at least one training picture, and a class of three or more pictures is seen in every part.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.core.seeds import generator
from archsmith.core.task import Task, image_classification
from archsmith.data.images import ImageSet, statistics
from archsmith.data.readers import Loaded

TEST_SHARE = 0.15
VALID_SHARE = 0.15
VALID_CAP = 5_000
FEWEST = 12  # pictures in all, fewer than which nothing can be learnt or measured


@dataclass(frozen=True, eq=False)
class Splits:
    """The three parts that everything downstream uses. ``made`` names those that were cut from the training part here; ``notes`` come from reading.

    ``scale`` is what values of raw arrays are multiplied with to become bytes (1 for files).
    """

    train: ImageSet
    valid: ImageSet
    test: ImageSet
    name: str
    made: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    scale: float = 1.0

    @property
    def parts(self) -> dict[str, ImageSet]:
        return {"train": self.train, "valid": self.valid, "test": self.test}

    @property
    def classes(self) -> tuple[str, ...]:
        return self.train.classes

    @cached_property
    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of the training pictures' channels, in units of full brightness."""
        return statistics(self.train.images)

    @property
    def task(self) -> Task:
        """One image in, one of the classes out."""
        return image_classification(self.train.shape, self.classes)


def split(loaded: Loaded, seed: int, *, test_share: float = TEST_SHARE, valid_share: float = VALID_SHARE) -> Splits:
    """All three parts of ``loaded``. Raises DataError when there are too few pictures or classes to make them."""
    train, valid, test = loaded.train, loaded.valid, loaded.test
    if len(train.classes) < 2:
        raise DataError(f"There is only one class, {train.classes[0]!r}." if train.classes else "There are no classes.", "At least two are needed.")
    if len(train) < FEWEST:
        raise DataError(f"There are only {len(train)} training pictures.", f"At least {FEWEST} are needed, and hundreds to learn well.")
    made = []
    if test is None:
        train, test = _cut(train, round(test_share * len(train)), seed, "test")
        made.append("test")
    if valid is None:
        train, valid = _cut(train, min(VALID_CAP, round(valid_share * len(train))), seed, "valid")
        made.append("valid")
    return Splits(train, valid, test, loaded.name, tuple(made), loaded.notes, loaded.skipped, loaded.scale)


def _cut(data: ImageSet, wanted: int, seed: int, name: str) -> tuple[ImageSet, ImageSet]:
    """What stays and what is cut out: about ``wanted`` pictures, in each class its share."""
    out = stratified(data.labels, len(data.classes), wanted, seed, name)
    if not len(out):
        raise DataError("No class has two pictures, so that none can be held out.", "Give more pictures of each class.")
    stays = np.ones(len(data), bool)
    stays[out] = False
    return data.take(np.flatnonzero(stays)), data.take(out)


def stratified(labels: NDArray[np.int64], n_classes: int, wanted: int, seed: int, name: str) -> NDArray[np.int64]:
    """Sorted indexes of about ``wanted`` pictures, each class by its share (largest remainders), at least one where enough stay behind."""
    counts = np.bincount(labels, minlength=n_classes)
    share = wanted * counts / max(1, counts.sum())
    take = np.floor(share).astype(np.int64)
    missing = max(0, wanted - int(take.sum()))
    take[np.argsort(take - share, kind="stable")[:missing]] += 1
    kept = 2 if name == "test" else 1  # the test part is cut first and leaves one picture for validation, one for training
    take = np.clip(take, counts > kept, np.maximum(0, counts - kept))
    chosen = []
    for label in range(n_classes):
        own = np.flatnonzero(labels == label)
        chosen.append(generator(seed, "split", name, label).permutation(own)[: take[label]])
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, np.int64)
