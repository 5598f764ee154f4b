"""A look at the data before anything is trained: what a person should know, and what makes training pointless.

It works on a fingerprint of each picture, not on the pictures, and so takes no more memory for a large set than for a
small one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.data.images.decode import Pixels
from archsmith.data.images.examples import ImageSplits

IMBALANCE = 10.0  # largest class over smallest, from which on it is worth a warning
LISTED = 20  # broken pictures that are named
FEW = 8  # classes that are listed one by one

Prints = Mapping[str, NDArray[np.uint64]]


@dataclass(frozen=True)
class Findings:
    """What the checks found.

    ``name``: of the data.
    ``shape``: ``(C, H, W)`` of every picture.
    ``n_examples``: pictures by split.
    ``counts``: pictures of each class by split; empty for a regression target.
    ``duplicates``: pictures that repeat an earlier one of the same split.
    ``leaks``: validation pictures that are in the training split too, and test pictures that are in either.
    ``constant``: pictures of one single colour.
    ``made``: splits that were cut from the training split.
    ``skipped``: the first of ``n_skipped`` pictures that could not be read, with reasons.
    ``n_bytes``: on disk.
    ``target``: name, min, median, max, mean and std of the training targets; None for classes.
    ``notes``, ``warnings``: whole sentences.
    """

    name: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    n_examples: dict[str, int]
    counts: dict[str, tuple[int, ...]]
    duplicates: int
    leaks: dict[str, int]
    constant: int
    made: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    n_skipped: int = 0
    n_bytes: int = 0
    target: dict[str, Any] | None = None

    @property
    def is_regression(self) -> bool:
        """Is a regression target learnt, rather than a class?"""
        return self.target is not None

    def lines(self) -> list[str]:
        """A short summary for a terminal."""
        channels, height, width = self.shape
        pictures = f"{'grey' if channels == 1 else 'colour'} pictures of {height} x {width}"
        totals = ", ".join(
            f"{n:,} {name}{' (held out)' if name in self.made else ''}" for name, n in self.n_examples.items()
        )
        if self.target is not None:
            low, middle, high = (self.target[name] for name in ("min", "median", "max"))
            head = [
                f"{self.name}: {pictures}, regression target {self.target['name']!r}",
                f"{totals}; training targets from {low:.6g} to {high:.6g}, half of them below {middle:.6g}",
            ]
        else:
            head = [f"{self.name}: {len(self.classes)} classes, {pictures}", f"{totals}; {self._class_counts()}"]
        return [*head, *self.notes, *self.warnings]

    def _class_counts(self) -> str:
        each = self.counts["train"]
        if min(each) == max(each):
            return f"{min(each):,} training pictures of each class"
        if len(each) <= FEW:
            return "for training " + ", ".join(f"{n:,} {name}" for name, n in zip(self.classes, each, strict=True))
        return f"{min(each):,} to {max(each):,} training pictures a class"

    def to_dict(self) -> dict[str, Any]:
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Findings:
        if "n_pictures" in data:  # up to version 0.1
            data = {**data, "n_examples": data["n_pictures"]}
        return cls(
            **{
                **{field.name: data[field.name] for field in fields(cls) if field.name in data},
                "shape": tuple(data["shape"]),
                "counts": {part: tuple(counts) for part, counts in data["counts"].items()},
                "skipped": tuple((name, reason) for name, reason in data["skipped"]),
                **{name: tuple(data[name]) for name in ("classes", "made", "notes", "warnings")},
            }
        )


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return {name: _plain(item) for name, item in value.items()} if isinstance(value, dict) else value


def fingerprints(images: Pixels) -> NDArray[np.uint64]:
    """64 bits for each picture ``(n,)``. In 65,000 different pictures, two are alike once in about 4e9 such sets."""
    return np.array(
        [int.from_bytes(hashlib.blake2b(image.tobytes(), digest_size=8).digest(), "little") for image in images],
        np.uint64,
    )


def is_flat(images: Pixels) -> NDArray[np.bool_]:
    """Which of the pictures ``(n, H, W, C)`` are of one single colour, ``(n,)``."""
    return np.asarray((images == images[:, :1, :1]).all(axis=(1, 2, 3)))


def check(
    splits: ImageSplits,
    prints: Prints | None = None,
    flat: Mapping[str, int] | None = None,
    *,
    n_bytes: int = 0,
    warnings: Sequence[str] = (),
) -> Findings:
    """Look at every split. ``prints`` (fingerprints) and ``flat`` (counts) by part are computed where they are not
    known yet.

    Raises DataError where nothing could be learnt.
    """
    parts = splits.parts
    prints = {part: fingerprints(data.images) for part, data in parts.items()} if prints is None else prints
    flat = {part: int(is_flat(data.images).sum()) for part, data in parts.items()} if flat is None else flat
    counts = {part: tuple(int(n) for n in data.counts()) for part, data in parts.items()}
    _refuse(splits, counts, flat)
    learnt, chosen_by = np.sort(prints["train"]), np.sort(np.concatenate([prints["train"], prints["valid"]]))
    leaks = {"valid": int(_among(prints["valid"], learnt).sum()), "test": int(_among(prints["test"], chosen_by).sum())}
    duplicates = sum(_repeated(np.sort(found)).size for found in prints.values())
    contradictions = _contradictions(splits.train.targets, prints["train"])
    found = _warnings(splits, counts, duplicates, leaks, sum(flat.values()), contradictions)
    return Findings(
        name=splits.name,
        shape=splits.train.shape,
        classes=splits.classes,
        n_examples={part: len(data) for part, data in parts.items()},
        counts=counts,
        duplicates=duplicates,
        leaks=leaks,
        constant=sum(flat.values()),
        made=splits.made,
        skipped=splits.skipped[:LISTED],
        notes=splits.notes,
        warnings=(*warnings, *found),
        n_skipped=len(splits.skipped),
        n_bytes=n_bytes,
        target=_target(splits),
    )


def _refuse(splits: ImageSplits, counts: Mapping[str, tuple[int, ...]], flat: Mapping[str, int]) -> None:
    empty = [name for name, n in zip(splits.classes, counts["train"], strict=True) if n == 0]
    if empty:
        raise DataError(f"The class {empty[0]!r} has no training pictures.", "Give it some or leave it out.")
    missing = [part for part, data in splits.parts.items() if not len(data)]
    if missing:
        raise DataError(f"None of the {missing[0]} pictures can be read.", "Replace them.")
    if len({data.shape for data in splits.parts.values()}) > 1:
        raise DataError(
            f"The splits have pictures of different shapes: {', '.join(str(d.shape) for d in splits.parts.values())}."
        )
    if sum(flat.values()) == sum(len(data) for data in splits.parts.values()):
        raise DataError(
            "Every picture is of one single colour.", "Nothing can be learnt from these; check how they were made."
        )
    if splits.is_regression and splits.train.targets.min() == splits.train.targets.max():
        number = splits.train.targets[0]
        raise DataError(
            f"The number to predict is {number:g} for every training picture.", "There is nothing to learn from that."
        )


def _target(splits: ImageSplits) -> dict[str, Any] | None:
    if not splits.is_regression:
        return None
    numbers = splits.train.targets
    named = {
        "min": numbers.min(),
        "median": np.median(numbers),
        "max": numbers.max(),
        "mean": numbers.mean(),
        "std": numbers.std(),
    }
    return {"name": splits.target, **{name: float(value) for name, value in named.items()}}


def _warnings(
    splits: ImageSplits,
    counts: Mapping[str, tuple[int, ...]],
    duplicates: int,
    leaks: Mapping[str, int],
    constant: int,
    contradictions: int,
) -> list[str]:
    warnings = []
    if splits.skipped:
        name, reason = splits.skipped[0]
        first = reason if name in reason else f"{name}: {reason}"
        warnings.append(
            f"{_are(len(splits.skipped), 'could not be read and was', 'could not be read and were')} skipped, the "
            f"first: {first}"
        )
    if not splits.is_regression:
        warnings += _uneven(splits, counts["train"])
    if duplicates:
        warnings.append(f"{_are(duplicates, 'repeats', 'repeat')} another one of the same split.")
    for part, n in leaks.items():
        if n:
            word = "validation" if part == "valid" else part
            total = f"{n:,} of {len(splits.parts[part]):,} {word} pictures"
            where = "training split" if part == "valid" else "training or validation split"
            warnings.append(
                f"{total} {'is' if n == 1 else 'are'} in the {where} too; scores will look better than they are."
            )
    if contradictions:
        what = "another number" if splits.is_regression else "another class"
        warnings.append(
            f"{contradictions:,} training picture{' has' if contradictions == 1 else 's have'} {what} than a picture "
            "just like it."
        )
    if constant:
        warnings.append(f"{_are(constant, 'is', 'are')} of one single colour.")
    return warnings


def _are(n: int, one: str, many: str) -> str:
    return f"1 picture {one}" if n == 1 else f"{n:,} pictures {many}"


def _uneven(splits: ImageSplits, train: tuple[int, ...]) -> list[str]:
    warnings = []
    if max(train) > IMBALANCE * min(train):
        large, small = splits.classes[int(np.argmax(train))], splits.classes[int(np.argmin(train))]
        advice = "every class counts alike" if splits.balanced else "with --balance every class counts alike"
        warnings.append(f"The classes are uneven: {max(train):,} of {large!r}, {min(train):,} of {small!r}; {advice}.")
    few = [name for name, n in zip(splits.classes, train, strict=True) if n < 2]
    if few:
        several = (
            f"{len(few)} classes have a single training picture, the first is"
            if len(few) > 1
            else "A class has a single training picture:"
        )
        warnings.append(f"{several} {few[0]!r}.")
    return warnings


def _among(values: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which of ``values`` are in ``known``, which is sorted."""
    if not len(known):
        return np.zeros(len(values), bool)
    return np.asarray(known[np.minimum(np.searchsorted(known, values), len(known) - 1)] == values)


def _repeated(known: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Of sorted values, those that are like the one before."""
    return np.asarray(known[1:][known[1:] == known[:-1]])


def _contradictions(labels: NDArray[Any], prints: NDArray[np.uint64]) -> int:
    """Pictures whose label is not the commonest among those just like them."""
    seen: dict[int, Counter[Any]] = {}
    for index in np.flatnonzero(_among(prints, _repeated(np.sort(prints)))).tolist():
        seen.setdefault(int(prints[index]), Counter())[labels[index].item()] += 1
    return sum(sum(found.values()) - max(found.values()) for found in seen.values())
