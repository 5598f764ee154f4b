"""The folder that a bundle lies in: whether one may be written there, and how a new one takes the place of an old one
in a single step.

Free of torch, so that a bundle can be checked and copied where nothing is trained.
"""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from archsmith.bundle.manifest import FILES, MANIFEST, OPTIONAL_FILES, check_files, read
from archsmith.core.errors import ArchsmithError, UsageError, told
from archsmith.core.files import expanded

# what systems leave in any folder that was looked at
LITTER = frozenset(("__pycache__", ".DS_Store", "Thumbs.db", "desktop.ini"))
STALE_SECONDS = 3600.0  # a part folder of this age belongs to a write that was killed
OURS = frozenset((*FILES, *OPTIONAL_FILES, MANIFEST))
OTHER_PLACE = "Give another folder with --out, or add --replace."


@dataclass(frozen=True)
class Content:
    """What a folder holds as a whole.

    ``noun``: what it is called.
    ``names``: of all files and folders that may lie in it.
    ``is_one``: does a folder hold one?
    """

    noun: str
    names: frozenset[str]
    is_one: Callable[[Path], bool]


def _is_bundle(folder: Path) -> bool:
    try:
        read(folder)
    except UsageError:
        return False
    return True


BUNDLE = Content("bundle", OURS, _is_bundle)


def check_target(folder: str | Path, content: Content = BUNDLE) -> Path:
    """The absolute target, if a bundle can be written there: it does not exist, is empty, or holds a bundle and nothing
    else, and files may be written beside it. Raises UsageError. ``content``: what is to be written, where it is no
    bundle.

    Worth calling before a search starts, so that a wrong ``--out`` is not found after the budget is spent.
    """
    target, noun = Path(os.path.realpath(expanded(folder))), content.noun
    if target.exists() and not target.is_dir():
        raise UsageError(
            f"The {noun} cannot be written to {str(target)!r}: there is a file of that name.", "Give a folder."
        )
    if target == Path(target.anchor):
        raise UsageError(f"The {noun} cannot be written to {str(target)!r}.", "Give a folder of its own.")
    _check_writable(target, noun)
    if not target.exists():
        return target
    names = {entry.name for entry in target.iterdir()} - LITTER
    if not names or (names <= content.names and content.is_one(target)):
        return target
    foreign = sorted(names - content.names) or sorted(names)
    raise UsageError(
        f"The folder {str(target)!r} holds something other than a {noun} ({foreign[0]}), so it is not replaced.",
        f"Give a new or an empty folder, or one that holds a {noun}.",
    )


def author(folder: str | Path) -> str | None:
    """The study that wrote the bundle in ``folder``, as its manifest says; None where there is none, or it says none.
    Never raises: whatever else lies there is no bundle.
    """
    try:
        return read(Path(os.path.realpath(expanded(folder)))).facts.study
    except (OSError, ArchsmithError):
        return None


def refuse_others(folder: str | Path, study: str | None, hint: str = OTHER_PLACE) -> None:
    """Raises UsageError where ``folder`` holds a bundle that another study than ``study`` wrote, or nobody knows who:
    it would be lost. ``hint``: what to do then.
    """
    target = Path(os.path.realpath(expanded(folder)))
    if not target.is_dir() or not _is_bundle(target):
        return
    written = author(target)
    if written is None or written != study:
        whose = "a bundle of which no study is known" if written is None else f"the bundle of the study {written}"
        raise UsageError(f"The folder {str(target)!r} holds {whose}, so it is not replaced.", hint)


def _check_writable(target: Path, noun: str) -> None:
    """Raises UsageError where nothing can be written beside ``target``."""
    nearest = next(parent for parent in target.parents if parent.exists())
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name[:40]}.try-", dir=nearest):
            pass
    except OSError as error:
        raise UsageError(
            f"The {noun} cannot be written to {str(target)!r}: nothing can be written into {str(nearest)!r} "
            f"({error.strerror or told(error)}).",
            "Give a folder in another place.",
        ) from error


@contextlib.contextmanager
def replacing(folder: str | Path, content: Content = BUNDLE) -> Iterator[Path]:
    """A new folder beside ``folder``, to be filled in the block; at its end it takes the place of ``folder``. When the
    block raises, it goes away.

    Raises UsageError as ``check_target`` does.
    """
    target = check_target(folder, content)
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    part = target.parent / f".{target.name}.part-{secrets.token_hex(4)}"
    part.mkdir()
    try:
        yield part
        _swap(part, target, content)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def copy(source: str | Path, folder: str | Path, *, replace: bool = True) -> Path:
    """Put a copy of the bundle ``source``, with the report that lies in it, at ``folder`` and return that; an older
    bundle there is replaced. ``replace``: also that of another study?

    Raises UsageError when ``source`` is no whole bundle or when something else lies at ``folder``.
    """
    source = Path(source)
    check_files(source)
    if not replace:
        refuse_others(folder, author(source))
    with replacing(folder) as part:
        for name in sorted(OURS):
            if (source / name).is_file():
                shutil.copy2(source / name, part / name)
    return check_target(folder)


def _swap(part: Path, target: Path, content: Content) -> None:
    """Put ``part`` in the place of ``target``; what was there comes back if that fails."""
    if not target.exists():
        part.rename(target)
        return
    check_target(target, content)  # somebody may have put something there in the meantime
    old = target.parent / f".{target.name}.old-{secrets.token_hex(4)}"
    target.rename(old)
    try:
        part.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sweep(target: Path) -> None:
    """Remove what writes to the same target left behind when they were killed."""
    kinds = ("part", "old") if target.exists() else ("part",)  # without a target, the old one may be the only copy
    for kind in kinds:
        for left in target.parent.glob(f".{glob.escape(target.name)}.{kind}-*"):
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime > STALE_SECONDS:
                    shutil.rmtree(left, ignore_errors=True)
