from __future__ import annotations

import pytest

from archsmith.core.errors import DataError
from archsmith.data.names import Names

TEXTS = ["a", "", "Zürich/0.png", "\udcff.png", "b"]


def test_names_are_a_sequence_of_texts() -> None:
    names = Names(TEXTS)
    assert list(names) == TEXTS and names[-1] == "b" and list(names[1:3]) == TEXTS[1:3]
    with pytest.raises(IndexError, match="5 names"):
        names[5]


def test_packed_names_come_back_whole() -> None:
    assert list(Names.unpacked(Names(TEXTS).packed())) == TEXTS
    assert list(Names.unpacked(Names().packed())) == []


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(DataError, match="is no text"):
        Names(["\ud800.png"])
