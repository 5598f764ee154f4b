from __future__ import annotations

import io
import threading
import time

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.images import decode_all as decoding
from archsmith.data.images.array_pictures import Arrays
from archsmith.data.images.decode_all import decoded, rate
from archsmith.data.images.encoded import Contents


def contents(n: int, size: int = 9) -> Contents:
    found = []
    for index in range(n):
        buffer = io.BytesIO()
        Image.new("L", (size, size), index % 256).save(buffer, "PNG")
        found.append(buffer.getvalue())
    return Contents(found)


@pytest.mark.parametrize(
    "pictures",
    [contents(150), Arrays(np.arange(150, dtype=np.uint8)[:, None, None] * np.ones((1, 9, 9), np.uint8), 1.0)],
)
def test_all_come_in_order_and_at_one_size(pictures: Contents) -> None:
    found = list(decoded(pictures, np.arange(10, 150, 3), (4, 4, 1), 81))
    assert [item.index for item in found] == list(range(10, 150, 3))
    assert [int(item.pixels[0, 0, 0]) for item in found if item.pixels is not None] == list(range(10, 150, 3))
    assert found[0].pixels is not None
    assert found[0].pixels.shape == (4, 4, 1)


def test_broken_ones_come_as_errors_in_their_place() -> None:
    broken = contents(40)
    broken.contents = [*broken.contents[:7], b"nothing", *broken.contents[8:]]
    found = list(decoded(broken, np.arange(40), (4, 4, 1), 81))
    assert [item.index for item in found if item.error is not None] == [7]


def test_content_is_fetched_in_order_by_one_thread() -> None:
    seen: list[tuple[int, int]] = []

    class Watched(Contents):
        def content(self, index: int) -> bytes:
            seen.append((threading.get_ident(), index))
            if index == 3:
                raise DataError("gone")
            return super().content(index)

    found = list(decoded(Watched(contents(100).contents), np.arange(100), (4, 4, 1), 81))
    assert seen == [(threading.get_ident(), index) for index in range(100)]
    assert found[3].error is not None


def test_a_slow_picture_does_not_keep_anybody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    real = decoding.images.decode
    monkeypatch.setattr(decoding.images, "decode", lambda *args: (time.sleep(0.4), real(*args))[1])
    monkeypatch.setattr(decoding, "PATIENCE", 0.05)
    ticks: list[float] = []
    assert len(list(decoded(contents(1), np.arange(1), (4, 4, 1), 81, lambda: ticks.append(time.monotonic())))) == 1
    assert len(ticks) > 4


def test_an_interruption_leaves_no_thread_behind() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(decoded(contents(300), np.arange(300), (4, 4, 1), 81, stop))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("archsmith-decode")]


def test_the_rate_is_measured_on_a_few() -> None:
    assert rate(contents(400), (4, 4, 1), 81) > 100
    assert rate(contents(1), (4, 4, 1), 81) > 1
    assert rate(Arrays(np.zeros((3, 9, 9), np.uint8), 1.0), (4, 4, 1), 81) == decoding.PLAIN_RATE
