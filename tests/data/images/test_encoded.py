from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.images.decode import Header
from archsmith.data.images.encoded import Contents
from archsmith.data.images.source import Pictures


def png(value: int = 7) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (6, 5), value).save(buffer, "PNG")
    return buffer.getvalue()


def test_bytes_are_looked_at_and_decoded() -> None:
    pictures = Contents([png(), png(9)])
    assert isinstance(pictures, Pictures)
    assert (len(pictures), pictures.header(1)) == (2, Header(5, 6, 1))
    assert np.array_equal(pictures.decode(1, 3), np.full((5, 6, 3), 9))


def test_views_of_bytes_will_do() -> None:
    assert Contents([memoryview(png())]).content(0) == png()  # type: ignore[list-item]


@pytest.mark.parametrize(("names", "name"), [(None, "number 1"), (["a.png", "b.png"], "b.png")])
@pytest.mark.parametrize("asked", ["header", "decode"])
def test_errors_name_the_picture(names: list[str] | None, name: str, asked: str) -> None:
    pictures = Contents([png(), b"nothing"], names)
    with pytest.raises(DataError, match=f"The picture '{name}'"):
        pictures.header(1) if asked == "header" else pictures.decode(1, 3)


def test_the_fingerprint_tells_where_one_picture_ends() -> None:
    assert Contents([b"ab", b"c"]).fingerprint() == Contents([b"ab", b"c"]).fingerprint()
    assert Contents([b"ab", b"c"]).fingerprint() != Contents([b"a", b"bc"]).fingerprint()


def test_what_only_lives_in_memory_has_no_spec() -> None:
    assert Contents([png()]).spec() is None
