"""Inputs and outputs of ``model.onnx`` as the Open Inference Protocol names them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

# Datatype of the protocol -> (onnxruntime's name of the type, numpy's).
DATATYPES: dict[str, tuple[str, np.dtype[Any]]] = {
    "BOOL": ("tensor(bool)", np.dtype(np.bool_)),
    "UINT8": ("tensor(uint8)", np.dtype(np.uint8)),
    "UINT16": ("tensor(uint16)", np.dtype(np.uint16)),
    "UINT32": ("tensor(uint32)", np.dtype(np.uint32)),
    "UINT64": ("tensor(uint64)", np.dtype(np.uint64)),
    "INT8": ("tensor(int8)", np.dtype(np.int8)),
    "INT16": ("tensor(int16)", np.dtype(np.int16)),
    "INT32": ("tensor(int32)", np.dtype(np.int32)),
    "INT64": ("tensor(int64)", np.dtype(np.int64)),
    "FP16": ("tensor(float16)", np.dtype(np.float16)),
    "FP32": ("tensor(float)", np.dtype(np.float32)),
    "FP64": ("tensor(double)", np.dtype(np.float64)),
    "BYTES": ("tensor(string)", np.dtype(object)),
}
BY_TYPE = {kind: name for name, (kind, _) in DATATYPES.items()}


@dataclass(frozen=True)
class Tensor:
    """One input or output of a model.

    ``name``: as the model calls it.
    ``datatype``: as the protocol calls it, such as ``UINT8``; texts are ``BYTES``.
    ``shape``: -1 stands for any length.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """numpy's type of the values."""
        return DATATYPES[self.datatype][1]

    def takes(self, shape: tuple[int, ...]) -> bool:
        """May an array have this shape?"""
        return len(shape) == len(self.shape) and all(
            wanted in (-1, length) for wanted, length in zip(self.shape, shape, strict=True)
        )

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


def tensors(entries: Iterable[Any]) -> tuple[Tensor, ...]:
    """Of the inputs or outputs of an onnxruntime session. Raises KeyError for a type that the protocol lacks."""
    return tuple(
        Tensor(entry.name, BY_TYPE[entry.type], tuple(n if isinstance(n, int) else -1 for n in entry.shape))
        for entry in entries
    )
