"""A folder of class folders, with or without train, valid and test folders above them.

The class of a picture is the name of its class folder, also where it lies in a deeper folder. No picture is opened.
A folder that is called as a split is a class where pictures lie right in it and class folders beside it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
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
    folders, deeper = [], dict[str, list[str]]()
    parts, said = _parts(folder)
    for split, label, path in parts:
        before = len(names)
        folders.append(label)
        names.extend(_pictures(folder, path, others))
        top = os.path.relpath(path, folder)
        inner = _inner(names, before, top)
        deeper |= {top: inner} if len(inner) > 1 else {}
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
        notes=(*said, *_deeper(deeper), *without_pictures(folders, classes), *left_out(others)),
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
    top, inner = next(iter(parted.items()))
    others = f"; likewise in {len(parted) - 1:,} more" if len(parted) > 1 else ""
    shown = ", ".join(map(repr, inner[:NAMED])) + (", …" if len(inner) > NAMED else "")
    return (
        f"All pictures in {top!r} lie in {len(inner):,} folders inside it ({shown}){others}. If these are "
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


def parted(tops: Mapping[str, Set[str]], where: str) -> tuple[bool, tuple[str, ...]]:
    """Are the outermost folders splits, rather than classes? And what is to be said of that. Raises DataError where
    they may be either.

    ``tops``: names of the folders with pictures inside each of them; empty text stands for pictures right in it.
    ``where``: they lie, as the beginning of a sentence.
    """
    training = [name for name in tops if SPLIT_NAMES.get(name.lower()) == "train"]
    others = [name for name, inner in tops.items() if inner and name.lower() not in SPLIT_NAMES]
    if not training or not others:
        return bool(training), ()
    labels = set[str]().union(*(tops[name] for name in training))
    if all(tops[name] & (labels - {""}) for name in others):
        return True, ()
    if not labels or "" in labels:
        taken = f"The folder {training[0]!r} is taken for a class, since pictures lie right in it."
        return False, (taken,) if labels else ()
    raise DataError(
        f"{where} has a folder {training[0]!r} with class folders inside, and beside it "
        f"{others[0]!r}, which is no split and has none of these classes.",
        f"If {training[0]!r} is a class, put all class folders into a folder named train; else take {others[0]!r} out.",
    )


def outside(loose: int, further: Mapping[str, int]) -> tuple[str, ...]:
    """What is to be said of pictures that are not used: ``loose`` ones outside class folders, and those in ``further``
    folders beside the splits, by name.
    """
    notes = []
    if loose:
        what = "1 picture lies" if loose == 1 else f"{loose:,} pictures lie"
        notes.append(f"{what} outside class folders and {'was' if loose == 1 else 'were'} left out.")
    if further:
        n = sum(further.values())
        pictures = "1 picture there was" if n == 1 else f"{n:,} pictures there were"
        one = len(further) == 1
        shown = ", ".join(map(repr, list(further)[:NAMED])) + (", …" if len(further) > NAMED else "")
        which = f"folder {shown} is no split" if one else f"folders {shown} are no splits"
        notes.append(f"The {which}, so {pictures} left out.")
    return tuple(notes)


def _parts(folder: Path) -> tuple[list[tuple[str, str, Path]], tuple[str, ...]]:
    """Split, class and path of every class folder, in a fixed order, and what is to be said of them. Raises
    DataError.
    """
    tops = _folders(folder)
    has_splits, said = False, tuple[str, ...]()
    if any(SPLIT_NAMES.get(top.name.lower()) == "train" for top in tops):
        has_splits, said = parted({top.name: _with_pictures(top) for top in tops}, f"The folder {str(folder)!r}")
    loose = _loose(folder)
    if not has_splits:
        return [("train", top.name, top) for top in tops], (*said, *outside(loose, {}))
    splits = [top for top in tops if top.name.lower() in SPLIT_NAMES]
    further = {top.name: sum(1 for _ in _pictures(folder, top, [])) for top in tops if top not in splits}
    loose += sum(map(_loose, splits))
    found = [(SPLIT_NAMES[top.name.lower()], label.name, label) for top in splits for label in _folders(top)]
    return found, outside(loose, {name: n for name, n in further.items() if n})


def _with_pictures(top: Path) -> set[str]:
    """As in ``parted``."""
    inner = {label.name for label in _folders(top) if any(True for _ in _pictures(top, label, []))}
    return inner | {""} if _loose(top) else inner


def _loose(folder: Path) -> int:
    """How many pictures lie right in a folder."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_file()]
    return sum(os.path.splitext(name)[1].lower() in SUFFIXES and name[:1] != "." for name in names)


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
    if any(True for _ in _pictures(folder, folder, [])):
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
