"""The kinds of scopes in words, for drawings and docstrings."""

from __future__ import annotations

import re

_FULL = {
    "Conv": "convolution",
    "Bn": "batch norm",
    "Relu": "ReLU",
    "Sep": "separable",
    "Dil": "dilated",
    "Avg": "average",
}
_ELEMENTS = ("convolution", "batch norm", "ReLU")


def words(kind: str) -> str:
    """``NormalCell`` as ``Normal cell``, ``ConvBnRelu`` as ``Convolution, batch norm, ReLU``; abbreviations in capitals
    stay.
    """
    found = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|\d+", kind)
    parts = [_FULL.get(part, part if part.isupper() else part.lower()) for part in found] or ["part"]
    text = (", " if all(part in _ELEMENTS for part in parts) else " ").join(parts)
    return text[0].upper() + text[1:]
