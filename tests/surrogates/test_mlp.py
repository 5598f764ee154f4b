from __future__ import annotations

import numpy as np

from archsmith.core.growth import Alphabet
from archsmith.surrogates.mlp import Mlp

PAIRS = Alphabet(vocabularies=(3, 2), slots=(0, 0, 1), layout=(0, 1, 2))


def test_the_gradients_are_those_of_the_l1_loss() -> None:
    rng = np.random.default_rng(0)
    model = Mlp(PAIRS, 2, rng)
    x = model.encode(rng.integers(0, 2, (6, 6)).astype(np.int16))
    y, mask = rng.random(6).astype(np.float32), (rng.random((2, 6)) < 0.8).astype(np.float32)
    parameters = [*model.embeddings, *model.first, model.second, model.last, *model.biases]
    for parameter in parameters:
        parameter *= 2.0  # away from the flat middle of the sigmoid
    for bias in model.biases:
        bias += 0.1  # and from the kinks of ReLU

    def loss() -> float:
        share = mask / mask.sum(axis=1, keepdims=True)
        return float((np.abs(model.predict(x) - y).astype(np.float64) * share).sum())

    for parameter, gradient in zip(parameters, model._gradients(x, y, mask), strict=True):
        assert gradient.shape == parameter.shape
        direction = np.sign(gradient)
        step = 1e-3 / max(1.0, float(np.abs(direction).sum()) ** 0.5)
        parameter += step * direction
        above = loss()
        parameter -= 2 * step * direction
        below = loss()
        parameter += step * direction
        assert np.isclose((above - below) / (2 * step), np.abs(gradient).sum(), rtol=0.05, atol=1e-3)
