"""Which reader takes what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archsmith.core.errors import DataError
from archsmith.data.images.read import read
from archsmith.data.labels import target


def test_digits_are_bytes() -> None:
    source = read("digits")
    header = source.pictures.header(0)
    assert len(source) == 1797
    assert (header.height, header.width, header.channels) == (8, 8, 1)
    assert max(int(source.pictures.decode(i, 1).max()) for i in range(20)) == 255
    assert target(source).classes == tuple("0123456789")
    assert set(source.split) == {0}


def test_what_was_read_already_is_taken_as_it_is() -> None:
    source = read("digits")
    assert read(source) is source


@pytest.mark.parametrize(
    ("source", "words"), [(42, "int"), ("/nowhere/at/all", "no file or folder"), ("a\0b", "no file or folder")]
)
def test_bad_input_is_one_sentence_with_a_hint(source: Any, words: str) -> None:
    with pytest.raises(DataError) as caught:
        read(source)
    assert words in str(caught.value) and caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("data.npz", b"", "is empty"), ("model.pkl", b"\x80\x04.", "cannot be read as")],
)
def test_bad_files(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words):
        read(tmp_path / name)
