"""The report of a study of images: some of the training pictures, and the worst mistakes as pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import cast

import numpy as np

from archsmith.analysis.report import data, mistakes
from archsmith.analysis.report.mistakes import Mistake, mistakes_of
from archsmith.analysis.report.section import Section
from archsmith.analysis.report.thumbnails import Picture, Pixels, strip, thumbnail
from archsmith.analysis.study import Study
from archsmith.analysis.wording import from_data, rounded
from archsmith.core.errors import DataError
from archsmith.data.images.examples import ImageExamples

MOST_STRIPS = 30  # classes whose pictures are shown
FEW_CLASSES = 12  # up to which each class gets a whole row of pictures
EACH_OF_FEW, EACH_OF_MANY = 8, 3  # pictures of a class
SIDE = 56  # pixels of one training picture
MISTAKE_SIDE = 96  # pixels of one mistake
MOST_TARGETS = 24  # training pictures of a regression


# The training pictures


@dataclass(frozen=True)
class Sample:
    """Pictures of one class side by side, or one picture of a regression.

    name: the class, or the target
    picture: what is shown
    alt: what is read aloud instead
    note: how many training pictures the class has
    """

    name: str
    picture: Picture
    alt: str
    note: str


@dataclass(frozen=True)
class Wall:
    """Some of the training pictures, as the networks see them: before they are shifted or mirrored.

    lead: what is shown
    layout: ``few``, ``many`` or ``targets``: how wide one sample is
    samples: in the order of the classes, or from the smallest target to the largest
    """

    lead: str
    layout: str
    samples: tuple[Sample, ...]


def describe(study: Study) -> str:
    """``grey pictures of 8 × 8 pixels``."""
    shape = study.checks.get("shape")
    if not shape and study.splits is not None:
        shape = cast(ImageExamples, study.splits.train).shape
    if not shape:
        return "pictures"
    channels, height, width = shape
    return f"{'grey' if channels == 1 else 'colour'} pictures of {height} × {width} pixels"


def wall_of(study: Study) -> Wall | None:
    """None without the stored data."""
    if study.splits is None or not len(study.splits.train):
        return None
    train = cast(ImageExamples, study.splits.train)
    if not study.classes:
        return Wall("From the smallest target to the largest.", "targets", _by_target(train))
    n_classes = len(study.classes)
    samples = _by_class(train, study.classes)
    lead = "Some pictures of each class. The number is how many training pictures the class has."
    if n_classes > len(samples):
        lead += f" {len(samples)} of {n_classes} classes are shown."
    return Wall(lead, "few" if n_classes <= FEW_CLASSES else "many", samples)


def _by_class(train: ImageExamples, classes: Sequence[str]) -> tuple[Sample, ...]:
    n_classes, labels = len(classes), train.targets
    each = EACH_OF_FEW if n_classes <= FEW_CLASSES else EACH_OF_MANY
    shown = np.arange(n_classes)
    if n_classes > MOST_STRIPS:
        shown = np.linspace(0, n_classes - 1, MOST_STRIPS).astype(int)
    samples = []
    for label in shown.tolist():
        own = np.flatnonzero(labels == label)
        if not len(own):
            continue
        chosen = own[np.linspace(0, len(own) - 1, min(each, len(own))).astype(int)]
        picture = strip([np.asarray(train.images[i]) for i in chosen], SIDE)
        alt = f"{len(chosen)} training pictures of {classes[label]}"
        n = rounded(len(own)) if len(own) >= 10_000 else f"{len(own):,}"
        samples.append(Sample(classes[label], picture, alt, n))
    return tuple(samples)


def _by_target(train: ImageExamples) -> tuple[Sample, ...]:
    targets = train.targets
    order = np.argsort(targets, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, MOST_TARGETS).astype(int))]
    samples = []
    for i in chosen.tolist():
        target = from_data(float(targets[i]))
        picture = thumbnail(np.asarray(train.images[i]), SIDE)
        samples.append(Sample(target, picture, f"a training picture with the target {target}", ""))
    return tuple(samples)


# The worst mistakes


@dataclass(frozen=True)
class ShownMistake:
    """One mistake as a picture.

    mistake: what is said of it
    picture: None where it cannot be read any more
    place: where the picture came from: its path, its row; empty where that is not known
    """

    mistake: Mistake
    picture: Picture | None
    place: str

    @property
    def name(self) -> str:
        """The place with its last folder, which often is the class."""
        return brief(self.place)


@dataclass(frozen=True)
class ShownMistakes:
    """The worst mistakes, each with its picture."""

    lead: str
    shown: tuple[ShownMistake, ...]


def shown_mistakes_of(study: Study) -> ShownMistakes | None:
    """None where there are no mistakes, or the predictions were not kept."""
    found = mistakes_of(study)
    if found is None:
        return None
    shown = [ShownMistake(each, picture_of(study, each.index), place_of(study, each.index)) for each in found.worst]
    return ShownMistakes(found.lead, tuple(shown))


def place_of(study: Study, index: int) -> str:
    """Where in the data a picture of the test split came from; empty where that is not known."""
    if study.splits is None or index >= len(study.splits.test):
        return ""
    called = cast(ImageExamples, study.splits.test).called
    try:
        return "" if called is None else _inside(called[index], (study.fit.get("settings") or {}).get("data"))
    except (DataError, OSError):
        return ""


def _inside(place: str, data: object) -> str:
    """``place`` as a path below ``data``, or beside them where they are one file."""
    path = os.path.abspath(data) if isinstance(data, str) else ""
    for folder in (path, os.path.dirname(path)):
        before, found, rest = place.partition(f"{folder.rstrip(os.sep)}{os.sep}")
        if path and found and (not before or before.endswith(" of ")):
            return before + rest
    return place


def brief(place: str) -> str:
    """A place with its last folder; of a picture in a table, its row and the table's name."""
    row, of, path = place.rpartition(" of ")
    return f"{row}{of}{PurePath(path).name}" if of else "/".join(PurePath(path).parts[-2:])


def picture_of(study: Study, index: int) -> Picture | None:
    """A picture of the test split; None where there is none."""
    image = pixels_of(study, index)
    return None if image is None else thumbnail(image, MISTAKE_SIDE)


def pixels_of(study: Study, index: int) -> Pixels | None:
    """A picture of the test split, uint8 ``(h, w, 1 or 3)``, as it came where that can still be read; None where there
    is none.
    """
    if study.splits is None or index >= len(study.splits.test):
        return None
    test = cast(ImageExamples, study.splits.test)
    try:
        return test.original(index)
    except (DataError, OSError):
        return np.asarray(test.images[index])


SECTIONS = (
    data.section_for(describe),
    Section("pictures", "Some training pictures", wall_of),
    Section("mistakes", mistakes.SECTION.title, shown_mistakes_of, template="mistakes_as_pictures"),
)
