from __future__ import annotations

import numpy as np
import pytest

from archsmith.core.errors import DataError, UsageError
from archsmith.data.images import sizes as sizing
from archsmith.data.images.array_pictures import Arrays
from archsmith.data.images.decode import Header, Pixels
from archsmith.data.images.sizes import sizes_of


def pictures(*shapes: tuple[int, int, int]) -> Arrays:
    return Arrays([np.zeros(shape, np.uint8) for shape in shapes], 1.0)


def test_small_pictures_of_one_size_stay_as_they_are() -> None:
    found = sizes_of(pictures((30, 20, 1), (30, 20, 1)))
    assert found.shape == (30, 20, 1)
    assert not found.resized
    assert found.notes() == ()


def test_others_come_to_a_square_of_the_median_side() -> None:
    assert sizes_of(pictures((30, 20, 3), (40, 40, 3), (50, 40, 3))).shape == (40, 40, 3)
    assert sizes_of(pictures((300, 200, 3)), side=96).shape == (96, 96, 3)


@pytest.mark.parametrize(("n", "side"), [(1, 128), (1024, 128), (1025, 96), (1820, 96), (1821, 64), (60_000, 64)])
def test_few_pictures_keep_more_pixels(n: int, side: int) -> None:
    assert sizes_of(Many(n, side=300)).shape == (side, side, 1)
    assert sizes_of(Many(n, side=40)).shape == (40, 40, 1)


def test_what_is_done_is_said() -> None:
    notes = sizes_of(pictures((100, 80, 3), (20, 20, 1))).notes()
    assert notes == (
        "Pictures from 20 x 20 to 100 x 80 (height x width) were resized to 55 x 55.",
        "Grey and coloured pictures are mixed; all are taken as coloured.",
    )
    assert sizes_of(pictures((200, 180, 3))).notes() == (
        "Pictures of 200 x 180 (height x width) were resized to 128 x 128.",
    )


class Many:
    """More pictures than are looked at, every tenth one broken if so."""

    def __init__(self, n: int, *, broken: bool = False, side: int = 10) -> None:
        self.n, self.broken, self.side = n, broken, side
        self.asked: list[int] = []

    def __len__(self) -> int:
        return self.n

    def header(self, index: int) -> Header:
        self.asked.append(index)
        if self.broken and len(self.asked) % 10 == 0:
            raise DataError("broken")
        return Header(self.side, self.side, 1)

    def decode(self, index: int, channels: int) -> Pixels:
        raise AssertionError

    def name(self, index: int) -> str:
        return str(index)

    def fingerprint(self) -> str:
        return ""

    def spec(self) -> None:
        return None


def test_of_many_pictures_a_sample_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizing, "LOOKED_AT", 50)
    many = Many(10_000)
    sizes_of(many)
    assert len(many.asked) == 50
    assert (min(many.asked), max(many.asked)) == (0, 9_999)


def test_a_sample_is_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizing, "LOOKED_AT", 50)
    assert sizes_of(Many(10_000, side=200)).notes() == (
        "In a sample of 50, pictures are of 200 x 200 (height x width); all were resized to 64 x 64.",
    )
    with pytest.raises(DataError, match="5 of 50 pictures that were looked at cannot be read"):
        sizes_of(Many(10_000, broken=True))


def test_many_broken_pictures_are_refused_at_once() -> None:
    with pytest.raises(DataError, match="10 of 100 pictures cannot be read"):
        sizes_of(Many(100, broken=True))


@pytest.mark.parametrize("side", [0, 3, 5000])
def test_a_senseless_side_is_refused(side: int) -> None:
    with pytest.raises(UsageError, match="side"):
        sizes_of(pictures((30, 20, 3)), side=side)
