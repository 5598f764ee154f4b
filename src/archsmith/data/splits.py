"""Train, validation and test: taken as given where the source has them, made with a seed and class by class where it
has not.

What is missing comes out of the training part: 15 % for a test part; then 15 %, but no more than 5,000 pictures, for
validation. Every class keeps at least one training picture, and a class of three or more pictures is seen in every
part. Numbers are cut by their quantiles, so that small and large ones have their share in every part. All of it works
on labels alone, before any picture is decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.core.seeds import generator
from archsmith.core.task import Task, image_classification, image_regression
from archsmith.data.images.decode import ImageSet, statistics
from archsmith.data.images.source import PARTS

TEST_SHARE = 0.15
VALID_SHARE = 0.15
VALID_CAP = 5_000
FEWEST = 12  # training pictures, fewer than which nothing can be learnt or measured
BINS = 10  # of numbers, by quantiles
# Pictures of a class that stay behind: the test part is cut first, and validation and training want one each; a share
# of a part leaves nothing to another.
KEEPING = {"test": 2, "share": 0}


@dataclass(frozen=True, eq=False)
class Splits:
    """The three parts that everything downstream uses. ``made`` names those that were cut from the training part here;
    ``notes`` come from reading.

    ``scale`` is what values of raw arrays are multiplied with to become bytes (1 for files); ``target`` is what a
    number to be predicted is called; ``balanced`` makes every class count alike.
    """

    train: ImageSet
    valid: ImageSet
    test: ImageSet
    name: str
    made: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    scale: float = 1.0
    target: str = "value"
    balanced: bool = False

    @property
    def parts(self) -> dict[str, ImageSet]:
        return {"train": self.train, "valid": self.valid, "test": self.test}

    @property
    def classes(self) -> tuple[str, ...]:
        return self.train.classes

    @property
    def numeric(self) -> bool:
        """Are numbers predicted, rather than classes?"""
        return self.train.numeric

    @cached_property
    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of the training pictures' channels, in units of full brightness."""
        return statistics(self.train.images)

    @property
    def target_statistics(self) -> tuple[float, float] | None:
        """Mean and standard deviation of the training numbers; None for classes."""
        return (float(self.train.labels.mean()), float(self.train.labels.std())) if self.numeric else None

    @property
    def task(self) -> Task:
        """One image in; one of the classes, or a number, out."""
        if self.numeric:
            return image_regression(self.train.shape, self.target)
        return image_classification(self.train.shape, self.classes, balanced=self.balanced)


@dataclass(frozen=True, eq=False)
class Cut:
    """Which part each picture is in: ``part`` ``(n,)`` int8 indexes into ``PARTS``, -1 for pictures that are not used.
    ``made`` names those parts that were cut from the training part.
    """

    part: NDArray[np.int8]
    made: tuple[str, ...]

    @property
    def indexes(self) -> dict[str, NDArray[np.int64]]:
        """Sorted indexes of the pictures of each part."""
        return {name: np.flatnonzero(self.part == code) for code, name in enumerate(PARTS)}

    @property
    def n(self) -> int:
        """Pictures that are used."""
        return int((self.part >= 0).sum())


def split(
    labels: NDArray[Any],
    part: NDArray[np.int8],
    seed: int,
    *,
    test_share: float = TEST_SHARE,
    valid_share: float = VALID_SHARE,
) -> Cut:
    """All three parts of pictures with ``labels`` ``(n,)`` (class indexes or numbers) that lie in ``part`` ``(n,)``
    now.

    Raises DataError when there are too few to make them.
    """
    train, valid, test = (np.flatnonzero(part == code) for code in range(len(PARTS)))
    if len(train) < FEWEST:
        raise DataError(
            f"There are only {len(train)} training pictures.",
            f"At least {FEWEST} are needed, and hundreds to learn well.",
        )
    n_classes = int(labels.max()) + 1
    made = []
    if not len(test):
        train, test = _cut(train, labels, n_classes, round(test_share * len(train)), seed, "test")
        made.append("test")
    if not len(valid):
        train, valid = _cut(train, labels, n_classes, min(VALID_CAP, round(valid_share * len(train))), seed, "valid")
        made.append("valid")
    found = np.full(len(part), -1, np.int8)
    for code, index in enumerate((train, valid, test)):
        found[index] = code
    return Cut(found, tuple(made))


def _cut(
    pool: NDArray[np.int64], labels: NDArray[Any], n_classes: int, wanted: int, seed: int, name: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What stays in ``pool`` and what is cut out of it: about ``wanted`` pictures, of each class its share."""
    out = stratified(labels[pool], n_classes, wanted, seed, name)
    if not len(out):
        raise DataError(
            "No class has two pictures, so that none can be held out.",
            "Give more of each class; numbers to predict need --kind number.",
        )
    stays = np.ones(len(pool), bool)
    stays[out] = False
    return pool[stays], pool[out]


def stratified(labels: NDArray[Any], n_classes: int, wanted: int, seed: int, name: str) -> NDArray[np.int64]:
    """Sorted indexes of about ``wanted`` pictures, each class by its share (largest remainders), at least one where
    enough stay behind.

    Numbers are taken by their share of each tenth (of fewer, larger bins where fewer than ten are wanted).
    """
    if labels.dtype.kind == "f":
        # a bin gives at least one, so that more bins would take more than was wanted
        n_classes = max(1, min(BINS, wanted))
        labels = by_rank(labels, n_classes)
    counts = np.bincount(labels, minlength=n_classes)
    share = wanted * counts / max(1, counts.sum())
    take = np.floor(share).astype(np.int64)
    missing = max(0, wanted - int(take.sum()))
    take[np.argsort(take - share, kind="stable")[:missing]] += 1
    kept = KEEPING.get(name, 1)
    take = np.clip(take, counts > kept, np.maximum(0, counts - kept))
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(counts)
    chosen = []
    for label in range(n_classes):
        own = order[ends[label] - counts[label] : ends[label]]
        chosen.append(generator(seed, "split", name, label).permutation(own)[: take[label]])
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, np.int64)


def by_rank(numbers: NDArray[np.floating[Any]], n_bins: int = BINS) -> NDArray[np.int64]:
    """Which of ``n_bins`` equally full bins each of ``numbers`` falls into, by its rank."""
    ranks = np.empty(len(numbers), np.int64)
    ranks[np.argsort(numbers, kind="stable")] = np.arange(len(numbers))
    return ranks * n_bins // max(1, len(numbers))
