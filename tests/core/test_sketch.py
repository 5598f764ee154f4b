from __future__ import annotations

import dataclasses

import pytest

from archsmith.core.sketch import Sketch


def test_what_is_no_network_has_no_paths() -> None:
    sketch = Sketch({"op": "conv"})
    assert sketch.paths is None
    assert dict(sketch.numbers) == {}


def test_a_sketch_is_never_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Sketch({}).live = {}  # type: ignore[misc]
