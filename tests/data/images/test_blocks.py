"""Blocks of pictures in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.images.blocks import checked, with_channels


@pytest.mark.parametrize(
    "block, said",
    [
        (np.zeros((1, 2, 2, 1)), "float64"),
        (np.zeros((1, 2, 2, 1), np.int64), "int64"),
        (np.zeros((1, 2, 2, 5), np.uint8), "5 channels"),
        (np.zeros((1, 0, 2, 1), np.uint8), "no pixels"),
    ],
)
def test_what_is_no_block_is_refused(block: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        checked(block)


def test_a_stack_is_converted_as_each_picture_alone() -> None:
    block = np.random.default_rng(0).integers(0, 256, (4, 3, 5, 4), dtype=np.uint8)
    for channels in (1, 3):
        together = with_channels(block, channels)
        assert together.shape == (4, 3, 5, channels)
        for place in range(4):
            assert np.array_equal(together[place], with_channels(block[place : place + 1], channels)[0])


def test_a_stack_may_be_taller_than_a_picture() -> None:
    block = np.zeros((300, 320, 2, 4), np.uint8)
    block[:, 7, 1] = [9, 8, 7, 255]
    block[299, 0, 0] = [1, 2, 3, 255]
    found = with_channels(block, 3)
    assert found.shape == (300, 320, 2, 3) and (found[:, 7, 1] == [9, 8, 7]).all()
    assert found[299, 0, 0].tolist() == [1, 2, 3] and (found[298, 0, 0] == 255).all()


def test_a_picture_that_is_too_tall_is_refused_as_its_file_is() -> None:
    with pytest.raises(DataError, match="a side of more than"):
        with_channels(np.zeros((1, 70_000, 1, 4), np.uint8), 3)


def test_grey_becomes_three_equal_channels() -> None:
    block = np.arange(6, dtype=np.uint8).reshape(1, 2, 3, 1)
    assert np.array_equal(with_channels(block, 3), np.repeat(block, 3, axis=3))
    assert with_channels(block, 1) is block
