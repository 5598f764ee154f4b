from __future__ import annotations

from typing import Any

import pytest

from archsmith.bundle.listing import listing
from archsmith.bundle.manifest import Preprocessing


@pytest.mark.parametrize("classes", [("a", 'quote"d', "new\nline", "ünï"), tuple(f"class number {i}" for i in range(300))])
def test_constants_survive_the_text(tiny: Any, classes: tuple[str, ...]) -> None:
    graph, _ = tiny(3, 16, 12)
    settings = Preprocessing(16, 12, 3, (0.1, 0.2, 1 / 3), (0.25, 0.5, 0.2), 1.25)
    text = listing(graph, settings, classes)
    namespace: dict[str, Any] = {"__name__": "network"}
    exec(compile(text, "network.py", "exec"), namespace)
    assert namespace["CLASSES"] == classes
    assert (namespace["MEAN"], namespace["STD"], namespace["TEMPERATURE"]) == (settings.mean, settings.std, settings.temperature)
    assert max(map(len, text.splitlines())) <= 150


def test_same_input_same_text(tiny: Any) -> None:
    settings = Preprocessing(16, 12, 3, (0.1, 0.2, 0.3), (0.25, 0.5, 0.2))
    assert listing(tiny(3, 16, 12)[0], settings, "abcd") == listing(tiny(3, 16, 12)[0], settings, "abcd")
