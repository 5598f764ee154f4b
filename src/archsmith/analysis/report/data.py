"""What the networks learnt from: how many examples there are, what the checks found, and how the targets are spread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archsmith.analysis.report import figures
from archsmith.analysis.report.kind import Words, target_name, words_of
from archsmith.analysis.report.section import Section
from archsmith.analysis.study import Study
from archsmith.analysis.wording import amount, listing, quoted, sentence_case
from archsmith.core.wording import PURPOSES, SPLITS, times

UNEVEN = 3.0  # the largest class over the smallest, from which on the classes are called uneven
EVEN = 1.2  # the same, up to which all classes have about the same share


@dataclass(frozen=True)
class Split:
    """One row of the table of splits.

    name: ``training``, ``validation`` or ``test``
    n: how many examples it has
    purpose: what it is for, and where it comes from
    """

    name: str
    n: int
    purpose: str


@dataclass(frozen=True)
class Data:
    """What the networks learnt from.

    lead: the whole in two or three sentences
    splits: training, validation and test, those that are known
    counts: (class, training examples); empty for a regression
    even: have all classes about the same share?
    warnings: what the checks found, in whole sentences
    notes: how the data were read, in whole sentences
    skipped: (example, why it was left out), as far as they are known by name
    n_skipped: how many were left out
    targets: the training targets of a regression; else empty
    target: what the regression target is called
    """

    lead: str
    splits: tuple[Split, ...]
    counts: tuple[tuple[str, int], ...]
    even: bool
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    n_skipped: int
    targets: tuple[float, ...]
    target: str


Describe = Callable[[Study], str]  # what the examples are, as ``grey pictures of 8 × 8 pixels``


def plain_description(study: Study) -> str:
    return words_of(study).many


def data_of(study: Study, describe: Describe = plain_description) -> Data | None:
    """None for a search that knows nothing of data."""
    checks, splits = study.checks, study.splits
    if not checks and splits is None:
        return None
    sizes = sizes_of(study)
    made = tuple(checks.get("made") or (splits.made if splits is not None else ()))
    regression = not study.classes
    counts = () if regression else _counts(study)
    warnings = tuple(str(line) for line in checks.get("warnings") or ())
    skipped = tuple((str(row[0]), str(row[1])) for row in checks.get("skipped") or ())
    numbers = [count for _, count in counts]
    return Data(
        _lead(study, sizes, counts, len(warnings), describe(study)),
        tuple(
            Split(SPLITS[split], n, _purpose(split, split in made, regression, study.test_reads))
            for split, n in sizes.items()
        ),
        counts,
        bool(numbers) and max(numbers) <= EVEN * min(numbers),
        warnings,
        tuple(str(line) for line in checks.get("notes") or ()),
        skipped,
        int(checks.get("n_skipped") or len(skipped)),
        tuple(splits.train.targets.astype(float).tolist()) if splits is not None and regression else (),
        target_name(study),
    )


def sizes_of(study: Study) -> dict[str, int]:
    """How many examples each split has, as far as it is known."""
    if study.splits is not None:
        return {split: len(getattr(study.splits, split)) for split in SPLITS}
    known = study.checks.get("n_examples") or {}
    counts = study.checks.get("counts") or {}
    speed = study.fit.get("speed") or {}
    sizes = {
        split: int(known.get(split) or _summed(counts.get(split)) or speed.get(f"n_{split}") or 0) for split in SPLITS
    }
    return {split: n for split, n in sizes.items() if n}


def _summed(counts: Any) -> int:
    """Of one split: examples of each class, or of all."""
    return sum(counts) if isinstance(counts, Sequence) else counts if isinstance(counts, int) else 0


def _purpose(split: str, made: bool, regression: bool, test_reads: int) -> str:
    what = {
        "train": "The networks learn from these.",
        "valid": "Networks are compared on these.",
        "test": f"Measured {times(test_reads)}, at the end." if test_reads else "Kept for one measurement at the end.",
    }[split]
    if not made:
        return what
    return f"{what} Set apart by chance{'' if regression else ', class by class'}."


def _counts(study: Study) -> tuple[tuple[str, int], ...]:
    known = (study.checks.get("counts") or {}).get("train")
    if not known and study.splits is not None:
        targets = study.splits.train.targets.tolist()
        known = [targets.count(i) for i in range(len(study.classes))]
    return tuple(zip(study.classes, (int(count) for count in known or ()), strict=False))


def _lead(study: Study, sizes: Mapping[str, int], counts: Sequence[tuple[str, int]], n_warnings: int, what: str) -> str:
    told = listing([f"{sizes[split]:,} {PURPOSES[split]}" for split in SPLITS if split in sizes])
    if counts:
        text = f"{amount(len(counts), 'class', 'classes')} of {what}"
    else:
        text = f"{sentence_case(what)}, each with a regression target ({target_name(study)})"
    text += f": {told}." if told else "."
    text += _balance(counts, words_of(study))
    if n_warnings:
        return text + f" The checks found {amount(n_warnings, 'thing')} that you should know."
    return text + " The checks found nothing suspicious."


def _balance(counts: Sequence[tuple[str, int]], words: Words) -> str:
    """Are the classes uneven?"""
    if not counts:
        return ""
    rare, fewest = min(counts, key=lambda pair: pair[1])
    common, most = max(counts, key=lambda pair: pair[1])
    if most >= UNEVEN * fewest:  # as the card says it
        many, few = words.amount(most, "training"), f"{fewest:,}"
        return f" The classes are uneven: {quoted(common)} has {many}, {quoted(rare)} has {few}."
    return " Every class has about the same share." if most <= EVEN * fewest else ""


def drawings(study: Study, facts: Data) -> dict[str, str]:
    """How the training targets are spread."""
    words = words_of(study)
    drawn = {}
    if facts.counts:
        drawn["counts"] = figures.counts(facts.counts, f"training {words.many} of each class")
    if facts.targets:
        title = f"how often training targets of each size occur ({facts.target})"
        drawn["targets"] = figures.histogram(facts.targets, facts.target, words.many, title)
    return drawn


def section_for(describe: Describe) -> Section:
    """The section for a kind of data that describes its examples with ``describe``."""
    return Section("data", "The data", lambda study: data_of(study, describe), drawings)


SECTION = section_for(plain_description)
