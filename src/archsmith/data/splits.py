"""The training, validation and test split: taken as given where the source has them, else cut with a seed, class by
class.

What is missing comes out of the training split: 15 % for a test split; then 15 %, but no more than 5,000 examples, for
validation. Every class keeps at least one training example, and a class of three or more examples is seen in every
split. Numbers are cut by their quantiles, so that small and large ones have their share in every split. All of it works
on labels alone, before any example is decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.core.seeds import generator
from archsmith.core.targets import REGRESSION
from archsmith.data.examples import SPLITS

# What people call the splits, in the names of folders and in columns of tables.
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

TEST_SHARE = 0.15
VALID_SHARE = 0.15
VALID_CAP = 5_000
FEWEST = 12  # training examples, fewer than which nothing can be learnt or measured
BINS = 10  # of numbers, by quantiles
# Examples of a class that stay behind: the test split is cut first, and validation and training want one each; a share
# of a split leaves nothing to another.
KEEPING = {"test": 2, "share": 0}


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
        """Sorted indexes of the examples of each split."""
        return {name: np.flatnonzero(self.split == code) for code, name in enumerate(SPLITS)}

    @property
    def n(self) -> int:
        """Examples that are used."""
        return int((self.split >= 0).sum())


def cut(
    labels: NDArray[Any],
    given: NDArray[np.int8],
    seed: int,
    *,
    test_share: float = TEST_SHARE,
    valid_share: float = VALID_SHARE,
    noun: str = "example",
) -> Cut:
    """All three splits of examples with ``labels`` ``(n,)`` (class indexes or numbers), of which some were ``given``
    ``(n,)`` as codes. ``noun`` is what an example is called.

    Raises DataError when there are too few examples to make them.
    """
    train, valid, test = (np.flatnonzero(given == code) for code in range(len(SPLITS)))
    if len(train) < FEWEST:
        raise DataError(
            f"There are only {len(train)} training {noun}s.",
            f"At least {FEWEST} are needed, and hundreds to learn well.",
        )
    n_classes = int(labels.max()) + 1
    made = []
    if not len(test):
        wanted = round(test_share * len(train))
        train, test = _cut(train, labels, n_classes, wanted, seed, "test", noun)
        made.append("test")
    if not len(valid):
        wanted = min(VALID_CAP, round(valid_share * len(train)))
        train, valid = _cut(train, labels, n_classes, wanted, seed, "valid", noun)
        made.append("valid")
    found = np.full(len(given), -1, np.int8)
    for code, index in enumerate((train, valid, test)):
        found[index] = code
    return Cut(found, tuple(made))


def _cut(
    pool: NDArray[np.int64], labels: NDArray[Any], n_classes: int, wanted: int, seed: int, name: str, noun: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What stays in ``pool`` and what is cut out of it: about ``wanted`` examples, of each class its share."""
    out = stratified(labels[pool], n_classes, wanted, seed, name)
    if not len(out):
        raise DataError(
            f"No class has two {noun}s, so that none can be held out.",
            f"Give more of each class; numbers to predict need --task {REGRESSION}.",
        )
    stays = np.ones(len(pool), bool)
    stays[out] = False
    return pool[stays], pool[out]


def stratified(labels: NDArray[Any], n_classes: int, wanted: int, seed: int, name: str) -> NDArray[np.int64]:
    """Sorted indexes of about ``wanted`` examples, each class by its share (largest remainders), at least one where
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
