"""From what a person has to three splits of decoded, checked pictures on disk: read, cut, decode, check.

What labels and headers show to be wrong is refused before a picture is decoded. Nothing is left of refused data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core import wording
from archsmith.data.examples import SPLITS
from archsmith.data.images import decode_all, store
from archsmith.data.images.checks import Findings
from archsmith.data.images.examples import ImageSplits
from archsmith.data.images.near import Near, near_duplicates
from archsmith.data.images.read import read
from archsmith.data.images.sizes import sizes_of
from archsmith.data.images.source import Pictures, Source
from archsmith.data.images.store import Content, Progress
from archsmith.data.labels import AUTO, target
from archsmith.data.splits import Cut, cut, stratified

NAMED = 3  # pictures that are like another one and are named
FEWEST_DECODED = 500  # pictures that are always used, whatever the budget
MARGIN = 1.1  # on the budget that would do for all; the next measurement of the speed may be a little slower


@dataclass(frozen=True, eq=False)
class Loaded:
    """What ``load`` returns.

    ``splits``: the pictures, memory-mapped from ``folder``.
    ``folder``: where the splits are stored.
    ``findings``: what the checks found.
    """

    splits: ImageSplits
    folder: Path
    findings: Findings


def load(
    source: Any,
    root: Path,
    *,
    seed: int,
    side: int | None = None,
    task: str = AUTO,
    balanced: bool = False,
    image: str | None = None,
    target_column: str | None = None,
    seconds: float | None = None,
    budget: float | None = None,
    progress: Progress | None = None,
    check: Callable[[], None] | None = None,
) -> Loaded:
    """Read ``source`` (see ``read``), cut it with ``seed`` and decode it into a folder below ``root``. Raises
    DataError.

    ``side``: of the pictures, in pixels; None: chosen by the pictures' own sizes.
    ``task``: ``auto``, ``classification`` or ``regression``.
    ``balanced``: every class counts alike.
    ``image``: name of the column of pictures in a table.
    ``target_column``: name of the target column in a table.
    ``seconds``: where decoding all pictures would take longer, a share of each split is used.
    ``budget``: of which ``seconds`` are a share; a note then says which budget would do for all pictures.
    ``progress(what, done, total)``: called at least every second while pictures are decoded. ``what`` is ``decode``, or
        ``wait`` while another process decodes the same pictures.
    ``check()``: called more often, and may raise. The next call of ``load`` goes on from there.
    """
    listed = read(source, image=image, target=target_column)
    meaning = target(listed, task)
    sizes = sizes_of(listed.pictures, side)
    balanced = balanced and not meaning.is_regression
    near = _near(listed, meaning.labels)
    splits = cut(meaning.labels, listed.split, seed, noun=listed.noun, groups=None if near is None else near.groups)
    told = _told(near, listed.pictures, sizes.equal, meaning.is_regression, splits.made)
    content = Content(listed, meaning, splits, sizes, seed, balanced, listed.pictures.fingerprint(), told)
    if seconds is not None:
        content = affordable(content, Path(root), seconds, budget)
    return reopen(store.build(content, Path(root), progress=progress, check=check))


def _near(listed: Source, labels: NDArray[Any]) -> Near | None:
    """Which training pictures look alike, where another split is cut from them. Splits that the data give stay as they
    are.
    """
    if len(np.unique(listed.split)) == len(SPLITS):
        return None
    return near_duplicates(listed.pictures, labels, np.flatnonzero(listed.split == SPLITS.index("train")))


def _told(
    near: Near | None, pictures: Pictures, one_size: bool, is_regression: bool, made: Sequence[str]
) -> tuple[str, ...]:
    """What is to be said of pictures that look alike, in sentences. ``made``: the splits that are cut."""
    if near is None:
        return ()
    repeats = np.flatnonzero(near.groups != np.arange(len(near.groups)))
    n = len(repeats)
    what, stay, its = ("picture", "stays", "its") if n == 1 else ("pictures", "stay", "their")
    together, where, why = "in one split", "", " So none of them is learnt and tested."
    if len(made) == 1:
        what, together, why = f"training {what}", "together", ""
        where = f", where the {wording.SPLITS[made[0]]} split is cut from them"
    other = "another one" if is_regression else f"another one of {its} class"
    same = "the same" if one_size else "exactly or nearly the same, perhaps in another size"
    others = repeats[:NAMED].tolist()
    pairs = "; ".join(_pair(pictures.name(i), pictures.name(int(near.like[i]))) for i in others)
    more = " …" if n > len(others) else ""
    return (f"{n:,} {what} {stay} {together} with {other} that is {same}{where}: {pairs}{more}.{why}",)


def _pair(name: str, like: str) -> str:
    return f"{_short(name)}, listed more than once" if name == like else f"{_short(name)} and {_short(like)}"


def _short(name: str) -> str:
    """The end of a path: the file and its folder."""
    return "/".join(name.replace("\\", "/").split("/")[-2:])


def affordable(content: Content, root: Path, seconds: float, budget: float | None = None) -> Content:
    """``content``, or one with the share of its pictures that can be decoded in ``seconds``.

    All pictures are used where they are stored already, or were begun. So is a larger share than could be decoded. A
    smaller one is used only if it was cut for as many seconds or more: whoever gives more time gets more pictures.
    """
    if store.is_known(content, root):
        return content
    n = len(content.source)
    forecast = n / decode_all.rate(content.source.pictures, content.sizes.shape, content.sizes.pixels)
    if forecast <= seconds:
        return content
    steps = (2 ** (-step / 2) for step in range(1, 41))
    shares = [content, *(_share(content, step) for step in steps if n * step >= FEWEST_DECODED)]
    chosen = next((candidate for candidate in shares if forecast * candidate.n / n <= seconds), shares[-1])
    for candidate in shares:
        known = candidate.n > chosen.n or store.cut_for(candidate, root) >= seconds
        if known and store.is_known(candidate, root):
            chosen = candidate
            break
    if chosen.n == n:
        return content
    return chosen.cut_down(seconds, forecast, None if budget is None else MARGIN * forecast * budget / seconds)


def _share(content: Content, share: float) -> Content:
    n_classes = len(content.target.classes)
    split = np.full(len(content.source), -1, np.int8)
    for code, index in enumerate(content.cut.indexes.values()):
        wanted = round(share * len(index))
        split[index[stratified(content.target.labels[index], n_classes, wanted, content.seed, "share")]] = code
    return replace(content, cut=Cut(split, content.cut.made))


def reopen(folder: str | Path) -> Loaded:
    """What ``load`` made, from its folder. Raises DataError when it has gone."""
    return Loaded(store.open_splits(folder), Path(folder), store.read_findings(folder))
