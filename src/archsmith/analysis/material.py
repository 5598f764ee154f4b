"""What the network learnt from: counts, what the checks found, and some of the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archsmith.analysis.answers import target_name
from archsmith.analysis.pictures import Picture, strip, thumbnail
from archsmith.analysis.study import Study
from archsmith.analysis.wording import amount, listing, number, quoted, rounded
from archsmith.data.images.examples import ImageExamples

SPLITS = (
    ("train", "to learn from", "training"),
    ("valid", "to choose by", "validation"),
    ("test", "for the test at the end", "test"),
)
UNEVEN = 3.0  # the largest class over the smallest, from which on the classes are called uneven
MOST_STRIPS = 30  # classes whose pictures are shown
FEW_CLASSES = 12  # up to which each class gets a whole row of pictures
SIDE = 56  # pixels of one picture
SHOWN_NUMBERS = 24


@dataclass(frozen=True)
class Sample:
    """Pictures of one class side by side, or one picture with its number."""

    name: str
    picture: Picture
    n_shown: int
    note: str


@dataclass(frozen=True)
class Material:
    """``counts``: (class, training pictures), empty for numbers; ``warnings`` and ``notes`` are whole sentences;
    ``values`` are training numbers.
    """

    lead: str
    name: str
    parts: tuple[tuple[str, int, bool], ...]
    counts: tuple[tuple[str, int], ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    samples: tuple[Sample, ...]
    n_classes: int
    many: bool
    values: tuple[float, ...] = ()


def material_of(study: Study) -> Material | None:
    """None for a search that knows nothing of data."""
    checks, splits = study.checks, study.splits
    if not checks and splits is None:
        return None
    sizes = _sizes(study)
    made = tuple(checks.get("made") or (splits.made if splits else ()))
    numeric = not study.classes
    counts: tuple[tuple[str, int], ...] = ()
    if not numeric:
        train = (checks.get("counts") or {}).get("train") or (splits.train.counts().tolist() if splits else [])
        counts = tuple(zip(study.classes, (int(count) for count in train), strict=False))
    warnings = tuple(str(line) for line in checks.get("warnings") or ())
    skipped = tuple((str(row[0]), str(row[1])) for row in checks.get("skipped") or ())
    return Material(
        _lead(study, sizes, counts, warnings),
        str(checks.get("name") or (splits.name if splits else "data")),
        tuple((part, size, part in made) for part, size in sizes.items()),
        counts,
        warnings,
        tuple(str(line) for line in checks.get("notes") or ()),
        skipped,
        _samples(study),
        len(study.classes),
        len(study.classes) > FEW_CLASSES,
        tuple(float(v) for v in splits.train.labels) if splits is not None and numeric else (),
    )


def _sizes(study: Study) -> dict[str, int]:
    """Pictures in each part."""
    if study.splits is not None:
        return {part: len(data) for part, data in study.splits.parts.items()}
    counts = study.checks.get("counts") or {}
    speed = study.fit.get("speed") or {}
    sizes = {}
    for part, _, _ in SPLITS:
        known = counts.get(part)
        size = (
            sum(known) if isinstance(known, Sequence) else known if isinstance(known, int) else speed.get(f"n_{part}")
        )
        if size:
            sizes[part] = int(size)
    return sizes


def _lead(study: Study, sizes: dict[str, int], counts: Sequence[tuple[str, int]], warnings: Sequence[str]) -> str:
    shape = study.checks.get("shape") or (study.splits.train.shape if study.splits else None)
    kind = "pictures"
    if shape:
        channels, height, width = shape
        kind = f"{'grey' if channels == 1 else 'colour'} pictures of {height} × {width} pixels"
    what = (
        f"{amount(len(counts), 'class', 'classes')} of {kind}"
        if counts
        else f"{kind[0].upper()}{kind[1:]}, each with a number ({target_name(study)})"
    )
    told = listing([f"{sizes[part]:,} {purpose}" for part, purpose, _ in SPLITS if part in sizes])
    text = f"{what}{': ' if told else ''}{told}."
    few = min(counts, key=lambda pair: pair[1], default=None)
    many = max(counts, key=lambda pair: pair[1], default=None)
    if few and many and many[1] > UNEVEN * few[1]:
        text += f" The classes are uneven: {many[1]:,} training pictures of {quoted(many[0])}, {few[1]:,} of {quoted(few[0])}."
    elif few and many and few[1]:
        text += " Every class has about the same share." if many[1] <= 1.2 * few[1] else " No class is rare."
    if warnings:
        return text + f" The checks found {amount(len(warnings), 'thing')} that you should know."
    return text + " The checks found nothing suspicious."


def _samples(study: Study) -> tuple[Sample, ...]:
    """Training pictures as the network sees them, before they are shifted or mirrored."""
    if study.splits is None or not len(study.splits.train):
        return ()
    train = study.splits.train
    if not study.classes:
        return _numbered(train)
    k = len(study.classes)
    each = 8 if k <= FEW_CLASSES else 3
    shown = range(k) if k <= MOST_STRIPS else np.linspace(0, k - 1, MOST_STRIPS).astype(int).tolist()
    samples = []
    for label in shown:
        own = np.flatnonzero(train.labels == label)
        chosen = own[np.linspace(0, len(own) - 1, min(each, len(own))).astype(int)]
        if len(chosen):
            picture = strip([np.asarray(train.images[i]) for i in chosen], SIDE)
            samples.append(
                Sample(
                    study.classes[label],
                    picture,
                    len(chosen),
                    rounded(len(own)) if len(own) >= 10_000 else f"{len(own):,}",
                )
            )
    return tuple(samples)


def _numbered(train: ImageExamples) -> tuple[Sample, ...]:
    """From the smallest number to the largest."""
    order = np.argsort(train.labels, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, SHOWN_NUMBERS).astype(int))]
    return tuple(
        Sample(number(float(f"{float(train.labels[i]):.4g}")), thumbnail(np.asarray(train.images[i]), SIDE), 1, "")
        for i in chosen.tolist()
    )
