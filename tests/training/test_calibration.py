from __future__ import annotations

import numpy as np
import pytest
import torch

from archsmith.training.calibration import temperature


def sample(scale: float, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits that say ``scale`` times what is true."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (n, 5))
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (chances.cumsum(1) < rng.random((n, 1))).sum(1)
    return scale * logits, labels


@pytest.mark.parametrize("scale", [0.5, 2.0, 3.0])
def test_it_finds_what_the_logits_were_multiplied_with(scale: float) -> None:
    logits, labels = sample(scale)
    assert temperature(logits, labels) == pytest.approx(scale, rel=0.05)
    assert temperature(torch.from_numpy(logits).float(), labels) == pytest.approx(temperature(logits, labels), abs=1e-3)


def test_no_temperature_does_better() -> None:
    logits, labels = sample(2.0)
    found = temperature(logits, labels)

    def loss(t: float) -> float:
        return float(torch.nn.functional.cross_entropy(torch.from_numpy(logits / t), torch.from_numpy(labels)))

    assert loss(found) <= min(loss(t) for t in np.linspace(0.25, 4.0, 200)) + 1e-9


def test_it_is_bounded() -> None:
    logits, labels = sample(30.0)
    assert temperature(logits, labels) == 4.0
    right = np.eye(5)[labels]
    assert temperature(right, labels) == 0.25


@pytest.mark.parametrize("n", [6, 44, 400])
def test_without_a_mistake_it_is_no_surer_than_its_examples_can_show(n: int) -> None:
    """So many were all right: about one in n + 2 may be wrong."""
    labels = np.arange(n) % 3
    logits = 2.0 * np.eye(3)[labels]
    found = temperature(logits, labels)
    sure = 1 / (1 + 2 * np.exp(-2 / found))
    assert found <= 1 and sure == pytest.approx(max(1 - 1 / (n + 2), 0.787), abs=0.01) and sure < 1 - 1 / (2 * n)
    surer = 8.0 * np.eye(3)[labels]
    assert temperature(surer, labels) == 1.0 if n < 400 else temperature(surer, labels) <= 1.0


def test_where_nothing_helps_it_is_exactly_one() -> None:
    assert temperature(np.zeros((6, 3)), np.array([0, 1, 2, 0, 1, 2])) == 1.0
    assert temperature(np.zeros((0, 3)), np.zeros(0)) == 1.0
    assert temperature(np.full((2, 3), np.nan), np.array([0, 1])) == 1.0


def test_huge_logits_do_not_overflow() -> None:
    assert 0.25 <= temperature(np.array([[1e6, -1e6], [1e6, 0.0]]), np.array([0, 1])) <= 4.0
