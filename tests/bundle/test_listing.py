from __future__ import annotations

from typing import Any

import pytest

from archsmith.bundle import Predictor
from archsmith.bundle.images import ImageIntake
from archsmith.bundle.listing import listing
from archsmith.bundle.output import ModelOutput


@pytest.mark.parametrize(
    "classes", [("a", 'quote"d', "new\nline", "ünï"), tuple(f"class number {i}" for i in range(300))]
)
def test_constants_survive_the_text(tiny: Any, classes: tuple[str, ...]) -> None:
    graph, _ = tiny(3, 16, 12)
    intake = ImageIntake(16, 12, 3, (0.1, 0.2, 1 / 3), (0.25, 0.5, 0.2))
    text = listing(graph, intake.exporter(), ModelOutput("probabilities", "classification", classes, 1.25))
    namespace: dict[str, Any] = {"__name__": "network"}
    exec(compile(text, "network.py", "exec"), namespace)
    assert namespace["CLASSES"] == classes
    assert (namespace["MEAN"], namespace["STD"], namespace["TEMPERATURE"]) == (intake.mean, intake.std, 1.25)
    assert max(map(len, text.splitlines())) <= 150


def test_same_input_same_text(tiny: Any) -> None:
    exporter = ImageIntake(16, 12, 3, (0.1, 0.2, 0.3), (0.25, 0.5, 0.2)).exporter()
    output = ModelOutput("probabilities", "classification", tuple("abcd"))
    assert listing(tiny(3, 16, 12)[0], exporter, output) == listing(tiny(3, 16, 12)[0], exporter, output)


def test_a_regression_target_comes_in_its_own_unit(years: Any) -> None:
    """The text alone predicts what the bundle predicts."""
    import torch

    text = (years.folder / "network.py").read_text(encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": "network"}
    exec(compile(text, "network.py", "exec"), namespace)
    network = namespace["load"](str(years.folder / "weights.safetensors"))
    values = namespace["predict"](network, torch.from_numpy(years.raw[0][None]))
    assert values.shape == (1,)
    assert values.numpy() == pytest.approx(Predictor(years.folder).predict(years.raw[0]), rel=1e-6)
    assert namespace["TARGET"] == "year"
    assert "-> value (N, 1)" in text and "CLASSES" not in text
