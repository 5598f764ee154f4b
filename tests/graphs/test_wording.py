from __future__ import annotations

import pytest

from archsmith.graphs.wording import words


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("NormalCell", "Normal cell"),
        ("ConvBnRelu", "Convolution, batch norm, ReLU"),
        ("SepConv", "Separable convolution"),
        ("DilSepConv", "Dilated separable convolution"),
        ("AvgPool", "Average pool"),
        ("MBConv", "MB convolution"),
        ("ENASCell", "ENAS cell"),
        ("Block2", "Block 2"),
        ("cell", "Cell"),
        ("", "Part"),
        ("Entrée", "Entrée"),
        ("ÉtageConv2", "Étage convolution 2"),
        ("Entre\u0301e", "Entrée"),
        ("入口", "入口"),
        ("हिन्दी", "हिन्दी"),
    ],
)
def test_kinds_in_words(kind: str, expected: str) -> None:
    assert words(kind) == expected
