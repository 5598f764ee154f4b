"""A look at the data before anything is trained: what a person should know, and what makes training pointless."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from archsmith.core.errors import DataError
from archsmith.data.images import ImageSet
from archsmith.data.splits import Splits

IMBALANCE = 10.0  # largest class over smallest, from which on it is worth a warning


@dataclass(frozen=True)
class Report:
    """What the checks found.

    ``counts``: pictures of each class by part; ``shape`` ``(C, H, W)``; ``duplicates``: pictures that repeat an earlier one of the same part;
    ``leaks``: test or validation pictures that are in the training part too; ``constant``: pictures of one single colour; ``made``: parts that were
    cut from the training part; ``warnings``: whole sentences.
    """

    name: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    counts: dict[str, tuple[int, ...]]
    duplicates: int
    leaks: dict[str, int]
    constant: int
    made: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def lines(self) -> list[str]:
        """A short summary for a terminal."""
        channels, height, width = self.shape
        colour = "grey" if channels == 1 else "colour"
        totals = ", ".join(f"{sum(counts):,} {part}{' (held out)' if part in self.made else ''}" for part, counts in self.counts.items())
        each = self.counts["train"]
        lines = [
            f"{self.name}: {len(self.classes)} classes, {colour} pictures of {height} x {width}",
            f"{totals}; {min(each):,} to {max(each):,} training pictures a class",
        ]
        return [*lines, *self.notes, *self.warnings]

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "shape": list(self.shape),
            "classes": list(self.classes),
            "counts": {part: list(counts) for part, counts in self.counts.items()},
            "duplicates": self.duplicates,
            "leaks": self.leaks,
            "constant": self.constant,
            "made": list(self.made),
            "skipped": [list(pair) for pair in self.skipped],
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }


def check(splits: Splits) -> Report:
    """Look at every part. Raises DataError where nothing could be learnt."""
    counts = {part: tuple(int(n) for n in data.counts()) for part, data in splits.parts.items()}
    empty = [name for name, n in zip(splits.classes, counts["train"], strict=True) if n == 0]
    if empty:
        raise DataError(f"The class {empty[0]!r} has no training pictures.", "Give it some or leave it out.")
    if len({data.shape for data in splits.parts.values()}) > 1:
        raise DataError(f"The parts have pictures of different shapes: {', '.join(str(d.shape) for d in splits.parts.values())}.")
    prints = {part: _prints(data) for part, data in splits.parts.items()}
    known = set(prints["train"])
    duplicates = sum(len(p) - len(set(p)) for p in prints.values())
    leaks = {part: sum(print_ in known for print_ in prints[part]) for part in ("valid", "test")}
    constant = sum(int((_spread(data) == 0).sum()) for data in splits.parts.values())
    if constant == sum(len(data) for data in splits.parts.values()):
        raise DataError("Every picture is of one single colour.", "Nothing can be learnt from these; check how they were made.")
    warnings = _warnings(splits, counts, duplicates, leaks, constant, _contradictions(splits.train, prints["train"]))
    return Report(
        splits.name,
        splits.train.shape,
        splits.classes,
        counts,
        duplicates,
        leaks,
        constant,
        splits.made,
        splits.skipped,
        splits.notes,
        tuple(warnings),
    )


def _warnings(
    splits: Splits, counts: dict[str, tuple[int, ...]], duplicates: int, leaks: dict[str, int], constant: int, contradictions: int
) -> list[str]:
    train = counts["train"]
    warnings = []
    if splits.skipped:
        warnings.append(f"{len(splits.skipped)} pictures could not be read and were skipped, the first: {splits.skipped[0][1]}")
    if max(train) > IMBALANCE * min(train):
        large, small = splits.classes[int(np.argmax(train))], splits.classes[int(np.argmin(train))]
        warnings.append(f"The classes are uneven: {max(train):,} of {large!r}, {min(train):,} of {small!r}.")
    few = [name for name, n in zip(splits.classes, train, strict=True) if n < 2]
    if few:
        warnings.append(f"{len(few)} classes have a single training picture, the first is {few[0]!r}.")
    if duplicates:
        warnings.append(f"{duplicates:,} pictures repeat another one of the same part.")
    for part, n in leaks.items():
        if n:
            word = "validation" if part == "valid" else part
            warnings.append(f"{n:,} of {sum(counts[part]):,} {word} pictures are in the training part too; scores will look better than they are.")
    if contradictions:
        warnings.append(f"{contradictions:,} training pictures have another label than a picture just like them.")
    if constant:
        warnings.append(f"{constant:,} pictures are of one single colour.")
    return warnings


def _prints(data: ImageSet) -> list[bytes]:
    """A fingerprint of each picture."""
    return [hashlib.blake2b(image.tobytes(), digest_size=12).digest() for image in data.images]


def _spread(data: ImageSet) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Largest less smallest value of each picture, over its channels the largest."""
    return np.asarray((data.images.max(axis=(1, 2)) - data.images.min(axis=(1, 2))).max(axis=1))


def _contradictions(data: ImageSet, prints: list[bytes]) -> int:
    """Pictures whose label is not the commonest among those just like them."""
    repeated = {print_ for print_, n in Counter(prints).items() if n > 1}
    labels: dict[bytes, Counter[int]] = {}
    for print_, label in zip(prints, data.labels.tolist(), strict=True):
        if print_ in repeated:
            labels.setdefault(print_, Counter())[label] += 1
    return sum(sum(seen.values()) - max(seen.values()) for seen in labels.values())
