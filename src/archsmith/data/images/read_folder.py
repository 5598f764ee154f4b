"""A folder of class folders, with or without train, valid and test folders above them.

The class of a picture is the name of its class folder, also where it lies in a deeper folder. No picture is opened.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from archsmith.core.errors import DataError
from archsmith.data.examples import SPLITS
from archsmith.data.images.decode import SUFFIXES
from archsmith.data.images.pictures import Files
from archsmith.data.images.source import Source
from archsmith.data.names import Names
from archsmith.data.splits import SPLIT_NAMES

NAMED = 3  # files of other types that are named
OF_SYSTEMS = ("thumbs.db", "desktop.ini")  # files that systems leave in folders of pictures


def read_folder(folder: Path) -> Source:
    """The pictures under ``folder``. Raises DataError."""
    names, others = Names(), list[str]()
    tops: list[tuple[str, str, int]] = []  # split, class and number of pictures of each class folder
    folders, parted = [], dict[str, list[str]]()
    for split, label, path in _tops(folder):
        before = len(names)
        folders.append(label)
        names.extend(_pictures(folder, path, others))
        inner = _inner(names, before, os.path.relpath(path, folder))
        parted |= {label: inner} if len(inner) > 1 else {}
        tops += [(split, label, len(names) - before)] if len(names) > before else []
    if not names:
        raise _nothing_in(folder)
    if "train" not in [split for split, _, _ in tops]:
        raise DataError(
            f"There are no training pictures in {str(folder)!r}.", "Put class folders into a folder named train."
        )
    classes = sorted({label for _, label, _ in tops})
    counts = [n for _, _, n in tops]
    labels = np.repeat(np.array([classes.index(label) for _, label, _ in tops], np.int32), counts)
    codes = np.repeat(np.array([SPLITS.index(split) for split, _, _ in tops], np.int8), counts)
    return Source(
        Files(os.path.abspath(folder), names),
        labels,
        codes,
        folder.resolve().name or "images",
        tuple(classes),
        notes=(*_deeper(parted), *without_pictures(folders, classes), *left_out(others)),
    )


def _inner(names: Sequence[str], before: int, top: str) -> list[str]:
    """The folders right below the class folder ``top`` that its pictures, from ``before`` on, lie in; none where some
    lie in the class folder itself.
    """
    found: dict[str, None] = {}
    for i in range(before, len(names)):
        folder, _, name = names[i][len(top) + 1 :].partition(os.sep)
        if not name:
            return []
        found[folder] = None
    return list(found)


def _deeper(parted: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """What is to be said of class folders whose pictures lie in several folders of their own."""
    if not parted:
        return ()
    label, inner = next(iter(parted.items()))
    others = f"; likewise in {len(parted) - 1:,} more" if len(parted) > 1 else ""
    shown = ", ".join(map(repr, inner[:NAMED])) + (", …" if len(inner) > NAMED else "")
    return (
        f"All pictures of the class {label!r} lie in {len(inner):,} folders inside it ({shown}){others}. If these are "
        "the classes, give that folder.",
    )


def without_pictures(folders: Iterable[str], classes: Collection[str]) -> tuple[str, ...]:
    """What is to be said of class folders that are no ``classes``, as they hold no picture."""
    empty = sorted(set(folders) - set(classes))
    if not empty:
        return ()
    shown = ", ".join(map(repr, empty[:NAMED])) + (", …" if len(empty) > NAMED else "")
    one = len(empty) == 1
    what = "folder holds no picture, so it is no class" if one else "folders hold no picture, so they are no classes"
    return (f"{len(empty):,} {what} ({shown}).",)


def left_out(names: Sequence[str]) -> tuple[str, ...]:
    """What is to be said of files in class folders that are no pictures. ``names``: of them."""
    told = [name for name in map(os.path.basename, names) if name.lower() not in OF_SYSTEMS and name[:1] != "."]
    if not told:
        return ()
    shown = ", ".join(map(repr, told[:NAMED])) + (", …" if len(told) > NAMED else "")
    what = "file of another type was" if len(told) == 1 else "files of other types were"
    return (f"{len(told):,} {what} left out ({shown}).",)


def _tops(folder: Path) -> Iterator[tuple[str, str, Path]]:
    """Split, class and path of every class folder, in a fixed order."""
    tops = _folders(folder)
    has_splits = any(SPLIT_NAMES.get(path.name.lower()) == "train" for path in tops)
    for top in tops:
        if not has_splits:
            yield "train", top.name, top
        elif top.name.lower() in SPLIT_NAMES:
            for label in _folders(top):
                yield SPLIT_NAMES[top.name.lower()], label.name, label


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))
    except OSError as error:
        raise DataError(
            f"The folder {str(folder)!r} cannot be read ({error.strerror}).", "Check its permissions."
        ) from error


def _pictures(root: Path, folder: Path, others: list[str]) -> Iterator[str]:
    """The picture files below ``folder`` as paths from ``root``, sorted. Links to folders are not followed. Names of
    other files are added to ``others``.
    """
    prefix = os.path.relpath(folder, root)
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inner = os.path.relpath(base, folder)
        start = prefix if inner == "." else os.path.join(prefix, inner)
        for name in sorted(names):
            if name.startswith("."):
                continue
            if os.path.splitext(name)[1].lower() in SUFFIXES:
                yield os.path.join(start, name)
            else:
                others.append(name)


def _nothing_in(folder: Path) -> DataError:
    if any(path.suffix.lower() in SUFFIXES for path in folder.iterdir()):
        return DataError(
            f"The pictures in {str(folder)!r} do not lie in class folders.",
            "Make one folder for each class and put its pictures there.",
        )
    if not any(folder.iterdir()):
        return DataError(
            f"The folder {str(folder)!r} is empty.", "It should hold one folder of pictures for each class."
        )
    return DataError(
        f"There are no pictures in {str(folder)!r}.",
        "It should hold one folder for each class, with files such as .png or .jpg.",
    )
