"""Pictures as a server is sent them."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.bundle.image_requests import are_small, decoded, schema, sent_pixels

MOST = 1000


def png(pixels: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.array(pixels, np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_lists_are_taken_as_they_are() -> None:
    grey, colour = [[1, 2, 3], [4.0, 5, 255]], [[[1, 2, 3]], [[4, 5, 6]]]
    assert np.array_equal(sent_pixels(grey, 1, MOST), np.array(grey, np.uint8)[None, :, :, None])
    assert np.array_equal(sent_pixels({"image": colour}, 3, MOST), np.array(colour, np.uint8)[None])


def test_a_file_that_is_no_picture_is_named() -> None:
    assert str(decoded(b"text", 1, MOST, "cat.png")).startswith(
        "The picture 'cat.png' cannot be read: it is broken, or no picture"
    )


def test_channels_are_converted_as_files_are() -> None:
    colour = [[[10, 20, 30], [200, 100, 0]]]
    grey = [[7, 9]]
    assert np.array_equal(sent_pixels(colour, 1, MOST), decoded(png(colour), 1, MOST))
    assert np.array_equal(sent_pixels(grey, 3, MOST), decoded(png(grey), 3, MOST))


def test_a_file_in_base64_with_or_without_the_head_of_a_browser() -> None:
    text = base64.b64encode(png([[1, 2], [3, 4]])).decode()
    for given in (text, f"data:image/png;base64,{text}"):
        assert np.array_equal(sent_pixels({"image": given}, 1, MOST), np.array([[[[1], [2]], [[3], [4]]]]))


@pytest.mark.parametrize("given", [[[1] * 40] * 30, {"image": base64.b64encode(png([[1] * 40] * 30)).decode()}])
def test_too_many_pixels_are_refused(given: Any) -> None:
    said = sent_pixels(given, 1, MOST)
    assert isinstance(said, str) and "more than 1,000" in said


@pytest.mark.parametrize("pixels", [[[1] * 20_001], [[1]] * 20_001])
def test_a_long_side_is_refused(pixels: Any) -> None:
    for given in (pixels, {"image": base64.b64encode(png(pixels)).decode()}):
        said = sent_pixels(given, 1, 10**9)
        assert isinstance(said, str) and "20,000 on one side" in said


@pytest.mark.parametrize("channels", [1, 3])
def test_large_lists_are_read_in_parts(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (170, 1000, channels), dtype=np.uint8)
    nested = pixels.tolist() if channels > 1 else pixels[:, :, 0].tolist()
    assert np.array_equal(sent_pixels(nested, channels, 10**6), pixels[None])
    nested[-1] = [[1, 2]] * 1000
    said = sent_pixels(nested, channels, 10**6)
    assert isinstance(said, str) and ("differ" in said or "not made of" in said)


def test_a_small_file_can_be_a_large_picture() -> None:
    small, large = png([[1, 2], [3, 4]]), png([[0] * 1000] * 100)
    assert len(large) < 1000
    as_text = {"image": base64.b64encode(large).decode()}
    assert are_small([[[1]], small, {"image": base64.b64encode(small).decode()}, b"no picture", {"image": "?"}, None])
    assert not are_small([large]) and not are_small([[[1]], as_text]) and not are_small([small] * 100)


def test_texts_among_numbers_do_not_become_an_array() -> None:
    # numpy would give each value the memory of the longest
    said = sent_pixels([["x" * 1_000_000, *[1] * 500]], 1, MOST)
    assert isinstance(said, str) and "not made of lists of numbers" in said


@pytest.mark.parametrize("given", [{}, {"image": "x", "more": 1}, {"image": None}, "text", 3, None, [[[[1]]]], [[{}]]])
def test_anything_else_says_what_a_picture_is(given: Any) -> None:
    said = sent_pixels(given, 1, MOST)
    assert isinstance(said, str) and "nested lists of whole numbers" in said


@pytest.mark.parametrize("channels", [1, 3])
def test_the_schema_allows_any_height_width_and_channels(channels: int) -> None:
    lists = schema(5, 7, channels)["anyOf"][1]
    assert "maxItems" not in lists and "maxItems" not in lists["items"]
    value, several = lists["items"]["items"]["anyOf"]
    assert value["type"] == "integer" and (several["minItems"], several["maxItems"]) == (1, 4)
    for pixel in (1, [1], [1, 2], [1, 2, 3], [1, 2, 3, 4]):
        assert not isinstance(sent_pixels([[pixel]], channels, MOST), str)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_example_of_the_schema_is_one(channels: int) -> None:
    pixels = sent_pixels(schema(5, 7, channels)["example"], channels, MOST)
    assert not isinstance(pixels, str) and pixels.shape == (1, 5, 7, channels)
