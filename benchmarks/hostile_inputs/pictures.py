"""Pictures that lie: programs in the clothes of pictures, bombs, truncations, odd kinds; read for a prediction and in a
folder of classes.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from hostile_inputs.kit import (
    ANSI,
    Act,
    Case,
    chunk,
    class_folders,
    encoded,
    family,
    fit,
    images,
    imports,
    pickled,
    picture,
    png,
    predict_file,
)

GREY = Image.fromarray(images()[0])
EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 9 9
(%pipe%touch "$HOSTILE_MARKS/postscript") (w) file closefile
(HOSTILE_MARK) (w) file closefile
showpage
"""


def row(width: int, n: int) -> bytes:
    return zlib.compress(bytes((1 + width) * n), 9)


def frames(kind: str, n: int = 3) -> bytes:
    first, *others = [Image.fromarray(image) for image in images()[:n]]
    return encoded(first, kind, save_all=True, append_images=others)


def tiff(**tags: tuple[int, int, int]) -> bytes:
    """A TIFF of one entry each: (tag, type, value)."""
    content = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags))
    for tag, kind, value in tags.values():
        content += struct.pack("<HHII", tag, kind, 1, value & 0xFFFFFFFF)
    return content + bytes(4) + bytes(200)


TIFF = {"width": (256, 4, 6), "height": (257, 4, 5), "bits": (258, 3, 8), "at": (273, 4, 8), "rows": (278, 4, 5)}


def text_chunk(size: int) -> bytes:
    return chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(size), 9))


def jpeg(**options: object) -> bytes:
    return encoded(Image.fromarray(images(c=3)[0]), "JPEG", **options)


def exif(orientation: int) -> bytes:
    found = Image.Exif()
    found[0x0112] = orientation
    return found.tobytes()


def palette(transparency: object) -> bytes:
    return encoded(GREY.convert("P"), "PNG", transparency=transparency)


CONTENTS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "PostScript called png": (".png", lambda: EPS),
    "PostScript called jpg": (".jpg", lambda: EPS),
    "PostScript called eps": (".eps", lambda: EPS),
    "PostScript called tiff": (".tif", lambda: EPS),
    "PostScript with a head of DOS": (".png", lambda: b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 30, len(EPS)) + EPS),
    "PDF called png": (".png", lambda: b"%PDF-1.7\n1 0 obj<</S/JavaScript/JS(app.alert(1))>>"),
    "SVG called png": (".png", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>HOSTILE_JS()</script></svg>'),
    "SVG with entities": (".svg", lambda: b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><svg>&b;</svg>'),
    "a pickle called png": (".png", pickled),
    "an old pickle called png": (".png", imports),
    "a program called png": (".png", lambda: b'#!/bin/sh\ntouch "$HOSTILE_MARKS/shell"\n'),
    "an ELF head called png": (".png", lambda: b"\x7fELF" + bytes(500)),
    "XPM": (".png", lambda: b'/* XPM */\nstatic char *a[] = {"9999999 9999999 1 1", "a c red", "a"};'),
    "MSP, FLI, WMF and their like": (".png", lambda: b"\xd7\xcd\xc6\x9a" + bytes(500)),
    "10**6 x 10**6 pixels": (".png", lambda: png(10**6, 10**6, chunk(b"IDAT", b"x"))),
    "10**6 x 1 pixels": (".png", lambda: png(10**6, 1, chunk(b"IDAT", row(10**6, 1)))),
    "1 x 10**6 pixels": (".png", lambda: png(1, 10**6, chunk(b"IDAT", row(1, 10**6)))),
    "9,999 x 9,999 black pixels": (".png", lambda: png(9999, 9999, chunk(b"IDAT", row(1250, 9999)), depth=1)),
    "0 x 0 pixels": (".png", lambda: png(0, 0, chunk(b"IDAT", row(0, 0)))),
    "0 x 5 pixels": (".png", lambda: png(0, 5, chunk(b"IDAT", row(0, 5)))),
    "2**31 pixels a side": (".png", lambda: png(2**31 - 1, 2**31 - 1, chunk(b"IDAT", b"x"))),
    "2**32 - 1 pixels a side": (".png", lambda: png(2**32 - 1, 2**32 - 1, chunk(b"IDAT", b"x"))),
    "a text that unpacks to 60 MB": (".png", lambda: png(6, 5, text_chunk(60_000_000), chunk(b"IDAT", row(6, 5)))),
    "10,000 texts": (".png", lambda: png(6, 5, *[text_chunk(9)] * 10_000, chunk(b"IDAT", row(6, 5)))),
    "a colour profile of rubbish": (
        ".png",
        lambda: png(6, 5, chunk(b"iCCP", b"x\0\0" + zlib.compress(b"y" * 999)), chunk(b"IDAT", row(6, 5))),
    ),
    "no pixels": (".png", lambda: png(6, 5)),
    "too few pixels": (".png", lambda: png(6, 5, chunk(b"IDAT", row(6, 2)))),
    "pixels that unpack to 60 MB too many": (".png", lambda: png(6, 5, chunk(b"IDAT", row(6, 9_000_000)))),
    "depth of 3 bits": (".png", lambda: png(6, 5, chunk(b"IDAT", row(6, 5)), depth=3)),
    "a colour type of 77": (".png", lambda: png(6, 5, chunk(b"IDAT", row(6, 5)), color=77)),
    "a palette that is not there": (".png", lambda: png(6, 5, chunk(b"IDAT", row(6, 5)), color=3)),
    "a chunk of 2 GB": (".png", lambda: picture()[:33] + b"\x7f\xff\xff\xffIDAT" + bytes(90)),
    "an animation of 2**31 frames": (
        ".png",
        lambda: png(6, 5, chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)), chunk(b"IDAT", row(6, 5))),
    ),
    "an animated PNG": (".png", lambda: frames("PNG")),
    "an animated GIF": (".gif", lambda: frames("GIF")),
    "an animated WebP": (".webp", lambda: frames("WEBP")),
    "a TIFF of many pages": (".tif", lambda: frames("TIFF", 30)),
    "a palette with transparency": (".png", lambda: palette(0)),
    "a palette with transparency of bytes": (".png", lambda: palette(bytes(range(256)))),
    "transparency everywhere": (".png", lambda: encoded(Image.new("RGBA", (6, 5)))),
    "16 bits": (".png", lambda: encoded(Image.fromarray(images().astype(np.uint16)[0] * 257))),
    "CMYK": (".jpg", lambda: encoded(Image.new("CMYK", (6, 5), (9, 9, 9, 9)), "JPEG")),
    "CMYK in TIFF": (".tif", lambda: encoded(Image.new("CMYK", (6, 5)), "TIFF")),
    "numbers of 32 bits with NaN": (".tif", lambda: encoded(Image.fromarray(np.full((5, 6), np.nan, "f4")), "TIFF")),
    "numbers of 32 bits, infinite": (".tif", lambda: encoded(Image.fromarray(np.full((5, 6), np.inf, "f4")), "TIFF")),
    "negative numbers": (".tif", lambda: encoded(Image.fromarray(np.full((5, 6), -(2**31), "i4")), "TIFF")),
    "LAB": (".tif", lambda: encoded(Image.new("LAB", (6, 5)), "TIFF")),
    "a JPEG turned by 77": (".jpg", lambda: jpeg(exif=exif(77))),
    "a JPEG turned": (".jpg", lambda: jpeg(exif=exif(6))),
    "a JPEG with EXIF of rubbish": (".jpg", lambda: jpeg(exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(99))),
    "half a JPEG": (".jpg", lambda: jpeg()[:400]),
    "a JPEG of 65,500 x 65,500": (".jpg", lambda: jpeg().replace(b"\0\x11\x08\0\6\0\5", b"\0\x11\x08\xff\xdc\xff\xdc")),
    "a JPEG without tables": (".jpg", lambda: b"\xff\xd8\xff\xc0\0\x11\x08\0\6\0\5\3\1\x22\0\2\x11\1\3\x11\1\xff\xd9"),
    "a JPEG of comments": (".jpg", lambda: b"\xff\xd8" + b"\xff\xfe\0\4xx" * 200_000 + jpeg()[2:]),
    "half a GIF": (".gif", lambda: encoded(GREY, "GIF")[:40]),
    "a GIF of 65,535 x 65,535": (
        ".gif",
        lambda: b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\2",
    ),
    "a GIF with a frame outside": (
        ".gif",
        lambda: b"GIF89a\1\0\1\0\x80\0\0" + bytes(6) + b",\xff\xff\xff\xff\1\0\1\0\0\2\2D\1\0;",
    ),
    "half a WebP": (".webp", lambda: encoded(GREY.convert("RGB"), "WEBP")[:30]),
    "a WebP of 4 GB": (".webp", lambda: b"RIFF\xff\xff\xff\xffWEBPVP8X\n\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff"),
    "a TIFF of 4 billion pixels a side": (
        ".tif",
        lambda: tiff(**{**TIFF, "width": (256, 4, -1), "height": (257, 4, -1)}),
    ),
    "a TIFF of no rows": (".tif", lambda: tiff(**{**TIFF, "rows": (278, 4, 0)})),
    "a TIFF whose pixels lie outside": (".tif", lambda: tiff(**{**TIFF, "at": (273, 4, -1)})),
    "a TIFF of a list of itself": (".tif", lambda: b"II*\0\x08\0\0\0\0\0\x08\0\0\0"),
    "a TIFF of unknown packing": (".tif", lambda: tiff(**{**TIFF, "packing": (259, 3, 9999)})),
    "a TIFF of 65,535 entries": (".tif", lambda: b"II*\0\x08\0\0\0\xff\xff" + bytes(900_000)),
    "a big TIFF": (".tif", lambda: b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**63) + bytes(90)),
    "a BMP of 2**31 pixels a side": (
        ".bmp",
        lambda: b"BM" + bytes(8) + struct.pack("<IIiiHHI", 54, 40, 2**31 - 1, 2**31 - 1, 1, 24, 0) + bytes(24),
    ),
    "a BMP of minus 5 rows": (
        ".bmp",
        lambda: b"BM" + bytes(8) + struct.pack("<IIiiHHI", 54, 40, 6, -5, 1, 24, 0) + bytes(200),
    ),
    "a BMP packed by runs without end": (
        ".bmp",
        lambda: b"BM" + bytes(8) + struct.pack("<IIiiHHI", 54, 40, 900, 900, 1, 8, 1) + bytes(24) + b"\xff\1" * 99,
    ),
    "a PPM of 10**20 columns": (".ppm", lambda: b"P6 99999999999999999999 5 255\n"),
    "a PPM of comments": (".ppm", lambda: b"P6 #" + b"x" * 5_000_000),
    "a PPM of text": (".ppm", lambda: b"P3 2 1 255\n" + b"9" * 5_000 + b" -1 x\n"),
    "a PPM of more than its most": (".pgm", lambda: b"P2 2 1 1\n9 9\n"),
    "a TGA by runs": (".tga", lambda: b"\0\0\x0a" + bytes(9) + b"\xff\xff\xff\xff\x18\0" + b"\xff\1\2\3" * 9),
    "an icon of pictures in pictures": (
        ".ico",
        lambda: b"\0\0\1\0\1\0\0\0\0\0\1\0\x20\0" + struct.pack("<II", 5000, 22) + png(20_000, 20_000),
    ),
    "an icon of 65,535 entries": (".ico", lambda: b"\0\0\1\0\xff\xff" + bytes(999)),
    "JPEG 2000 of lies": (
        ".jp2",
        lambda: b"\xff\x4f\xff\x51\0\x2f\0\0" + b"\x7f\xff\xff\xff" * 8 + b"\0\3" + bytes(40),
    ),
    "JPEG 2000 of boxes without end": (".jp2", lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\0" * 200),
    "nothing": (".png", lambda: b""),
    "one byte": (".png", lambda: b"\x89"),
    "a head alone": (".png", lambda: b"\x89PNG\r\n\x1a\n"),
    "10 MB of zeros": (".png", lambda: bytes(10_000_000)),
    "a picture of another name": (".txt", picture),
    "a picture without a name": ("", picture),
}
# those of the files above that are tried in a folder of classes, too
IN_FOLDERS = (
    "PostScript called png",
    "10**6 x 10**6 pixels",
    "10**6 x 1 pixels",
    "0 x 0 pixels",
    "a pickle called png",
    "nothing",
    "a text that unpacks to 60 MB",
    "half a JPEG",
    "an animated GIF",
    "numbers of 32 bits with NaN",
    "a TIFF of 4 billion pixels a side",
    "a GIF with a frame outside",
    "9,999 x 9,999 black pixels",
)


def in_folder(ending: str, content: Callable[[], bytes]) -> Callable[[Path], Act]:
    """Six of the forty pictures are of that kind."""

    def make(folder: Path) -> Act:
        photos = class_folders(folder / "photos")
        for i, path in enumerate(sorted((photos / "a").iterdir())[:6]):
            path.with_name(f"{i}x{ending}").write_bytes(content())
            path.unlink()
        return fit(folder, photos)

    return make


def named(name: str) -> Callable[[Path], Act]:
    """A picture of an odd name in a folder that is predicted."""

    def make(folder: Path) -> Act:
        place = os.fsencode(folder / "here") + b"/" + os.fsencode(name)
        os.makedirs(os.path.dirname(place))
        with open(place, "wb") as file:
            file.write(picture())
        from hostile_inputs.kit import BUNDLE

        return ["predict", str(BUNDLE), str(folder / "here"), "--out", str(folder / "out.csv"), "--top", "3"]

    return make


NAMES = {
    "a new line": "a\nb.png",
    "a return": "a\rb.png",
    "escapes": ANSI.replace("/", "") + ".png",
    "marks of direction": "\u202egnp.exe.png",
    "a byte that is no text": os.fsdecode(b"\xff\xfe.png"),
    "a formula": "=cmd|' C HOSTILE'!A0.png",
    "a formula after a sign": "+HOSTILE.png",
    "a formula after a tabulator": "\t=HOSTILE.png",
    "an at sign": "@SUM(HOSTILE).png",
    "an option": "--out=HOSTILE.png",
    "markup": "<script>HOSTILE_JS()<" + "script>.png",
    "markup of the terminal": "[bold red]HOSTILE[" + "].png",
    "a link of the terminal": "[link=file: etc passwd]x.png",
    "255 bytes": "x" * 251 + ".png",
    "a null width": "a\u200b\ufeff\u2028\u2029b.png",
    "a template": "{{ 31337*3 }}.png",
    "a bar and commas": 'a",b|c;d\te.png',
}


def cases() -> list[Case]:
    predicted = {name: predict_file("a" + ending, content) for name, (ending, content) in CONTENTS.items()}
    folders = {name: in_folder(*CONTENTS[name]) for name in IN_FOLDERS}
    return [
        *family("pictures to predict", predicted),
        *family("pictures in class folders", folders),
        *family("names of pictures", {name: named(text) for name, text in NAMES.items()}),
    ]
