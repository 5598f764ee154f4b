"""Temperature scaling: one number that makes probabilities as high as predictions are accurate. It changes no predicted
class.

Source: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks" (2017, arXiv 1706.04599), section 4.2:
logits are divided by the temperature that minimises the log loss on the validation split. The log loss is convex in 1 /
temperature, so its slope is bisected; no optimiser is needed.

Where few validation examples are wrong, and above all where none is, that would make the network as sure as it can be.
So it is made surer only as if one example more had been wrong: of n + 2, as in Platt, "Probabilistic outputs for
support vector machines and comparisons to regularized likelihood methods" (1999), section 2.2.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

COLDEST, HOTTEST = 0.25, 4.0  # a temperature beyond these comes from too few validation examples, or from an error
HALVINGS = 40


def temperature(outputs: ArrayLike, labels: ArrayLike) -> float:
    """The temperature in [0.25, 4] by which logits ``outputs`` ``(n, k)`` are divided for the least log loss on the
    class indexes ``labels`` ``(n,)``, or one nearer to 1 than that would be below; 1.0 where none makes it lower.
    """
    logits = np.asarray(outputs, dtype=np.float64)
    truth = np.asarray(labels, dtype=np.int64)
    if not len(truth) or not np.isfinite(logits).all():
        return 1.0
    rows = np.arange(len(truth))
    own = logits[rows, truth]
    found = _least(logits, own)
    if found < 1:
        others = logits.copy()
        others[rows, truth] = -np.inf
        wrong = 1 / (len(truth) + 2)
        found = min(1.0, _least(logits, (1 - wrong) * own + wrong * others.max(1)))
    return found if _log_loss(logits / found, truth) < _log_loss(logits, truth) else 1.0


def _least(logits: NDArray[np.float64], own: NDArray[np.float64]) -> float:
    """The temperature of the least log loss. ``own``: what the logits of the truth are on average, for each row."""
    low, high = 1 / HOTTEST, 1 / COLDEST  # of 1 / temperature; the slope rises between them
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        slope = float(((_softmax(middle * logits) * logits).sum(1) - own).mean())
        low, high = (middle, high) if slope < 0 else (low, middle)
    return round(1 / math.sqrt(low * high), 4)


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    result: NDArray[np.float64] = powers / powers.sum(1, keepdims=True)
    return result


def _log_loss(logits: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    shifted = logits - logits.max(1, keepdims=True)
    return float((np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(truth)), truth]).mean())
