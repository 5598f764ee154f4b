"""From whatever a person has to three parts of decoded, checked pictures on disk: read, split, decode, check.

Everything that can be refused from labels and headers is refused before a picture is decoded, and nothing is left
behind by what is refused later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from archsmith.data.images import cache
from archsmith.data.images import decode_all as decoding
from archsmith.data.images.cache import Job, Progress
from archsmith.data.images.checks import Report
from archsmith.data.images.read import read
from archsmith.data.images.sizes import sizes_of
from archsmith.data.labels import target as learnt
from archsmith.data.splits import Cut, Splits, split, stratified

FEWEST_DECODED = 500  # pictures, below which no budget cuts them


@dataclass(frozen=True, eq=False)
class Prepared:
    """The three parts, the ``folder`` of the cache that they are mapped from, and what the checks found."""

    splits: Splits
    folder: Path
    report: Report


def prepare(
    source: Any,
    root: Path,
    *,
    seed: int,
    side: int | None = None,
    kind: str = "auto",
    balanced: bool = False,
    image: str | None = None,
    target: str | None = None,
    seconds: float | None = None,
    progress: Progress | None = None,
    check: Callable[[], None] | None = None,
) -> Prepared:
    """Read ``source`` (anything that ``readers.read`` takes, or what it returned), split it with ``seed`` and decode it
    into a cache below ``root``.

    ``side`` fixes the side in pixels; ``kind`` says what the labels are (``auto``, ``classes``, ``number``);
    ``balanced`` makes every class count alike; ``image`` and ``target`` name the columns of a table. Where decoding
    everything would take longer than ``seconds``, a share of each part is used. ``progress(what, done, total)`` is
    called at least every second while pictures are decoded (``what`` is ``decode``, or ``wait`` while another process
    decodes the same ones); ``check()`` more often, and may raise: the next call goes on from there. Raises DataError.
    """
    listed = read(source, image=image, target=target)
    meaning = learnt(listed, kind)
    cut = split(meaning.labels, listed.part, seed)
    sizes = sizes_of(listed.pictures, side)
    job = Job(listed, meaning, cut, sizes, seed, balanced and not meaning.numeric, listed.pictures.fingerprint())
    if seconds is not None:
        job = affordable(job, Path(root), seconds)
    return reopen(cache.build(job, Path(root), progress=progress, check=check))


def affordable(job: Job, root: Path, seconds: float) -> Job:
    """``job``, or one with the share of its pictures that can be decoded in ``seconds``; what is decoded, or begun, is
    used whatever it was that decided it.
    """
    n = len(job.source)
    shares = [job, *(_share(job, 2 ** (-step / 2)) for step in range(1, 41) if n * 2 ** (-step / 2) >= FEWEST_DECODED)]
    for candidate in shares:
        if cache.is_known(candidate, root):
            return candidate
    forecast = n / decoding.rate(job.source.pictures, job.sizes.shape, job.sizes.pixels)
    return next((candidate for candidate in shares if forecast * candidate.n / n <= seconds), shares[-1]).noting(
        forecast
    )


def _share(job: Job, share: float) -> Job:
    n_classes = len(job.target.classes)
    part = np.full(len(job.source), -1, np.int8)
    for code, index in enumerate(job.cut.indexes.values()):
        part[index[stratified(job.target.labels[index], n_classes, round(share * len(index)), job.seed, "share")]] = (
            code
        )
    return replace(job, cut=Cut(part, job.cut.made))


def reopen(folder: str | Path) -> Prepared:
    """What ``prepare`` made, from its folder. Raises DataError when it has gone."""
    return Prepared(cache.open_splits(folder), Path(folder), cache.read_report(folder))
