"""The training, validation and test splits: as the source gives them, or cut with a seed.

A split that is missing is cut from the training split: 15 % for a test split, then 15 % but at most 5,000 examples for
a validation split. Classes are cut one by one. Each class keeps at least one training example, and a class of three or
more examples is in every split. Regression targets are cut by their quantiles, so that every split has small and large
ones. All of this needs labels only, before any example is decoded.

Groups, such as copies of a picture, stay in one split. One with more examples than its class has in a split is learnt
from, where enough other groups are there: else it would be most of that split.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.core.seeds import generator
from archsmith.core.targets import REGRESSION
from archsmith.data.examples import SPLITS

# What people call the splits, in names of folders and in tables.
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}

SPLIT_COLUMNS = ("split", "part", "partition", "subset", "set")  # what columns of splits are called

TEST_SHARE = 0.15  # of the training split
VALID_SHARE = 0.15  # of the training split
VALID_CAP = 5_000  # examples
FEWEST = 12  # training examples; with fewer, nothing can be learnt or measured
BINS = 10  # of regression targets, by quantiles
# How many examples of a class stay behind, 1 where nothing is said. The test split is cut first, and validation and
# training need one example each. A share of a split is not taken from another split.
KEEPING = {"test": 2, "share": 0}


def split_codes(names: Sequence[str]) -> NDArray[np.int8]:
    """``names`` of ``SPLITS`` as indexes into it, ``(n,)``."""
    return np.array([SPLITS.index(name) for name in names], np.int8)


def codes_of(values: Sequence[Any], column: str, where: Callable[[int], str]) -> NDArray[np.int8]:
    """The values of a column of splits as indexes into ``SPLITS``. ``where`` names a row. Raises DataError."""
    names = [SPLIT_NAMES.get(str(value).strip().lower()) for value in values]
    if None in names:
        row = names.index(None)
        raise DataError(
            f"The column {column!r} says {str(values[row])[:60]!r} in {where(row)}.", "It may say train, valid or test."
        )
    return split_codes([name for name in names if name is not None])


@dataclass(frozen=True, eq=False)
class Cut:
    """Which split each example is in.

    ``split``: ``(n,)``, int8 indexes into ``SPLITS``; -1 for examples that are not used.
    ``made``: the splits that were cut from the training split.
    """

    split: NDArray[np.int8]
    made: tuple[str, ...]

    @property
    def indexes(self) -> dict[str, NDArray[np.int64]]:
        """Sorted indexes of the examples, by split."""
        return {name: np.flatnonzero(self.split == code) for code, name in enumerate(SPLITS)}

    @property
    def n(self) -> int:
        """How many examples are used."""
        return int((self.split >= 0).sum())


def cut(
    labels: NDArray[Any],
    given: NDArray[np.int8],
    seed: int,
    *,
    test_share: float = TEST_SHARE,
    valid_share: float = VALID_SHARE,
    noun: str = "example",
    groups: NDArray[np.int64] | None = None,
) -> Cut:
    """All three splits. Raises DataError when there are too few examples.

    ``labels``: ``(n,)``, class indexes or regression targets.
    ``given``: ``(n,)``, the splits that the source says, as indexes into ``SPLITS``.
    ``seed``: by which splits are cut.
    ``test_share``, ``valid_share``: of the training split, where there is no such split.
    ``noun``: what an example is called.
    ``groups``: ``(n,)``, the first example of the group that each one is in; a group stays in one split. None: each
        example is a group.
    """
    if groups is not None:
        ones, whose, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        found, made = _of_groups(labels[ones], given[ones], sizes, seed, test_share, valid_share, noun)
        return Cut(found[whose], made)
    return Cut(*_of_groups(labels, given, np.ones(len(labels), np.int64), seed, test_share, valid_share, noun))


def _of_groups(
    labels: NDArray[Any],
    given: NDArray[np.int8],
    sizes: NDArray[np.int64],
    seed: int,
    test_share: float,
    valid_share: float,
    noun: str,
) -> tuple[NDArray[np.int8], tuple[str, ...]]:
    """What a ``Cut`` holds, for groups of so many examples as ``sizes`` ``(n,)`` say."""
    train, valid, test = (np.flatnonzero(given == code) for code in range(len(SPLITS)))
    if len(train) < FEWEST:
        raise DataError(
            f"There {'is' if len(train) == 1 else 'are'} only {len(train)} training {noun}{'s' * (len(train) != 1)}."
            if len(train)
            else f"There are no training {noun}s.",
            f"At least {FEWEST} are needed, and hundreds to learn well.",
        )
    n_classes = int(labels.max()) + 1
    made = []
    if not len(test):
        wanted = round(test_share * len(train))
        train, test = _cut(train, labels, sizes, n_classes, wanted, seed, "test", noun)
        made.append("test")
    if not len(valid):
        wanted = min(VALID_CAP, round(valid_share * len(train)))
        train, valid = _cut(train, labels, sizes, n_classes, wanted, seed, "valid", noun)
        made.append("valid")
    found = np.full(len(given), -1, np.int8)
    for code, index in enumerate((train, valid, test)):
        found[index] = code
    return found, tuple(made)


def _cut(
    pool: NDArray[np.int64],
    labels: NDArray[Any],
    sizes: NDArray[np.int64],
    n_classes: int,
    wanted: int,
    seed: int,
    name: str,
    noun: str,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``pool`` without the split ``name``, and that split: about ``wanted`` groups, of each class its share."""
    out = stratified(labels[pool], n_classes, wanted, seed, name, sizes[pool])
    if not len(out):
        raise DataError(
            f"No class has two {noun}s, so none can be held out.",
            f"Give more of each class. If the labels are regression targets, say --task {REGRESSION}.",
        )
    stays = np.ones(len(pool), bool)
    stays[out] = False
    return pool[stays], pool[out]


def stratified(
    labels: NDArray[Any], n_classes: int, wanted: int, seed: int, name: str, sizes: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Sorted indexes of about ``wanted`` examples: of each class its share (largest remainders), and at least one where
    enough stay behind.

    ``sizes``: ``(n,)``, how many examples each one stands for; None: one. One that stands for more than the share of
    its class comes last, the largest at the very end.

    Regression targets are divided by rank into ten bins (fewer where fewer than ten are wanted), which then count as
    classes.
    """
    if labels.dtype.kind == "f":
        # a bin gives at least one example, so more bins than ``wanted`` would give too many
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
        own = generator(seed, "split", name, label).permutation(own)
        if sizes is not None:
            most = np.ceil(wanted / len(labels) * sizes[own].sum())
            own = own[np.argsort(np.where(sizes[own] > most, sizes[own], 0), kind="stable")]
        chosen.append(own[: take[label]])
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, np.int64)


def by_rank(numbers: NDArray[np.floating[Any]], n_bins: int = BINS) -> NDArray[np.int64]:
    """The bin of each of ``numbers`` ``(n,)``, by rank: 0 to ``n_bins`` - 1, all bins equally full."""
    ranks = np.empty(len(numbers), np.int64)
    ranks[np.argsort(numbers, kind="stable")] = np.arange(len(numbers))
    return ranks * n_bins // max(1, len(numbers))
