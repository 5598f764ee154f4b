"""Bundles: exported networks. A bundle is a folder that predicts without this library's training side, can be read, and
says where it came from.

``from archsmith.bundle import Predictor`` is the door for somebody who received a bundle; it loads onnxruntime, numpy
and Pillow, never torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archsmith.bundle.predictor import Predictor as Predictor


def __getattr__(name: str) -> Any:
    # Only when asked for: importing this package must stay free of onnxruntime.
    if name == "Predictor":
        from archsmith.bundle.predictor import Predictor

        return Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
