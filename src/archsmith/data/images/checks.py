"""Checks of pictures before anything is trained: what a person should know, and what makes training pointless.

They look at a fingerprint of each picture, not at the pictures, so that a large set takes little memory.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.data.findings import (
    LISTED,
    as_json,
    class_sizes,
    counted,
    leaked,
    refuse_unlearnable,
    split_sizes,
    target_figures,
    target_range,
    too_few,
    uneven,
)
from archsmith.data.images.decode import Pixels
from archsmith.data.images.examples import ImageSplits

Prints = Mapping[str, NDArray[np.uint64]]


@dataclass(frozen=True)
class Findings:
    """What the checks found.

    ``name``: of the data.
    ``shape``: ``(C, H, W)`` of every picture.
    ``classes``: names of the classes; empty for a regression target.
    ``n_examples``: pictures by split.
    ``counts``: pictures of each class by split; empty for a regression target.
    ``duplicates``: pictures that repeat an earlier one of the same split.
    ``leaks``: validation pictures that are in the training split too, and test pictures that are in either.
    ``constant``: pictures of one single colour.
    ``made``: splits that were cut from the training split.
    ``skipped``: the first pictures that were left out, with reasons.
    ``notes``: what was converted, in sentences.
    ``warnings``: what a person should look at, in sentences.
    ``n_skipped``: how many pictures were left out.
    ``n_bytes``: on disk.
    ``target``: name, min, median, max, mean and std of the training targets; None for classes.
    ``repeats``: ``duplicates`` by split.
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
    repeats: dict[str, int] = field(default_factory=dict)

    @property
    def is_regression(self) -> bool:
        """Is a regression target learnt, rather than a class?"""
        return self.target is not None

    def lines(self) -> list[str]:
        """A short summary for a terminal."""
        channels, height, width = self.shape
        pictures = f"{'grey' if channels == 1 else 'colour'} pictures of {height} x {width}"
        if self.target is not None:
            first = f"{self.name}: {pictures}, regression target {self.target['name']!r}"
            spread = target_range(self.target)
        else:
            first = f"{self.name}: {len(self.classes)} classes, {pictures}"
            spread = class_sizes(self.counts["train"], self.classes, "picture")
        return [first, f"{split_sizes(self.n_examples, self.made)}; {spread}", *self.notes, *self.warnings]

    def to_dict(self) -> dict[str, Any]:
        return {entry.name: as_json(getattr(self, entry.name)) for entry in fields(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Findings:
        if "n_pictures" in data:  # up to version 0.1
            data = {**data, "n_examples": data["n_pictures"]}
        return cls(
            **{
                **{entry.name: data[entry.name] for entry in fields(cls) if entry.name in data},
                "shape": tuple(data["shape"]),
                "counts": {split: tuple(counts) for split, counts in data["counts"].items()},
                "skipped": tuple((name, reason) for name, reason in data["skipped"]),
                **{name: tuple(data[name]) for name in ("classes", "made", "notes", "warnings")},
            }
        )


def fingerprints(images: Pixels) -> NDArray[np.uint64]:
    """64 bits for each picture ``(n,)``. Of 9e9 sets of 65,000 pictures, one has two pictures with the same bits."""
    return np.array(
        [int.from_bytes(hashlib.blake2b(image.tobytes(), digest_size=8).digest(), "little") for image in images],
        np.uint64,
    )


def is_flat(images: Pixels) -> NDArray[np.bool_]:
    """Which of the pictures ``(n, H, W, C)`` have one single colour, ``(n,)``."""
    return np.asarray((images == images[:, :1, :1]).all(axis=(1, 2, 3)))


def check(
    splits: ImageSplits,
    prints: Prints | None = None,
    flat: Mapping[str, int] | None = None,
    *,
    n_bytes: int = 0,
    warnings: Sequence[str] = (),
) -> Findings:
    """Look at every split. Raises DataError where nothing could be learnt.

    ``prints``: fingerprints of the pictures by split; computed when None.
    ``flat``: how many pictures of one colour each split has; counted when None.
    ``n_bytes``: of the splits on disk.
    ``warnings``: are put first.
    """
    by_name = splits.by_name
    if prints is None:
        prints = {split: fingerprints(data.images) for split, data in by_name.items()}
    if flat is None:
        flat = {split: int(is_flat(data.images).sum()) for split, data in by_name.items()}
    _refuse(splits, flat)
    train, seen = np.sort(prints["train"]), np.sort(np.concatenate([prints["train"], prints["valid"]]))
    leaks = {"valid": int(_among(prints["valid"], train).sum()), "test": int(_among(prints["test"], seen).sum())}
    repeats = {split: int(_repeated(np.sort(found)).size) for split, found in prints.items()}
    duplicates = sum(repeats.values())
    contradictions = _contradictions(splits.train.targets, prints["train"])
    found = _warnings(splits, duplicates, leaks, sum(flat.values()), contradictions)
    return Findings(
        name=splits.name,
        shape=splits.train.shape,
        classes=splits.classes,
        n_examples={split: len(data) for split, data in by_name.items()},
        counts={split: tuple(data.counts().tolist()) for split, data in by_name.items()},
        duplicates=duplicates,
        leaks=leaks,
        constant=sum(flat.values()),
        made=splits.made,
        skipped=splits.skipped[:LISTED],
        notes=splits.notes,
        warnings=(*warnings, *found),
        n_skipped=len(splits.skipped),
        n_bytes=n_bytes,
        target=target_figures(splits),
        repeats=repeats,
    )


def _refuse(splits: ImageSplits, flat: Mapping[str, int]) -> None:
    by_name = splits.by_name
    for split, data in by_name.items():
        if not len(data):
            raise DataError(f"None of the {split} pictures can be read.", "Replace them.")
    refuse_unlearnable(splits, "picture")
    shapes = [data.shape for data in by_name.values()]
    if len(set(shapes)) > 1:
        raise DataError(f"The splits have pictures of different shapes: {', '.join(map(str, shapes))}.")
    if sum(flat.values()) == sum(len(data) for data in by_name.values()):
        raise DataError(
            "Every picture is of one single colour.", "Nothing can be learnt from these; check how they were made."
        )


def _warnings(
    splits: ImageSplits, duplicates: int, leaks: Mapping[str, int], constant: int, contradictions: int
) -> list[str]:
    warnings = []
    if splits.skipped:
        name, reason = splits.skipped[0]
        first = reason if name in reason else f"{name}: {reason}"
        warnings.append(f"{counted(len(splits.skipped), 'picture', 'was', 'were')} left out, the first: {first}")
    warnings += uneven(splits, "picture")
    if duplicates:
        warnings.append(
            f"{counted(duplicates, 'picture', 'repeats', 'repeat')} another one of the same split, pixel by pixel."
        )
    warnings += leaked(splits, leaks, "picture")
    if contradictions:
        other = "target" if splits.is_regression else "class"
        warnings.append(
            f"{counted(contradictions, 'training picture', 'has', 'have')} another {other} than a picture just like it."
        )
    if constant:
        warnings.append(f"{counted(constant, 'picture', 'is', 'are')} of one single colour.")
    return [*warnings, *too_few(splits, "picture")]


def _among(values: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which of ``values`` are in ``known``, which is sorted."""
    if not len(known):
        return np.zeros(len(values), bool)
    return np.asarray(known[np.minimum(np.searchsorted(known, values), len(known) - 1)] == values)


def _repeated(known: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Of sorted values, those that equal the one before."""
    return np.asarray(known[1:][known[1:] == known[:-1]])


def _contradictions(labels: NDArray[Any], prints: NDArray[np.uint64]) -> int:
    """How many pictures have another label than most pictures just like them."""
    seen: dict[int, Counter[Any]] = {}
    for index in np.flatnonzero(_among(prints, _repeated(np.sort(prints)))).tolist():
        seen.setdefault(int(prints[index]), Counter())[labels[index].item()] += 1
    return sum(sum(found.values()) - max(found.values()) for found in seen.values())
