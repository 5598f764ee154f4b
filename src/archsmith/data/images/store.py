"""Splits of pictures on disk, decoded once, as plain ``.npy`` files that worker processes memory-map.

A folder is named by what went into it: the pictures' fingerprint, labels, splits, seed and size. ``build`` writes a
draft beside the folder's place, in small steps that survive a crash, and moves it there when it is whole. When the same
splits are asked for again, it finds the folder. One process at a time writes a draft. Memory does not grow with the
number of pictures.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import ArchsmithError, DataError
from archsmith.core.files import write_text
from archsmith.core.wording import some_used
from archsmith.data.examples import SPLITS
from archsmith.data.images.checks import Findings, check
from archsmith.data.images.decode import Pixels
from archsmith.data.images.decode_all import decoded
from archsmith.data.images.draft import STATE, Draft, link
from archsmith.data.images.examples import ImageExamples, ImageSplits
from archsmith.data.images.pictures import Called, Kept, Originals
from archsmith.data.images.reopening import reopened
from archsmith.data.images.sizes import Sizes, too_many_broken
from archsmith.data.images.source import Source
from archsmith.data.labels import Target
from archsmith.data.splits import Cut
from archsmith.data.store_folder import FACTS, damaged, locked, mark_used, read_json
from archsmith.data.values import BROKEN_SHARE

FORMAT = 2
REPORT, PICTURES = "report.json", "pictures.json"
DAMAGE = (EOFError, ValueError, KeyError, TypeError)  # what reading a damaged folder may raise beside OSError
CUT = "cut.json"  # for how many seconds pictures were left out
COMMIT_SECONDS = 2.0  # the most work that a crash may cost
TICK_SECONDS = 0.1  # between two calls of ``check``
TELL_SECONDS = 0.5  # between two reports of progress
BALANCED = "-balanced"  # the end of a folder's name where every class counts alike

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Content:
    """What a stored folder is made from.

    ``source``: the pictures and their labels.
    ``target``: what the labels mean.
    ``cut``: which split each picture is in, if any.
    ``sizes``: the size that the pictures are brought to.
    ``seed``: by which the splits were cut.
    ``balanced``: does every class count alike?
    ``fingerprint``: of the pictures.
    ``notes``: what is to be said about all this, in sentences.
    ``seconds``: where pictures were left out, how long decoding may take; None: all are used.
    """

    source: Source
    target: Target
    cut: Cut
    sizes: Sizes
    seed: int
    balanced: bool
    fingerprint: str
    notes: tuple[str, ...] = ()
    seconds: float | None = None

    @property
    def n(self) -> int:
        """How many pictures are decoded."""
        return self.cut.n

    def cut_down(self, seconds: float, forecast: float, enough: float | None) -> Content:
        """The same, with a note on why not all pictures are used.

        ``seconds``: that decoding may take.
        ``forecast``: seconds that all pictures would take.
        ``enough``: seconds of a job that would use all; None: unknown.
        """
        n, left = len(self.source), len(self.source) - self.n
        why = f"reading all of them would take about {_duration(forecast)}"
        note = some_used(self.n, n, "pictures", why)
        if enough is not None:
            note += f" A new job with a budget of {_budget(enough)} would use the other {left:,}, too."
        return replace(self, notes=(*self.notes, note), seconds=seconds)

    @property
    def said(self) -> list[str]:
        """What is to be said of all this, in sentences."""
        return [*self.source.notes, *self.notes, *self.sizes.notes(), *self.target.notes]

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
    """The folder of ``content`` below ``root``, made if it is not there. Raises DataError and then leaves nothing.

    ``progress(what, done, total)``: see ``data.images.load``.
    ``check``: called often, and may raise. What was decoded by then is kept for the next call.
    """
    told = _Told(progress, check)
    try:
        root = Path(root)
        root.mkdir(parents=True, exist_ok=True)
        key = content.key
        folder, draft = root / key, root / f".{key}.draft"
        if _is_said(content, folder):
            return folder
        with locked(root / f".{key}.lock", told.wait):
            told.what = "decode"
            if (folder / FACTS).exists():
                with contextlib.suppress(
                    ArchsmithError, FileNotFoundError, *DAMAGE
                ):  # whoever opens it says what is wrong there
                    facts = read_json(folder, FACTS)
                    _tell(content, folder, facts["flat"], facts["broken"])
            else:
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
    """Is ``content`` stored below ``root``, or was it begun?"""
    key = content.key
    return (
        any((root / each / FACTS).exists() for each in (key, _twin(key))) or (root / f".{key}.draft" / STATE).exists()
    )


def cut_for(content: Content, root: Path) -> float:
    """For how many seconds the stored or begun share ``content`` was cut; 0 where nothing says so."""
    for folder in (root / content.key, root / _twin(content.key), root / f".{content.key}.draft"):
        with contextlib.suppress(DataError, KeyError, TypeError):
            return float(read_json(folder, CUT)["seconds"])
    return 0.0


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _budget(seconds: float) -> str:
    """As one writes it behind ``--time``, rounded up."""
    return f"{math.ceil(seconds)}s" if seconds < 100 else f"{math.ceil(seconds / 60)}m"


class _Told:
    """Calls ``progress`` and ``check``, neither of them too often."""

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

    def wait(self) -> None:
        """Another process decodes the same pictures."""
        self.what = "wait"
        self.tick()

    def say(self) -> None:
        self._said = time.monotonic()
        self.progress(self.what, self.done, self.total)


def _make(content: Content, root: Path, folder: Path, told: _Told) -> None:
    """Write all files of ``content`` into ``folder``."""
    twin = root / _twin(content.key)
    if (twin / FACTS).exists():  # the same pictures; only ``balanced`` differs
        with contextlib.suppress(ArchsmithError, OSError, *DAMAGE):  # of a damaged one nothing is taken
            shutil.rmtree(folder, ignore_errors=True)
            own = (FACTS, REPORT, *(f"{split}_labels.npy" for split in SPLITS))  # what is written anew
            link(twin, [path.name for path in twin.iterdir() if path.name not in own], folder)
            facts = read_json(twin, FACTS)
            _finish(content, folder, facts["flat"], facts["broken"])
            return
        shutil.rmtree(folder, ignore_errors=True)
    _finish(content, folder, *_decode(content, root, folder, told))


def _twin(key: str) -> str:
    """The key of the same pictures whose classes count otherwise."""
    return key.removesuffix(BALANCED) if key.endswith(BALANCED) else key + BALANCED


def _is_said(content: Content, folder: Path) -> bool:
    """Is ``content`` in ``folder``, with what is to be said of it now? Files beside the pictures come and go."""
    if not (folder / FACTS).exists():
        return False
    try:
        facts = read_json(folder, FACTS)
        skipped = [list(each) for each in content.source.skipped]
        return "broken" not in facts or (
            facts["notes"] == content.said and facts["skipped"] == [*skipped, *facts["broken"]]
        )
    except (ArchsmithError, *DAMAGE):  # whoever opens it says what is wrong there
        return True


def _decode(content: Content, root: Path, folder: Path, told: _Told) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Decode all pictures, from where an earlier call was cut off.

    Returns how many pictures of each split are of one colour, and (name, reason) of those that are broken.
    """
    pictures, sizes = content.source.pictures, content.sizes
    split = content.cut.split
    wanted = np.flatnonzero(split >= 0).astype(np.int32)
    originals = sizes.resized and pictures.spec() is None
    draft = Draft(folder, sizes.shape, originals=originals)
    if content.seconds is not None:
        write_text(folder / CUT, json.dumps({"seconds": content.seconds}))
    finished = False
    try:
        _refuse_too_large(len(wanted) - draft.done, sizes, root)
        told.total, told.done = len(wanted), draft.done
        told.say()
        committed = time.monotonic()
        for item in decoded(pictures, wanted[draft.done :], sizes.shape, sizes.pixels, told.tick):
            if item.pixels is not None:
                name = SPLITS[split[item.index]]
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
        raise too_many_broken(len(draft.skipped), n, draft.skipped[0][1], seen_all=False)


def _refuse_too_large(n: int, sizes: Sizes, root: Path) -> None:
    wanted, free = n * int(np.prod(sizes.shape)), shutil.disk_usage(root).free
    if wanted > free:
        what = f"The pictures take {wanted / 1e9:.1f} GB at {sizes.shape[0]} x {sizes.shape[1]}"
        raise DataError(
            f"{what}, and {free / 1e9:.1f} GB are free in {str(root)!r}.",
            "Free some disk space, or choose smaller pictures with --side.",
        )


def _finish(content: Content, folder: Path, flat: dict[str, int], broken: Sequence[Sequence[str]]) -> None:
    """Add labels, checks and facts to a draft with all pictures. ``broken``: (name, reason) of those that could not be
    decoded. Raises DataError where nothing could be learnt.
    """
    target = content.target
    spec = content.source.pictures.spec()
    if spec is not None:
        write_text(folder / PICTURES, json.dumps(spec))
    for split in SPLITS:
        index = np.load(folder / f"{split}_index.npy", allow_pickle=False)
        labels = target.labels[index].astype(np.float64 if target.is_regression else np.int64)
        np.save(folder / f"{split}_labels.npy", labels, allow_pickle=False)
    _tell(content, folder, flat, broken)
    for left in (folder / STATE, *folder.glob(".*.draft")):  # of this draft, and of processes that were killed
        left.unlink(missing_ok=True)


def _tell(content: Content, folder: Path, flat: dict[str, int], broken: Sequence[Sequence[str]]) -> None:
    """Write checks and facts beside pictures and labels. Raises as ``_finish``."""
    source, target = content.source, content.target
    facts = {
        "format": FORMAT,
        "kind": ImageSplits.kind,
        "name": source.name,
        "classes": target.classes,
        "target": source.target,
        "balanced": content.balanced,
        "made": content.cut.made,
        "notes": content.said,
        "skipped": [*source.skipped, *broken],
        "broken": broken,
        "flat": flat,
        "scale": source.scale,
        "resized": content.sizes.resized,
        "seed": content.seed,
    }
    splits = _opened(folder, facts)
    prints = {split: np.load(folder / f"{split}_prints.npy", allow_pickle=False) for split in SPLITS}
    n_bytes = sum(path.stat().st_size for path in folder.iterdir() if path.name not in (FACTS, REPORT, STATE))
    findings = check(splits, prints, flat, n_bytes=n_bytes, warnings=target.warnings)
    mean, std = splits.statistics
    write_text(folder / REPORT, json.dumps(findings.to_dict()))
    write_text(folder / FACTS, json.dumps({**facts, "mean": mean, "std": std}))


class ImageStore:
    """The ``Store`` of pictures."""

    @staticmethod
    def open(folder: str) -> ImageSplits:
        return open_splits(folder)


def open_splits(folder: str | Path) -> ImageSplits:
    """The splits in a folder that ``build`` made; pictures are memory-mapped, read-only. Raises DataError."""
    folder = Path(folder)
    facts = read_json(folder, FACTS)
    if facts.get("format") != FORMAT:
        raise DataError(
            f"The stored data in {str(folder)!r} are of format {facts.get('format')}, not {FORMAT}.",
            "Delete the folder and read the data again.",
        )
    try:
        splits = _opened(folder, facts)
    except (OSError, *DAMAGE) as error:
        raise damaged(folder) from error
    # known already, so the cached property need not compute them
    splits.__dict__["statistics"] = (tuple(facts["mean"]), tuple(facts["std"]))
    mark_used(folder)
    return splits


def read_findings(folder: str | Path) -> Findings:
    """What the checks found when the splits in ``folder`` were stored. Raises DataError."""
    found = read_json(folder, REPORT)
    try:
        return Findings.from_dict(found)
    except DAMAGE as error:
        raise damaged(folder) from error


def _opened(folder: Path, facts: dict[str, Any]) -> ImageSplits:
    return ImageSplits(
        **{split: _examples(folder, split, facts) for split in SPLITS},
        name=facts["name"],
        made=tuple(facts["made"]),
        notes=tuple(facts["notes"]),
        skipped=tuple((name, reason) for name, reason in facts["skipped"]),
        scale=facts["scale"],
        target=facts["target"],
        balanced=facts["balanced"],
        folder=str(folder),
    )


def _examples(folder: Path, split: str, facts: dict[str, Any]) -> ImageExamples:
    images = _mapped(folder / f"{split}_images.npy")
    labels = np.load(folder / f"{split}_labels.npy", allow_pickle=False)
    index = np.load(folder / f"{split}_index.npy", allow_pickle=False)
    opened = partial(reopened, str(folder / PICTURES)) if (folder / PICTURES).exists() else None
    came: Any = None
    if facts["resized"] and opened is not None:
        came = Originals(opened, index, images.shape[3])
    elif facts["resized"] and split == "test" and (folder / "test_raw_shapes.npy").exists():
        shapes = np.load(folder / "test_raw_shapes.npy", allow_pickle=False)
        came = Kept(_mapped(folder / "test_raw.npy"), shapes, images)
    return ImageExamples(images, labels, tuple(facts["classes"]), came, Called(index, opened))


def _mapped(path: Path) -> NDArray[Any]:
    array: Pixels = np.load(path, allow_pickle=False, mmap_mode="r" if path.stat().st_size > 128 else None)
    return array if array.size else np.zeros(array.shape, array.dtype)
