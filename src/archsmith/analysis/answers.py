"""What the exported network answers on the test part: what it confuses, how far its confidence can be trusted, how far
off its numbers are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.analysis.pictures import Picture, thumbnail
from archsmith.analysis.study import Predictions, Study
from archsmith.analysis.wording import NB, amount, number, points, quoted, share, wilson
from archsmith.core import metrics
from archsmith.core.errors import DataError
from archsmith.core.metrics import ClassScore, ReliabilityBin

SHOWN_MISTAKES = 24
MISTAKE_SIDE = 96  # pixels
MOST_CLASSES = 30  # of a confusion matrix that is shown whole
MOST_PAIRS = 15
FEW = 20  # test pictures of a class, fewer than which say little about it
CALIBRATED = 0.03  # an expected calibration error up to this is called good
MOST_DOTS = 800


@dataclass(frozen=True)
class Mistake:
    """One wrong answer; ``picture`` None where it cannot be read any more. ``told``: what is said of it, as (name,
    text) pairs.
    """

    picture: Picture | None
    index: int
    told: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ClassRow:
    """One class: ``score`` on the test part; ``taken_for``: what its pictures are most often mistaken for, and how
    often.
    """

    name: str
    score: ClassScore
    interval: tuple[float, float] | None
    taken_for: tuple[str, int] | None


@dataclass(frozen=True)
class Confusions:
    """``matrix`` ``(k, k)`` has a row for each true class; None where there are too many to show. ``pairs``: (true,
    predicted, times).
    """

    lead: str
    classes: tuple[str, ...]
    n: int
    n_wrong: int
    matrix: NDArray[np.int64] | None
    pairs: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class Classes:
    lead: str
    rows: tuple[ClassRow, ...]


@dataclass(frozen=True)
class Confidence:
    """``after`` are the bins of the exported network, ``before`` those without its temperature (empty where that is 1)."""

    lead: str
    after: tuple[ReliabilityBin, ...]
    before: tuple[ReliabilityBin, ...]
    error_after: float
    error_before: float | None


@dataclass(frozen=True)
class Numbers:
    """``dots`` (true, predicted) of some pictures, ``errors`` (predicted less true) of all; ``n_left_out`` dots are not
    drawn.
    """

    lead: str
    name: str
    dots: tuple[tuple[float, float], ...]
    errors: NDArray[np.float64]
    n_left_out: int
    table: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Worst:
    lead: str
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True)
class Answers:
    """Each part is None where it does not apply."""

    confusions: Confusions | None = None
    classes: Classes | None = None
    confidence: Confidence | None = None
    numbers: Numbers | None = None
    worst: Worst | None = None


def answers_of(study: Study) -> Answers | None:
    """None where the network's answers were not kept."""
    test = study.test
    if test is None:
        return None
    if test.numeric:
        return Answers(numbers=_numbers(study, test), worst=_worst_numbers(study, test))
    labels, predicted = test.labels.astype(np.int64), test.outputs.argmax(axis=1)
    classes = (
        study.classes
        if len(study.classes) == test.outputs.shape[1]
        else tuple(f"class {i}" for i in range(test.outputs.shape[1]))
    )
    confused = metrics.confusion(predicted, labels, len(classes))
    return Answers(
        confusions=_confusions(classes, confused),
        classes=_classes(classes, confused),
        confidence=_confidence(test, labels),
        worst=_worst_classes(study, test, classes, labels, predicted),
    )


# Classes


def _confusions(classes: tuple[str, ...], confused: NDArray[np.int64]) -> Confusions:
    n = int(confused.sum())
    wrong = n - int(np.trace(confused))
    pairs = tuple(
        (classes[true], classes[named], times) for true, named, times in metrics.most_confused(confused, MOST_PAIRS)
    )
    return Confusions(
        _confusion_lead(n, wrong, pairs), classes, n, wrong, confused if len(classes) <= MOST_CLASSES else None, pairs
    )


def _confusion_lead(n: int, wrong: int, pairs: Sequence[tuple[str, str, int]]) -> str:
    if not wrong:
        text = f"The network makes no mistake on the {amount(n, 'test picture')}."
        return text + (" With so few, that does not mean it never will." if n < 1000 else "")
    start = f"{wrong:,} of {amount(n, 'test picture')} {'is' if wrong == 1 else 'are'} taken for something else."
    true, named, times = pairs[0]
    both = next((t for a, b, t in pairs if (a, b) == (named, true)), 0)
    if times == 1 and wrong > 1:
        return f"{start} No two of these mistakes are alike."
    if wrong == 1:
        return f"{start} It is {quoted(true)} taken for {quoted(named)}."
    if both and 2 * (times + both) > wrong:
        return (
            f"{start} Most of these mistakes mix up {quoted(true)} and {quoted(named)} ({times + both:,} of {wrong:,})."
        )
    most = "Most are" if 2 * times > wrong else "The commonest mistake is"
    return f"{start} {most} {quoted(true)} taken for {quoted(named)} ({times:,} times{f', and {both:,} times the other way round' if both else ''})."


def _classes(classes: tuple[str, ...], confused: NDArray[np.int64]) -> Classes:
    rows = []
    for i, (name, row) in enumerate(zip(classes, metrics.per_class(confused), strict=True)):
        others = confused[i].copy()
        others[i] = 0
        j = int(others.argmax())
        interval = None if row.recall is None else wilson(row.recall, row.n)
        rows.append(ClassRow(name, row, interval, (classes[j], int(others[j])) if others[j] else None))
    return Classes(_classes_lead(rows), tuple(rows))


def _classes_lead(rows: Sequence[ClassRow]) -> str:
    tested = [(row.score.recall, row) for row in rows if row.score.recall is not None]
    if not tested:
        return "No class has test pictures."
    worst, hardest = min(tested, key=lambda pair: pair[0])
    best, easiest = max(tested, key=lambda pair: pair[0])
    few = sum(row.score.n < FEW for _, row in tested)
    none = len(rows) - len(tested)
    if worst == best:
        text = f"All classes are recognised equally well: {share(best)} of each."
    else:
        text = (
            f"{quoted(hardest.name)} is the hardest class: {share(worst)} of its pictures are recognised. "
            f"{quoted(easiest.name)} is the easiest ({share(best)})."
        )
    if few:
        whose = "All classes have" if few == len(tested) else amount(few, "class has", "classes have")
        text += f" {whose} fewer than {FEW} test pictures, so that their rates are rough."
    if none:
        text += f" {amount(none, 'class has', 'classes have')} no test pictures at all."
    return text


def _confidence(test: Predictions, labels: NDArray[np.int64]) -> Confidence:
    after = metrics.reliability(test.outputs, labels)
    error = metrics.expected_calibration_error(test.outputs, labels)
    raw = test.raw if test.raw is not None and not np.allclose(test.raw, test.outputs, atol=1e-4) else None
    before = () if raw is None else metrics.reliability(raw, labels)
    error_before = None if raw is None else metrics.expected_calibration_error(raw, labels)
    sure = float(test.outputs.max(axis=1).mean())
    right = float((test.outputs.argmax(axis=1) == labels).mean())
    return Confidence(
        _confidence_lead(sure, right, error, error_before, len(labels)), after, before, error, error_before
    )


def _confidence_lead(sure: float, right: float, error: float, before: float | None, n: int) -> str:
    text = f"On average the network is {share(sure)} sure of its answer and right {share(right)} of the time"
    if error <= CALIBRATED:
        text += ": its probabilities can be taken at their word."
    elif abs(sure - right) < error / 2:
        text += ", but not at every level of confidence: read its probabilities as a rough guide."
    else:
        text += f": it is too {'sure' if sure > right else 'modest'}, so read its probabilities as a rough guide."
    if before is not None and abs(before - error) >= 0.002:
        verb = (
            "brought the gap down"
            if before > error
            else "was chosen on the validation pictures; on the test pictures the gap went"
        )
        text += f" Calibration {verb} from {points(before)} to {points(error)}."
    if n < 500:
        text += f" With only {n} test pictures this is uncertain."
    return text


def _worst_classes(
    study: Study, test: Predictions, classes: tuple[str, ...], labels: NDArray[np.int64], predicted: NDArray[np.int64]
) -> Worst | None:
    wrong = np.flatnonzero(predicted != labels)
    if not len(wrong):
        return None
    sure = test.outputs[wrong].max(axis=1)
    order = wrong[np.argsort(-sure, kind="stable")][:SHOWN_MISTAKES]
    mistakes = []
    for i in order:
        told = (
            ("It is", classes[labels[i]]),
            ("Taken for", f"{classes[predicted[i]]} ({share(float(test.outputs[i].max()))})"),
        )
        mistakes.append(Mistake(_picture(study, int(test.index[i])), int(test.index[i]), told))
    n_sure = int((sure > 0.95).sum())
    which = f"the {len(order)} of which the network was surest" if len(wrong) > len(order) else "the surest first"
    text = f"These are its mistakes, {which}."
    if n_sure:
        text += (
            f" In {n_sure:,} of {amount(len(wrong), 'mistake')} it was more than 95{NB}% sure. Look at those first: "
            "a wrong label, or a picture that people would argue about, may be behind them."
        )
    else:
        text += f" It was never more than 95{NB}% sure when it was wrong, so that asking a person about unsure answers would catch mistakes."
    return Worst(text, tuple(mistakes))


# Numbers


def _numbers(study: Study, test: Predictions) -> Numbers:
    truth, guesses = test.labels.astype(np.float64), test.outputs.astype(np.float64)
    errors = guesses - truth
    size = np.abs(errors)
    half, most = np.quantile(size, (0.5, 0.9))
    lead = f"Half of the answers are within {number(_short(half))} of the truth, nine of ten within {number(_short(most))}."
    lead += _tendency(truth, errors)
    chosen = (
        np.arange(len(truth)) if len(truth) <= MOST_DOTS else np.linspace(0, len(truth) - 1, MOST_DOTS).astype(np.int64)
    )
    chosen = np.union1d(chosen, np.argsort(-size, kind="stable")[:20])  # the worst ones always
    baseline = float(np.abs(truth - truth.mean()).mean())
    table = (
        ("mean absolute error", number(_short(metrics.mae(guesses, truth)))),
        ("root mean squared error", number(_short(metrics.rmse(guesses, truth)))),
        ("R² (1 is perfect, 0 is what always answering the mean achieves)", f"{metrics.r2(guesses, truth):.3f}"),
        ("mean absolute error of always answering the mean", number(_short(baseline))),
        ("test pictures", f"{len(truth):,}"),
    )
    dots = tuple((float(truth[i]), float(guesses[i])) for i in chosen)
    return Numbers(lead, target_name(study), dots, errors, len(truth) - len(dots), table)


def _tendency(truth: NDArray[np.float64], errors: NDArray[np.float64]) -> str:
    """Does it lean to one side, or to the middle?"""
    n, spread = len(errors), float(errors.std())
    if n < 30 or not spread:
        return ""
    lean = float(errors.mean())
    text = ""
    if abs(lean) > 3 * spread / np.sqrt(n) and abs(lean) > 0.1 * spread:
        text = f" On average it answers {number(_short(abs(lean)))} too {'high' if lean > 0 else 'low'}."
    if truth.std() and float(np.cov(truth, errors)[0, 1] / truth.var()) < -0.2:
        text += " It keeps towards the middle: large values come out too low and small ones too high."
    return text


def _worst_numbers(study: Study, test: Predictions) -> Worst:
    errors = np.abs(test.outputs.astype(np.float64) - test.labels)
    order = np.argsort(-errors, kind="stable")[:SHOWN_MISTAKES]
    mistakes = []
    for i in order:
        told = (
            ("It is", number(_short(test.labels[i]))),
            ("Taken for", number(_short(test.outputs[i]))),
            ("Off by", number(_short(errors[i]))),
        )
        mistakes.append(Mistake(_picture(study, int(test.index[i])), int(test.index[i]), told))
    text = f"The answers that are furthest off. The worst one is off by {number(_short(errors[order[0]]))}, a middling one by {number(_short(np.median(errors)))}."
    return Worst(text + " Look for wrong labels among them first.", tuple(mistakes))


def target_name(study: Study) -> str:
    outputs = (study.fit.get("task") or {}).get("outputs") or (study.manifest.get("task") or {}).get("outputs") or ()
    return str(outputs[0].get("name") or "value") if outputs else "value"


def _short(value: Any) -> float:
    """Three significant digits."""
    return float(f"{float(value):.3g}")


def _picture(study: Study, index: int) -> Picture | None:
    """A picture of the test part, as it came where that can still be read."""
    if study.splits is None or index >= len(study.splits.test):
        return None
    test = study.splits.test
    try:
        image = test.original(index)
    except (DataError, OSError):
        image = np.asarray(test.images[index])
    return thumbnail(image, MISTAKE_SIDE)
