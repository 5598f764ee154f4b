"""``onnx_bytes`` is held by the tests of exporting: its result is what they compare."""

from __future__ import annotations

import torch

from archsmith.bundle.model import meaning
from archsmith.bundle.output import ModelOutput


def test_logits_become_probabilities_at_the_temperature() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 4.0]])
    output = ModelOutput("probabilities", "classification", ("a", "b"), temperature=2.0)
    assert torch.allclose(meaning(output)(logits), torch.softmax(logits / 2, dim=1))


def test_standard_units_become_those_of_the_target() -> None:
    output = ModelOutput("value", "regression", target="age", mean=30.0, std=10.0)
    assert torch.equal(meaning(output)(torch.tensor([[0.0], [-1.5]])), torch.tensor([[30.0], [15.0]]))
