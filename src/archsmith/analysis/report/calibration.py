"""How far the probabilities of the exported network can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from archsmith.analysis import axes
from archsmith.analysis.axes import Axis, axis
from archsmith.analysis.charts import NARROW_SQUARE, WIDE_SQUARE, Dots, Layer, Line, Size, both, plot
from archsmith.analysis.report.kind import Words, words_of
from archsmith.analysis.report.section import Section, Term
from archsmith.analysis.study import Study
from archsmith.analysis.wording import points, share
from archsmith.core import metrics
from archsmith.core.metrics import ReliabilityBin

CALIBRATED = 0.03  # an expected calibration error up to this is called good
FEW = 500  # test examples, fewer than which leave the error uncertain
TOLD = 0.002  # a change of the error that is told
LEAST_DRAWN = 5  # test examples of one level of confidence; the rate of fewer is luck, and is not drawn


@dataclass(frozen=True)
class Calibration:
    """How confidence and accuracy agree on the test split.

    lead: may the probabilities be believed?
    after: bins of the exported network
    before: bins of the same network without its temperature; empty where that changed nothing
    error_after: expected calibration error, 0..1
    error_before: the same without its temperature; None where that changed nothing
    least_drawn: test examples of a level of confidence that is drawn
    """

    lead: str
    after: tuple[ReliabilityBin, ...]
    before: tuple[ReliabilityBin, ...]
    error_after: float
    error_before: float | None
    least_drawn: int = LEAST_DRAWN

    def not_drawn(self, many: str) -> str:
        """A sentence on levels that are not drawn, with the word for ``many`` examples; empty where there are none."""
        few = any(0 < row.n < self.least_drawn for row in (*self.after, *self.before))
        return f"Levels of confidence with fewer than {self.least_drawn} {many} are not drawn." if few else ""


def calibration_of(study: Study) -> Calibration | None:
    """None of a regression, or where the predictions were not kept."""
    test = study.test
    if test is None or test.outputs.ndim == 1:
        return None
    labels = test.labels.astype(np.int64)
    after, error = metrics.reliability(test.outputs, labels), metrics.expected_calibration_error(test.outputs, labels)
    before: tuple[ReliabilityBin, ...] = ()
    error_before = None
    if test.raw is not None and not np.allclose(test.raw, test.outputs, atol=1e-4):
        before = metrics.reliability(test.raw, labels)
        error_before = metrics.expected_calibration_error(test.raw, labels)
    sure = float(test.outputs.max(axis=1).mean())
    right = float((test.outputs.argmax(axis=1) == labels).mean())
    lead = _lead(sure, right, error, error_before, len(labels), words_of(study))
    return Calibration(lead, after, before, error, error_before)


def _lead(sure: float, right: float, error: float, before: float | None, n: int, words: Words) -> str:
    text = f"On average the network is {share(sure)} sure of its prediction and right {share(right)} of the time."
    if error <= CALIBRATED:
        text += f" Level by level, the two are {points(error)} apart, which is little."
    elif abs(sure - right) < error / 2:
        text += (
            f" But level by level, the two are {points(error)} apart: some of its probabilities are too high and "
            "others too low. Take them as a rough guide."
        )
    else:
        text += (
            f" Level by level, the two are {points(error)} apart: it is too {'sure' if sure > right else 'modest'}. "
            "Take its probabilities as a rough guide."
        )
    if before is not None and abs(before - error) >= TOLD:
        text += f" Without calibration, which the validation split decides, it would be {points(before)}."
    if n < FEW:
        text += f" With only {words.amount(n, 'test')} this is uncertain."
    return text


def drawings(study: Study, facts: Calibration) -> dict[str, str]:
    """How often the network is right when it is so sure; on the diagonal its probabilities mean what they say."""
    words = words_of(study)
    before, after = ([row for row in bins if row.n >= LEAST_DRAWN] for bins in (facts.before, facts.after))
    if len(after) < 2:
        return {}  # one dot is no picture; the text says it all
    known = [value or 0.0 for row in (*after, *before) for value in (row.confidence, row.accuracy)]
    low = max(0.0, axis("", [*known, 1.0]).low)
    x = Axis("how sure it says it is", low, 1.0, show=axes.percent)
    y = Axis("how often it is right", low, 1.0, show=axes.percent)
    total = sum(row.n for row in after)

    def draw(size: Size) -> str:
        old = [(row.confidence or 0.0, row.accuracy or 0.0) for row in before]
        tips = [(a, b, f"before calibration: {share(a)} sure, {share(b)} right") for a, b in old]
        layers: list[Layer] = [
            Line([(low, low), (1.0, 1.0)], "faint", dashed=True),
            Line(old, "c3", dashed=True),
            Dots(tips, "c3", "ring", 3.5),
            Line([(row.confidence or 0.0, row.accuracy or 0.0) for row in after], "c1"),
        ]
        for row in after:
            sure, right = row.confidence or 0.0, row.accuracy or 0.0
            tip = f"{share(sure)} sure, {share(right)} right ({words.amount(row.n)})"
            layers.append(Dots([(sure, right, tip)], "c1", "circle", 3.0 + 7.0 * math.sqrt(row.n / total)))
        return plot(size, x, y, layers, "how often the network is right against how sure it is")

    return {"confidence": both(draw, NARROW_SQUARE, WIDE_SQUARE)}


def terms(facts: Calibration, words: Words) -> tuple[Term, ...]:
    explained = (
        "After training, all probabilities may be made sharper or softer, so that they mean what they say. "
        "One number does this, the temperature; it is found on the validation split. "
        "Calibration never changes which class is predicted."
    )
    return (("calibration", explained),)


SECTION = Section("calibration", "Can its confidence be trusted?", calibration_of, drawings, terms)
