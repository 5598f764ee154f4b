"""A folder of class folders, with or without train, valid and test folders above them.

The class of a picture is the name of the folder that it lies in (pictures in deeper folders count too). Sizes and colours are looked up from the
files' headers first; then every picture is decoded once, straight to the size that training takes. Broken pictures are skipped and listed; more than
5 % of them is an error.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archsmith.core.errors import DataError
from archsmith.data.images import SUFFIXES, ImageSet, Pixels, decode, header
from archsmith.data.readers import Loaded, target_size
from archsmith.data.resize import resize

PARTS = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}
BROKEN_SHARE = 0.05


@dataclass(frozen=True)
class _File:
    path: Path
    part: str
    label: str


def read_folder(folder: Path, *, side: int | None = None) -> Loaded:
    """The pictures under ``folder``. Raises DataError."""
    files = _list(folder)
    skipped: list[tuple[str, str]] = []
    sizes, channels, readable = [], set(), []
    for file in files:
        try:
            found = header(file.path)
        except DataError as error:
            skipped.append((str(file.path), error.message))
            continue
        readable.append(file)
        sizes.append((found.height, found.width))
        channels.add(found.channels)
    _refuse_many(skipped, len(files))
    size, n_channels = target_size(sizes, side), max(channels)
    images = np.empty((len(readable), *size, n_channels), np.uint8)
    kept: list[int] = []
    for index, file in enumerate(readable):
        try:
            images[index] = _at(file.path, size, n_channels)
            kept.append(index)
        except DataError as error:
            skipped.append((str(file.path), error.message))
    _refuse_many(skipped, len(files))
    sets = _sets(readable, images, kept)
    if "train" not in sets:
        raise DataError(f"There are no training pictures in {str(folder)!r}.", "Put class folders into a folder named train.")
    notes = []
    if len(set(sizes)) > 1 or sizes[0] != size:
        notes.append(f"Pictures were resized to {size[0]} x {size[1]}.")
    if len(channels) > 1:
        notes.append("Grey and coloured pictures are mixed; all are taken as coloured.")
    return Loaded(sets["train"], sets.get("valid"), sets.get("test"), folder.resolve().name or "images", tuple(notes), tuple(skipped))


def _at(path: Path, size: tuple[int, int], channels: int) -> Pixels:
    return resize(decode(path, channels), *size)


def _list(folder: Path) -> list[_File]:
    """Every picture with its part and class, in a fixed order."""
    try:
        tops = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))
    except PermissionError as error:
        raise DataError(f"The folder {str(folder)!r} cannot be read ({error.strerror}).") from error
    split = any(PARTS.get(path.name.lower()) == "train" for path in tops)
    found = []
    for top in tops:
        if not split:
            found += [_File(path, "train", top.name) for path in _pictures(top)]
        elif top.name.lower() in PARTS:
            for label in sorted(path for path in top.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))):
                found += [_File(path, PARTS[top.name.lower()], label.name) for path in _pictures(label)]
    if found:
        return found
    if _pictures(folder):
        raise DataError(f"The pictures in {str(folder)!r} do not lie in class folders.", "Make one folder for each class and put its pictures there.")
    if not any(folder.iterdir()):
        raise DataError(f"The folder {str(folder)!r} is empty.", "It should hold one folder of pictures for each class.")
    raise DataError(f"There are no pictures in {str(folder)!r}.", "It should hold one folder for each class, with files such as .png or .jpg.")


def _pictures(folder: Path) -> list[Path]:
    """Picture files at any depth, sorted; links to folders are not followed."""
    found = []
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(base) / name for name in sorted(names) if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES]
    return found


def _refuse_many(skipped: Sequence[tuple[str, str]], total: int) -> None:
    if len(skipped) > BROKEN_SHARE * total:
        _, reason = skipped[0]
        raise DataError(f"{len(skipped)} of {total} pictures cannot be read, among them: {reason}", "Remove or replace them; up to 5 % are skipped.")


def _sets(files: Sequence[_File], images: Pixels, kept: Sequence[int]) -> dict[str, ImageSet]:
    classes = tuple(sorted({files[i].label for i in kept if files[i].part == "train"}))
    number = {label: index for index, label in enumerate(classes)}
    unknown = sorted({files[i].label for i in kept} - set(classes))
    if unknown:
        raise DataError(f"The class {unknown[0]!r} has no training pictures.", "Every class needs a folder of that name under train.")
    sets = {}
    for part in ("train", "valid", "test"):
        own = [i for i in kept if files[i].part == part]
        if own:
            labels = np.array([number[files[i].label] for i in own], np.int64)
            chosen = images if len(own) == len(images) else images[own]
            sets[part] = ImageSet(chosen, labels, classes, tuple(str(files[i].path) for i in own))
    return sets
