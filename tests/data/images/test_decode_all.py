from __future__ import annotations

import io
import threading
import time
from typing import Any

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


class Clock:
    """Time that passes while pictures are decoded by the real decoder, and at no other time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float, first: float | None = None) -> None:
        self.now, self.n, self._lock, real = 0.0, 0, threading.Lock(), decoding.images.decode

        def decode(*args: Any) -> Any:
            found = real(*args)
            with self._lock:
                self.now += seconds if self.n or first is None else first
                self.n += 1
            return found

        monkeypatch.setattr(decoding.images, "decode", decode)

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("n", "size", "seconds"), [(713, 9, 0.027), (40, 900, 0.4), (40, 9, 0.001), (1, 9, 3.0)])
def test_every_picture_that_was_decoded_in_the_time_counts(
    n: int, size: int, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = contents(n, size)
    clock = Clock(monkeypatch, seconds)
    assert rate(found, (4, 4, 1), size * size, clock) == pytest.approx(1 / seconds)
    assert clock.now <= seconds + decoding.MEASURED_SECONDS + decoding.MAX_THREADS * seconds


def test_what_it_takes_to_get_ready_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, 0.01, first=20.0)
    assert rate(contents(400), (4, 4, 1), 81, clock) == pytest.approx(100)


def test_the_rate_is_measured_on_pictures_from_all_over_the_set() -> None:
    seen: list[int] = []

    class Watched(Contents):
        def content(self, index: int) -> bytes:
            seen.append(index)
            return super().content(index)

    rate(Watched(contents(1000).contents), (4, 4, 1), 81, lambda: 0.0)
    assert max(seen) == 999 and len(set(seen)) == decoding.MEASURED_RUNS * decoding.MEASURED_RUN
    assert max(seen[:33]) > 850


def test_broken_pictures_do_not_stop_the_measurement() -> None:
    assert rate(Contents([b"nothing"] * 20), (4, 4, 1), 81) > 0


def test_where_nothing_is_decoded_nothing_is_measured() -> None:
    assert rate(Arrays(np.zeros((3, 9, 9), np.uint8), 1.0), (4, 4, 1), 81) == decoding.PLAIN_RATE
