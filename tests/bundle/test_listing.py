from __future__ import annotations

from typing import Any

import pytest

from archsmith.bundle import Predictor
from archsmith.bundle.listing import listing
from archsmith.bundle.manifest import Preprocessing
from archsmith.core.task import Output


@pytest.mark.parametrize(
    "classes", [("a", 'quote"d', "new\nline", "ünï"), tuple(f"class number {i}" for i in range(300))]
)
def test_constants_survive_the_text(tiny: Any, classes: tuple[str, ...]) -> None:
    graph, _ = tiny(3, 16, 12)
    settings = Preprocessing(16, 12, 3, (0.1, 0.2, 1 / 3), (0.25, 0.5, 0.2), 1.25)
    text = listing(graph, settings, Output("class", "classes", len(classes), classes))
    namespace: dict[str, Any] = {"__name__": "network"}
    exec(compile(text, "network.py", "exec"), namespace)
    assert namespace["CLASSES"] == classes
    assert (namespace["MEAN"], namespace["STD"], namespace["TEMPERATURE"]) == (
        settings.mean,
        settings.std,
        settings.temperature,
    )
    assert max(map(len, text.splitlines())) <= 150


def test_same_input_same_text(tiny: Any) -> None:
    settings = Preprocessing(16, 12, 3, (0.1, 0.2, 0.3), (0.25, 0.5, 0.2))
    output = Output("class", "classes", 4, tuple("abcd"))
    assert listing(tiny(3, 16, 12)[0], settings, output) == listing(tiny(3, 16, 12)[0], settings, output)


def test_a_number_comes_in_its_own_unit(numbers: Any) -> None:
    """The text alone predicts what the bundle predicts."""
    import torch

    text = (numbers.folder / "network.py").read_text(encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": "network"}
    exec(compile(text, "network.py", "exec"), namespace)
    network = namespace["load"](str(numbers.folder / "weights.safetensors"))
    values = namespace["predict"](network, torch.from_numpy(numbers.raw[0][None]))
    assert values.shape == (1,)
    assert values.numpy() == pytest.approx(Predictor(numbers.folder).predict(numbers.raw[0]), rel=1e-6)
    assert namespace["TARGET"] == "year"
    assert "-> number (N, 1)" in text and "CLASSES" not in text
