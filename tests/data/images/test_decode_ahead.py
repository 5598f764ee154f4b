"""Pictures that are decoded ahead: their order, what is broken, and how much is in memory."""

from __future__ import annotations

import io
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.images import decode_ahead, decode_all
from archsmith.data.images.array_pictures import Arrays
from archsmith.data.images.decode import Pixels
from archsmith.data.images.decode_ahead import decoded_ahead
from archsmith.data.images.encoded import Contents
from archsmith.data.images.pictures import Files, joined


def png(height: int, width: int, grey: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (width, height), grey).save(buffer, "png")
    return buffer.getvalue()


def told(found: Any) -> str:
    return found.message if isinstance(found, DataError) else f"{found.shape[0]}x{found.shape[1]} {found[0, 0, 0]}"


@pytest.mark.parametrize("sides", [[3] * 90, [3] * 50 + [1200] * 3 + [3] * 20, [900, 3] * 10])
def test_small_and_large_pictures_keep_their_order(sides: list[int]) -> None:
    contents = Contents([png(side, 2, place) for place, side in enumerate(sides)])
    found = list(decoded_ahead(contents, range(len(sides)), 1))
    assert [told(one) for one in found] == [f"{side}x2 {place}" for place, side in enumerate(sides)]


def test_only_what_is_asked_for_is_decoded() -> None:
    contents = Contents([png(3, 2, place) for place in range(9)])
    assert [told(one) for one in decoded_ahead(contents, [1, 4, 8], 1)] == ["3x2 1", "3x2 4", "3x2 8"]


def test_broken_pictures_are_named_and_the_others_keep_their_places(tmp_path: Path) -> None:
    contents = Contents([png(3, 2, 0), b"no picture", png(3, 2, 2)], ["a", "b", "c"])
    (tmp_path / "x.png").write_bytes(png(3, 2, 3))
    pictures = joined([contents, Files(tmp_path, ["gone.png", "x.png"])])
    found = [told(one) for one in decoded_ahead(pictures, range(5), 1)]
    assert found[0] == "3x2 0" and found[2] == "3x2 2" and found[4] == "3x2 3"
    assert found[1].startswith("The picture 'b' cannot be read: it is broken") and "no file" in found[3]


def test_pictures_that_are_arrays_already() -> None:
    pictures = Arrays(np.arange(4, dtype=np.uint8).repeat(6).reshape(4, 3, 2), 1.0)
    assert [told(one) for one in decoded_ahead(pictures, range(4), 1)] == [f"3x2 {place}" for place in range(4)]


def test_memory_is_bounded_whatever_the_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_ahead, "AHEAD_PIXELS", 25_000)
    monkeypatch.setattr(decode_ahead, "available_cpus", lambda: 4)
    monkeypatch.setattr(decode_all, "GROUP_PIXELS", 1)
    held, most, lock = 0, 0, Lock()
    decode = decode_ahead.decode

    def counted(*given: Any, before: Any) -> Pixels:
        def entered(pixels: int) -> None:
            nonlocal held, most
            before(pixels)
            with lock:
                held += pixels
                most = max(most, held)

        return decode(*given, before=entered)

    monkeypatch.setattr(decode_ahead, "decode", counted)
    contents = Contents([png(100, 100, place) for place in range(40)])
    for _ in decoded_ahead(contents, range(40), 1):
        with lock:
            held -= 10_000
    # Two fit. The next one that is asked for may come in addition, and so may the one that is in use.
    assert 20_000 <= most <= 40_000


def test_a_reader_that_leaves_early_ends_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_ahead, "AHEAD_PIXELS", 1)
    contents = Contents([png(3, 2, place) for place in range(40)])
    coming: Any = decoded_ahead(contents, range(40), 1)
    next(coming)
    coming.close()  # would hang for ever if a thread still waited for room
    assert list(coming) == []
