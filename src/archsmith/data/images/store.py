"""Pictures decoded once, on disk as plain ``.npy`` files that worker processes map instead of being sent arrays.

A folder is named by what went into it (the pictures' fingerprint, labels, parts, seed and size). ``build`` writes it as
a draft beside its place, in small steps that survive a crash, and moves it there when it is whole; asked for the same
again, it finds it. One process at a time writes a draft. Memory does not grow with the number of pictures.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.data.examples import SPLITS
from archsmith.data.images.checks import Findings, check
from archsmith.data.images.decode import Pixels
from archsmith.data.images.decode_all import decoded
from archsmith.data.images.draft import STATE, Draft, link, write_text
from archsmith.data.images.examples import ImageExamples, ImageSplits
from archsmith.data.images.pictures import Kept, Originals, reopened
from archsmith.data.images.sizes import Sizes, too_many_broken
from archsmith.data.images.source import Source
from archsmith.data.labels import Target
from archsmith.data.lock import FileLock
from archsmith.data.splits import Cut
from archsmith.data.values import BROKEN_SHARE

FORMAT = 2
FACTS, REPORT, PICTURES, TEMPORARY = "splits.json", "report.json", "pictures.json", ("state.json", "state.new")
COMMIT_SECONDS = 2.0  # of work that a crash may cost at most
TICK_SECONDS = 0.1  # between two looks at whether to stop
TELL_SECONDS = 0.5  # between two reports of progress
BALANCED = "-balanced"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Content:
    """What a cache is made from: the pictures and their ``fingerprint``, what their labels mean, which split each is in
    (or none), the size that they are brought to, and what is to be said about that.
    """

    source: Source
    target: Target
    cut: Cut
    sizes: Sizes
    seed: int
    balanced: bool
    fingerprint: str
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Pictures that are decoded."""
        return self.cut.n

    def noting(self, forecast: float) -> Content:
        """The same, saying how many pictures are used where it is not all; ``forecast`` are the seconds that all would
        take.
        """
        if self.n == len(self.source):
            return self
        why = f"reading all of them would take about {_duration(forecast)} of the time"
        note = f"{self.n:,} of {len(self.source):,} pictures are used: {why}."
        return replace(self, notes=(note,))

    @property
    def key(self) -> str:
        """16 hexadecimal digits that name the content, and whether classes are balanced."""
        source = self.source
        digest = hashlib.blake2b(digest_size=8)
        names = [
            FORMAT,
            source.name,
            source.target,
            source.scale,
            self.target.classes,
            self.cut.made,
            self.seed,
            self.sizes.shape,
        ]
        digest.update(json.dumps([*names, self.fingerprint]).encode())
        digest.update(np.ascontiguousarray(self.target.labels).data)
        digest.update(self.cut.split.data)
        return digest.hexdigest() + (BALANCED if self.balanced else "")


def build(
    content: Content, root: Path, *, progress: Progress | None = None, check: Callable[[], None] | None = None
) -> Path:
    """The folder of the pictures of ``content`` below ``root``, made if it is not there. ``check`` is called often and
    may raise; what was done by then stays.

    Raises DataError, and leaves nothing behind then.
    """
    told = _Told(progress, check)
    try:
        root = Path(root)
        root.mkdir(parents=True, exist_ok=True)
        key = content.key
        folder, draft = root / key, root / f".{key}.draft"
        if (folder / FACTS).exists():
            return folder
        with _locked(root / f".{key}.lock", told):
            if not (folder / FACTS).exists():
                try:
                    _make(content, root, draft, told)
                    os.replace(draft, folder)
                except (DataError, OSError):
                    shutil.rmtree(draft, ignore_errors=True)
                    raise
    except OSError as error:
        hint = "Free some disk space or choose another workspace."
        raise DataError(f"The pictures cannot be stored in {str(root)!r} ({error.strerror or error}).", hint) from error
    return folder


def is_known(content: Content, root: Path) -> bool:
    """Is there a cache for ``content`` below ``root``, or one that was begun?"""
    key = content.key
    return (root / key / FACTS).exists() or (root / f".{key}.draft" / STATE).exists()


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


class _Told:
    """Progress and interruption, each as often as it is good for."""

    def __init__(self, progress: Progress | None, check: Callable[[], None] | None) -> None:
        self.progress, self.check = progress or (lambda what, done, total: None), check or (lambda: None)
        self.what, self.done, self.total = "decode", 0, 0
        self._checked = self._said = 0.0

    def tick(self) -> None:
        now = time.monotonic()
        if now - self._checked >= TICK_SECONDS:
            self._checked = now
            self.check()
        if now - self._said >= TELL_SECONDS:
            self.say()

    def say(self) -> None:
        self._said = time.monotonic()
        self.progress(self.what, self.done, self.total)


@contextlib.contextmanager
def _locked(path: Path, told: _Told) -> Iterator[None]:
    """Hold the lock on a draft; another process that decodes the same pictures is waited for."""
    lock = FileLock(path)
    while not lock.take():
        told.what = "wait"
        told.tick()
        time.sleep(TICK_SECONDS)
    told.what = "decode"
    with lock:
        yield


def _make(content: Content, root: Path, folder: Path, told: _Told) -> None:
    """A whole cache in ``folder``."""
    twin = root / (content.key.removesuffix(BALANCED) + ("" if content.balanced else BALANCED))
    if (twin / FACTS).exists():  # the same pictures, with classes weighted otherwise
        shutil.rmtree(folder, ignore_errors=True)
        link(twin, [path.name for path in twin.iterdir() if path.name not in (FACTS, REPORT)], folder)
        facts = json.loads((twin / FACTS).read_text(encoding="utf-8"))
        _finish(content, folder, facts["flat"], facts["skipped"])
        return
    flat, skipped = _decode(content, root, folder, told)
    _finish(content, folder, flat, [*content.source.skipped, *skipped])


def _decode(content: Content, root: Path, folder: Path, told: _Told) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """All pictures, from where an earlier call was cut off; how many of each split are of one colour, and (name,
    reason) of those that are broken.
    """
    pictures, sizes = content.source.pictures, content.sizes
    part = content.cut.split
    wanted = np.flatnonzero(part >= 0).astype(np.int32)
    originals = sizes.resized and pictures.spec() is None
    draft = Draft(folder, sizes.shape, originals=originals)
    finished = False
    try:
        _refuse_too_large(len(wanted) - draft.done, sizes, root)
        told.total, told.done = len(wanted), draft.done
        told.say()
        committed = time.monotonic()
        for item in decoded(pictures, wanted[draft.done :], sizes.shape, sizes.pixels, told.tick):
            if item.pixels is not None:
                name = SPLITS[part[item.index]]
                draft.add(name, item.index, item.pixels)
                if originals and name == "test" and item.original is not None:
                    draft.add_original(item.original)
            elif item.error is not None:
                _skip(draft, pictures.name(item.index), item.error, len(wanted))
            told.done += 1
            if time.monotonic() - committed >= COMMIT_SECONDS:
                draft.commit(told.done)
                committed = time.monotonic()
        draft.commit(told.done)
        finished = True
        told.say()
    finally:
        draft.close(finished=finished)
    return draft.flat, draft.skipped


def _skip(draft: Draft, name: str, error: DataError, n: int) -> None:
    draft.skip(name, error.message)
    if len(draft.skipped) > BROKEN_SHARE * n:
        raise too_many_broken(len(draft.skipped), n, draft.skipped[0][1])


def _refuse_too_large(n: int, sizes: Sizes, root: Path) -> None:
    wanted, free = n * int(np.prod(sizes.shape)), shutil.disk_usage(root).free
    if wanted > free:
        what = f"The pictures take {wanted / 1e9:.1f} GB at {sizes.shape[0]} x {sizes.shape[1]}"
        raise DataError(
            f"{what}, and {free / 1e9:.1f} GB are free in {str(root)!r}.",
            "Free some disk space, or choose a smaller side.",
        )


def _finish(content: Content, folder: Path, flat: dict[str, int], skipped: Sequence[Sequence[str]]) -> None:
    """Labels, checks and facts of a draft with all pictures. Raises DataError where nothing could be learnt."""
    source, target = content.source, content.target
    spec = source.pictures.spec()
    if spec is not None:
        write_text(folder / PICTURES, json.dumps(spec))
    for part in SPLITS:
        index = np.load(folder / f"{part}_index.npy", allow_pickle=False)
        labels = target.labels[index].astype(np.float64 if target.is_regression else np.int64)
        np.save(folder / f"{part}_labels.npy", labels, allow_pickle=False)
    facts = {
        "format": FORMAT,
        "kind": ImageSplits.kind,
        "name": source.name,
        "classes": target.classes,
        "target": source.target,
        "balanced": content.balanced,
        "made": content.cut.made,
        "notes": [*source.notes, *content.notes, *content.sizes.notes(), *target.notes],
        "skipped": skipped,
        "flat": flat,
        "scale": source.scale,
        "resized": content.sizes.resized,
        "seed": content.seed,
    }
    splits = _opened(folder, facts)
    prints = {part: np.load(folder / f"{part}_prints.npy", allow_pickle=False) for part in SPLITS}
    n_bytes = sum(path.stat().st_size for path in folder.iterdir())
    findings = check(splits, prints, flat, n_bytes=n_bytes, warnings=target.warnings)
    mean, std = splits.statistics
    write_text(folder / REPORT, json.dumps(findings.to_dict()))
    write_text(folder / FACTS, json.dumps({**facts, "mean": mean, "std": std}))
    for name in TEMPORARY:
        (folder / name).unlink(missing_ok=True)


class ImageStore:
    """The ``Store`` of pictures."""

    @staticmethod
    def open(folder: str) -> ImageSplits:
        return open_splits(folder)


def open_splits(folder: str | Path) -> ImageSplits:
    """The splits in a folder that ``build`` made; pictures are memory-mapped, read-only. Raises DataError."""
    folder = Path(folder)
    facts = _read(folder, FACTS)
    if facts.get("format") != FORMAT:
        raise DataError(
            f"The stored data in {str(folder)!r} are of format {facts.get('format')}, not {FORMAT}.",
            "Delete the folder and read the data again.",
        )
    try:
        splits = _opened(folder, facts)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"The stored data in {str(folder)!r} are damaged ({error}).", "Delete the folder and read the data again."
        ) from error
    # known already: fills the cached property
    splits.__dict__["statistics"] = (tuple(facts["mean"]), tuple(facts["std"]))
    with contextlib.suppress(OSError):  # what was used last is swept last
        os.utime(folder)
    return splits


def read_findings(folder: str | Path) -> Findings:
    """What the checks found when the cache in ``folder`` was made. Raises DataError."""
    return Findings.from_dict(_read(Path(folder), REPORT))


def _read(folder: Path, name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
        return found
    except FileNotFoundError as error:
        raise DataError(f"There are no stored data in {str(folder)!r}.", "Read the data again.") from error
    except ValueError as error:
        raise DataError(
            f"The stored data in {str(folder)!r} are damaged.", "Delete the folder and read the data again."
        ) from error


def _opened(folder: Path, facts: dict[str, Any]) -> ImageSplits:
    return ImageSplits(
        **{part: _part(folder, part, facts) for part in SPLITS},
        name=facts["name"],
        made=tuple(facts["made"]),
        notes=tuple(facts["notes"]),
        skipped=tuple((name, reason) for name, reason in facts["skipped"]),
        scale=facts["scale"],
        target=facts["target"],
        balanced=facts["balanced"],
        folder=str(folder),
    )


def _part(folder: Path, part: str, facts: dict[str, Any]) -> ImageExamples:
    images = _mapped(folder / f"{part}_images.npy")
    labels = np.load(folder / f"{part}_labels.npy", allow_pickle=False)
    came: Any = None
    if facts["resized"] and (folder / PICTURES).exists():
        index = np.load(folder / f"{part}_index.npy", allow_pickle=False)
        came = Originals(partial(reopened, str(folder / PICTURES)), index, images.shape[3])
    elif facts["resized"] and part == "test" and (folder / "test_raw_shapes.npy").exists():
        shapes = np.load(folder / "test_raw_shapes.npy", allow_pickle=False)
        came = Kept(_mapped(folder / "test_raw.npy"), shapes, images)
    return ImageExamples(images, labels, tuple(facts["classes"]), came)


def _mapped(path: Path) -> NDArray[Any]:
    array: Pixels = np.load(path, allow_pickle=False, mmap_mode="r" if path.stat().st_size > 128 else None)
    return array if array.size else np.zeros(array.shape, array.dtype)
