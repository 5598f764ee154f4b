from __future__ import annotations

import io
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.images.decode import SUFFIXES, decode, header
from archsmith.data.images.resize import resize


def png(array: np.ndarray, mode: str | None = None) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(buffer, "PNG")
    return buffer.getvalue()


def test_grey_and_colour_come_as_asked() -> None:
    grey = png(np.arange(12, dtype=np.uint8).reshape(3, 4))
    assert decode(grey, 1).shape == (3, 4, 1)
    assert decode(grey, 3).shape == (3, 4, 3)
    assert header(grey) == header(png(np.zeros((3, 4), np.uint8)))
    assert header(png(np.zeros((3, 4, 3), np.uint8))).channels == 3


def test_a_palette_is_resolved() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[:2] = (200, 10, 30)
    buffer = io.BytesIO()
    Image.fromarray(picture).quantize(2).save(buffer, "PNG")
    assert np.array_equal(decode(buffer.getvalue(), 3), picture)


def test_transparency_is_laid_over_white() -> None:
    picture = np.zeros((2, 2, 4), np.uint8)
    picture[0, 0, 3] = 255
    pixels = decode(png(picture), 3)
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[1, 1].tolist() == [255, 255, 255]


def test_sixteen_bits_are_scaled_and_not_cut() -> None:
    picture = np.array([[0, 32768, 65535]], np.uint16)
    assert decode(png(picture), 1)[0, :, 0].tolist() == [0, 128, 255]


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    image = Image.new("RGB", (10, 4))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert decode(tmp_path / "turned.jpg", 3).shape == (10, 4, 3)
    assert (header(tmp_path / "turned.jpg").height, header(tmp_path / "turned.jpg").width) == (10, 4)


@pytest.mark.parametrize(
    "content",
    [b"", b"not a picture", png(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))[:5000]],
    ids=["empty", "text", "cut off"],
)
def test_broken_bytes_are_a_data_error(content: bytes) -> None:
    with pytest.raises(DataError):
        decode(content, 3)


EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 8 8
%%EndComments
(written) (w) file closefile
showpage
%%EOF
"""


def test_a_program_in_the_guise_of_a_picture_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow starts Ghostscript for EPS; the one on the path leaves a trace."""
    trace, ghostscript = tmp_path / "trace", tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {trace}\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "photo.png").write_bytes(EPS)
    for source in (EPS, tmp_path / "photo.png"):
        for read in (header, lambda source: decode(source, 3)):
            with pytest.raises(DataError, match="it is broken, or no picture of a kind that is known. Known are PNG"):
                read(source)
    assert not trace.exists()


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_each_kind_of_picture_is_read(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"picture{suffix}"
    mode = {".pgm": "L", ".pbm": "1"}.get(suffix, "RGB")
    Image.new(mode, (16, 16)).save(file)
    assert decode(file, 3).shape == (16, 16, 3)


def test_a_decompression_bomb_is_refused_from_its_header() -> None:
    buffer = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(buffer, "PNG")
    with pytest.raises(DataError, match="pixels"):
        decode(buffer.getvalue(), 1)


@pytest.mark.parametrize("size", [(320, 256), (200, 256), (1000, 600)])
def test_a_large_jpeg_may_come_smaller_but_not_too_small(size: tuple[int, int]) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)).save(buffer, "JPEG")
    small = decode(buffer.getvalue(), 3, (100, 100))
    assert min(small.shape[:2]) >= 100
    assert small.shape[0] in (size[0], size[0] / 2, size[0] / 4, size[0] / 8)


def test_a_jpeg_that_came_smaller_looks_the_same() -> None:
    y, x = np.mgrid[:480, :640]
    waves = np.stack([127 + 120 * np.sin(x / 9 + y / 30), 127 + 120 * np.cos(y / 11), (x + y) % 256], axis=2).astype(
        np.uint8
    )
    buffer = io.BytesIO()
    Image.fromarray(waves).save(buffer, "JPEG", quality=92)
    whole, reduced = (
        resize(decode(buffer.getvalue(), 3, at_least), 28, 28).astype(int) for at_least in (None, (112, 112))
    )
    assert decode(buffer.getvalue(), 3, (112, 112)).shape == (120, 160, 3)
    assert np.abs(whole - reduced).mean() <= 1


def test_warnings_are_what_they_were_after_decoding_in_threads() -> None:
    before = list(warnings.filters)
    content = png(np.zeros((40, 40, 3), np.uint8))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: decode(content, 3), range(200)))
    assert warnings.filters == before
