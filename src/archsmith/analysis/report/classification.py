"""Which classes the exported network confuses on the test split, and how well it recognises each one."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsmith.analysis.report.kind import Words, words_of
from archsmith.analysis.report.section import Section
from archsmith.analysis.study import Predictions, Study
from archsmith.analysis.wording import amount, quoted, several, share
from archsmith.core import metrics
from archsmith.core.metrics import ClassScore
from archsmith.core.wording import harmless
from archsmith.core.wording import times as how_often

MOST_CLASSES = 30  # of a confusion matrix that is shown whole
MOST_PAIRS = 15
FEW = 20  # test examples of a class, fewer than which say little about it
MANY = 1000  # test examples, from which on no mistake means something

Pair = tuple[str, str, int]  # true class, predicted class, how often


@dataclass(frozen=True)
class ClassRow:
    """One class.

    name: as the data call it
    score: recall, precision and F1 on the test split
    interval: the 95 % interval of the recall; None without test examples
    taken_for: (the class that its examples are most often mistaken for, how often); None without mistakes
    as_often: how many other classes they are mistaken for as often
    """

    name: str
    score: ClassScore
    interval: tuple[float, float] | None
    taken_for: tuple[str, int] | None
    as_often: int = 0


@dataclass(frozen=True)
class Confusions:
    """Which classes are confused.

    lead: the commonest mistake in a sentence
    classes: their names, in the order of the matrix
    n: labelled test examples
    n_wrong: mistakes among them
    matrix: ``(k, k)``, a row for each true class; None where there are too many classes to show
    counted: (true class, predicted class, how often) of all pairs that occur, right ones too, in the order of classes
    pairs: of these the commonest mistakes, the commonest one first
    class_lead: the hardest and the easiest class in a sentence
    rows: class by class
    """

    lead: str
    classes: tuple[str, ...]
    n: int
    n_wrong: int
    matrix: NDArray[np.int64] | None
    counted: tuple[Pair, ...]
    pairs: tuple[Pair, ...]
    class_lead: str
    rows: tuple[ClassRow, ...]

    @property
    def csv(self) -> str:
        """``counted`` as a link to a CSV file inside the page."""
        pairs = [(harmless(true), harmless(named), times) for true, named, times in self.counted]
        return csv_link([("true class", "predicted class", "times"), *pairs])


def csv_link(lines: Sequence[Sequence[object]]) -> str:
    """``lines`` as a link to a CSV file inside the page."""
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(text.getvalue().encode("utf-8")).decode()


def confusions_of(study: Study) -> Confusions | None:
    """None of a regression, or where the predictions were not kept."""
    test = study.test
    if test is None or test.outputs.ndim == 1:
        return None
    classes, words = classes_of(study, test), words_of(study)
    confused = metrics.confusion(test.outputs.argmax(axis=1), test.labels.astype(np.int64), len(classes))
    n = int(confused.sum())
    n_wrong = n - int(np.trace(confused))
    common = metrics.most_confused(confused, MOST_PAIRS)
    pairs = tuple((classes[true], classes[named], times) for true, named, times in common)
    rows = _rows(classes, confused, study.apart(n) / max(1, n))
    counted = tuple((classes[i], classes[j], int(confused[i, j])) for i, j in np.argwhere(confused).tolist())
    return Confusions(
        lead=_lead(n, n_wrong, pairs, words),
        classes=classes,
        n=n,
        n_wrong=n_wrong,
        matrix=confused if len(classes) <= MOST_CLASSES else None,
        counted=counted,
        pairs=pairs,
        class_lead=_by_class(rows, words),
        rows=rows,
    )


def classes_of(study: Study, test: Predictions) -> tuple[str, ...]:
    """The names of the classes, in the order of the network's outputs."""
    n_classes = test.outputs.shape[1]
    return study.classes if len(study.classes) == n_classes else tuple(f"class {i}" for i in range(n_classes))


def _lead(n: int, n_wrong: int, pairs: Sequence[Pair], words: Words) -> str:
    tested = words.amount(n, "test")
    if not n_wrong:
        text = f"The network makes no mistake on the {tested}."
        return text + (" With so few, that does not mean that it never will." if n < MANY else "")
    start = f"{n_wrong:,} of {tested} {'is' if n_wrong == 1 else 'are'} taken for something else."
    true, named, times = pairs[0]
    if times == 1 and n_wrong > 1:
        return f"{start} No two of these mistakes are alike."
    if n_wrong == 1:
        return f"{start} It is {quoted(true)} taken for {quoted(named)}."
    back = next((times for a, b, times in pairs if (a, b) == (named, true)), 0)
    if back and times + back == n_wrong:
        return f"{start} {times:,} are {quoted(true)} taken for {quoted(named)}, {back:,} the other way round."
    if back and 2 * (times + back) > n_wrong:
        both = f"{times + back:,} of {n_wrong:,}"
        return f"{start} Most of these mistakes mix up {quoted(true)} and {quoted(named)} ({both})."
    alike = sum(pair[2] == times for pair in pairs)
    if alike > 1 and 2 * times <= n_wrong:
        first, second = (f"{quoted(a)} taken for {quoted(b)}" for a, b, _ in pairs[:2])
        told = f"{first} and {second}" + ("" if alike == 2 else ", among others")
        return f"{start} The commonest mistakes are {told} ({how_often(times)} each)."
    most = "Most are" if 2 * times > n_wrong else "The commonest mistake is"
    often = how_often(times) + (f", and {how_often(back)} the other way round" if back else "")
    return f"{start} {most} {quoted(true)} taken for {quoted(named)} ({often})."


def _rows(classes: tuple[str, ...], confused: NDArray[np.int64], apart: float) -> tuple[ClassRow, ...]:
    """``apart``: the share of the examples that are different ones, taken as that of every class."""
    rows = []
    for i, (name, score) in enumerate(zip(classes, metrics.per_class(confused), strict=True)):
        others = confused[i].copy()
        others[i] = 0
        j = int(others.argmax())
        interval = None if score.recall is None else metrics.wilson(score.recall, max(1, round(apart * score.n)))
        taken_for = (classes[j], int(others[j])) if others[j] else None
        rows.append(
            ClassRow(name, score, interval, taken_for, int((others == others[j]).sum()) - 1 if taken_for else 0)
        )
    return tuple(rows)


def _by_class(rows: Sequence[ClassRow], words: Words) -> str:
    tested = [(row.score.recall, row) for row in rows if row.score.recall is not None]
    if not tested:
        return f"No class has test {words.many}."
    worst, best = min(recall for recall, _ in tested), max(recall for recall, _ in tested)
    hardest = [row.name for recall, row in tested if recall == worst]
    easiest = [row.name for recall, row in tested if recall == best]
    if len(tested) == 1:
        text = f"{share(best)} of {quoted(hardest[0])} are recognised."
    elif worst == best:
        which = "All classes" if len(tested) == len(rows) else f"The classes that have test {words.many}"
        text = f"{which} are recognised equally well: {share(best)} of each."
    else:
        hard = ("is the hardest class", "its") if len(hardest) == 1 else ("are the hardest classes", "the")
        each = "" if len(hardest) == 1 else " of each"
        easy = "is the easiest" if len(easiest) == 1 else "are the easiest"
        text = (
            f"{several(hardest)} {hard[0]}: {share(worst)} of {hard[1]} {words.many}{each} are recognised. "
            f"{several(easiest)} {easy} ({share(best)})."
        )
    few = sum(row.score.n < FEW for _, row in tested)
    if few:
        whose = "All classes have" if few == len(tested) else amount(few, "class has", "classes have")
        text += f" {whose} fewer than {FEW} test {words.many}, so these rates are rough."
    none = len(rows) - len(tested)
    if none:
        text += f" {amount(none, 'class has', 'classes have')} no test {words.many} at all."
    return text


SECTION = Section("confusions", "What it confuses", confusions_of)
