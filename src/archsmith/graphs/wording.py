"""The kinds of scopes in words, for drawings and docstrings."""

from __future__ import annotations

import re
import unicodedata

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
    text = unicodedata.normalize("NFC", kind)
    cases = "".join(_case(letter) for letter in text)
    found = [text[slice(*part.span())] for part in re.finditer(r"A+(?!a)|Aa*|a+|\d+", cases)]
    parts = [_FULL.get(part, part if part.isupper() else part.lower()) for part in found] or ["part"]
    text = (", " if all(part in _ELEMENTS for part in parts) else " ").join(parts)
    return text[0].upper() + text[1:]


def _case(letter: str) -> str:
    """``A`` for a capital and ``a`` for another letter or an accent of any script; what is no letter as it is."""
    if letter.isupper():
        return "A"
    return "a" if letter.isalpha() or unicodedata.category(letter).startswith("M") else letter
