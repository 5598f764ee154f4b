"""How far off the predictions of a regression are on the test split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsmith.analysis.axes import Axis, axis, of_data
from archsmith.analysis.charts import NARROW_SQUARE, WIDE_SQUARE, Dots, Layer, Line, Size, both, plot
from archsmith.analysis.report import figures
from archsmith.analysis.report.kind import target_name, words_of
from archsmith.analysis.report.section import Section
from archsmith.analysis.study import Study
from archsmith.analysis.wording import decimals, from_data, short
from archsmith.core import metrics

MOST_DOTS = 800
ALWAYS_SHOWN = 20  # of the worst predictions
LEAST = 30  # test examples, fewer than which show no tendency

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Errors:
    """How far predictions are off.

    lead: typical errors, and whether they lean to one side
    name: what the regression target is called
    dots: (true, predicted) of those that are drawn
    errors: predicted less true, of all
    n_left_out: how many are not drawn
    table: (name, value as text)
    """

    lead: str
    name: str
    dots: tuple[tuple[float, float], ...]
    errors: Floats
    n_left_out: int
    table: tuple[tuple[str, str], ...]


def errors_of(study: Study) -> Errors | None:
    """None of a classification, or where the predictions were not kept."""
    test = study.test
    if test is None or test.outputs.ndim != 1:
        return None
    truth, predicted = test.labels.astype(np.float64), test.outputs.astype(np.float64)
    errors = predicted - truth
    half, most = np.quantile(np.abs(errors), (0.5, 0.9))
    lead = f"Half of the predictions are within {short(half)} of the truth, nine of ten within {short(most)}."
    shown = _shown(errors)
    dots = tuple((float(truth[i]), float(predicted[i])) for i in shown)
    r2 = metrics.r2(predicted, truth)
    table = (
        ("mean absolute error", short(metrics.mae(predicted, truth))),
        ("root mean squared error", short(metrics.rmse(predicted, truth))),
        ("R² (1 is perfect; predicting the mean gives 0)", f"{r2:.{decimals(r2, 3)}f}"),
        ("mean absolute error of predicting the mean", short(np.abs(truth - truth.mean()).mean())),
        (f"test {words_of(study).many}", f"{len(truth):,}"),
    )
    return Errors(lead + _tendency(truth, errors), target_name(study), dots, errors, len(truth) - len(dots), table)


def _shown(errors: Floats) -> NDArray[np.int64]:
    """Which predictions are drawn: of many a regular choice, and the worst ones always."""
    n = len(errors)
    chosen = np.arange(n) if n <= MOST_DOTS else np.linspace(0, n - 1, MOST_DOTS).astype(np.int64)
    return np.union1d(chosen, np.argsort(-np.abs(errors), kind="stable")[:ALWAYS_SHOWN])


def _tendency(truth: Floats, errors: Floats) -> str:
    """Do the predictions lean to one side, or to the middle?"""
    n, spread = len(errors), float(errors.std())
    if n < LEAST or not spread:
        return ""
    lean = float(errors.mean())
    text = ""
    if abs(lean) > 3 * spread / np.sqrt(n) and abs(lean) > 0.1 * spread:
        text = f" On average a prediction is {short(abs(lean))} too {'high' if lean > 0 else 'low'}."
    if truth.std() and float(np.cov(truth, errors)[0, 1] / truth.var()) < -0.2:
        text += " Predictions keep towards the middle: large targets come out too low and small ones too high."
    return text


def drawings(study: Study, facts: Errors) -> dict[str, str]:
    """Predicted against true, and how the errors are spread."""
    title = "how often errors of each size occur"
    spread = figures.histogram(facts.errors, "predicted less true", words_of(study).many, title)
    return {"predicted": _predicted(facts), "errors": spread}


def _predicted(facts: Errors) -> str:
    if len(facts.dots) < 2:
        return ""
    values = [value for dot in facts.dots for value in dot]
    x = axis(f"true {facts.name}", values, show=of_data(min(values), max(values)))
    y = Axis(f"predicted {facts.name}", x.low, x.high, show=x.show)

    def draw(size: Size) -> str:
        wide = size.name == "wide"
        dots = [(a, b, f"true {from_data(a)}, predicted {from_data(b)}" if wide else "") for a, b in facts.dots]
        exact = Line([(x.low, x.low), (x.high, x.high)], "faint", dashed=True)
        layers: list[Layer] = [exact, Dots(dots, "c1", "circle", 2.5)]
        return plot(size, x, y, layers, "predicted against true targets")

    return both(draw, NARROW_SQUARE, WIDE_SQUARE)


SECTION = Section("errors", "How far off it is", errors_of, drawings)
