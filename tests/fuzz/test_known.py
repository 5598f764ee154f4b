"""Input that once ended in an internal error, a hang or the end of the memory: it is refused in a sentence, or read."""

from __future__ import annotations

import datetime
import decimal
import io
import json
import os
import shutil
import sqlite3
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.automl.modality import modality_of
from archsmith.automl.settings import FitSettings
from archsmith.bundle.manifest import FILES, MANIFEST, read
from archsmith.cli.main import main
from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.data.images.decode import decode, to_array
from archsmith.runtime.sqlite import FILE

pandas = pytest.importorskip("pandas")
pyarrow = pytest.importorskip("pyarrow")
FIXTURES = Path(__file__).parents[1] / "fixtures" / "v1"
BUNDLE = FIXTURES / "bundle_classes"
IMAGES = np.random.default_rng(0).integers(0, 256, (24, 6, 5), np.uint8)
LABELS = np.arange(24) % 2
CLASSES = ["ab"[label] for label in LABELS]


def load(source: Any, root: Path, **more: Any) -> None:
    """As a job does it. What is refused leaves nothing behind."""
    try:
        settings = FitSettings(data=source, **more)
        modality_of(settings).load(settings, root, None, lambda *told: None)
    except ArchsmithError:
        assert not root.exists() or not list(root.iterdir()), "left behind"
        raise


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def headed(head: str, size: int = 20_000) -> bytes:
    """An array with any head."""
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(head) + 1) + head.encode("latin1") + b"\n" + bytes(size)


def head(shape: str = "(24, 6, 5)", descr: str = "'|u1'", fortran: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


HEADS = {
    "cut off in a text": head()[:-4] + " '''",
    "brackets that never close": head("((((((24, 6, 5)"),
    "deep brackets": head("(" * 9000 + ")" * 9000),
    "many signs": "-" * 9000 + "1",
    "a key without a hash": "{{}: 1}",
    "times": head(descr="'<m8[s]'"),
    "dates": head(descr="'<M8[s]'"),
    "items of 1 GB": head(descr="'|V1000000000'"),
    "texts of 2 GB": head(descr="'<U500000000'"),
    "fields of 1 GB": head(descr="[('a', '|u1', (1000000000,))]"),
    "a shape of 2**63": head("(9223372036854775808, 6, 5)"),
    "a shape of 2**63 in columns": head("(24, 9223372036854775808, 1)", fortran="True"),
    "a shape with no items but 2**62 rows": head("(0, 4611686018427387904, 4611686018427387904)"),
    "a negative shape": head("(24, -6, -5)"),
    "a shape of truth": head("(True, 6, 5)"),
    "no shape, in columns": head("()", fortran="True"),
    "24 GB": head("(24, 100000, 10000)"),
    "24 GB in columns": head("(24, 100000, 10000)", fortran="True"),
    "a number of 5,000 digits": head(f"({'9' * 5000}, 6, 5)"),
    "Python objects": head(descr="'|O'"),
}


@pytest.mark.parametrize("of", ["images", "labels"])
@pytest.mark.parametrize("form", ["npy", "stored", "packed"])
@pytest.mark.parametrize("text", HEADS.values(), ids=HEADS)
def test_heads_of_arrays(of: str, form: str, text: str, hunt_one: Any, tmp_path: Path) -> None:
    if of == "labels":
        text = text.replace("(24, 6, 5)", "(24,)").replace("(24, 100000, 10000)", "(24000000000,)")
    arrays = {"images": npy(IMAGES), "labels": npy(LABELS), of: headed(text)}
    path = tmp_path / ("images.npy" if form == "npy" else "a.npz")
    if form == "npy":
        for name, content in arrays.items():
            (tmp_path / f"{name}.npy").write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED if form == "stored" else zipfile.ZIP_DEFLATED) as archive:
            for name, content in arrays.items():
                archive.writestr(f"{name}.npy", content)
    assert not hunt_one(lambda source: load(source, tmp_path / "root"), str(path))


def test_a_head_that_announces_4_gb_of_itself(hunt_one: Any, tmp_path: Path) -> None:
    (tmp_path / "labels.npy").write_bytes(npy(LABELS))
    (tmp_path / "images.npy").write_bytes(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{")
    assert not hunt_one(lambda source: load(source, tmp_path / "root"), str(tmp_path))


def zipped(members: dict[str, bytes], changes: dict[int, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip with ``changes`` in every entry: bytes by their place in the local header. Two further on, they are in the
    table of contents.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    found = bytearray(buffer.getvalue())
    for sign, further in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        at = found.find(sign)
        while at >= 0:
            for place, value in changes.items():
                found[at + further + place : at + further + place + len(value)] = value
            at = found.find(sign, at + 4)
    return bytes(found)


def png(pixels: Any = IMAGES[0], kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(buffer, kind, **options)
    return buffer.getvalue()


ENTRIES = {
    "encrypted": {6: b"\x01\0"},
    "encrypted strongly": {6: b"\x41\0"},
    "another method": {8: b"\x63\0"},
    "deflate64": {8: b"\x09\0"},
    "a wrong checksum": {14: b"\1\2\3\4"},
    "said to be deflate": {8: b"\x08\0"},
    "said to be bzip2": {8: b"\x0c\0"},
    "said to be lzma": {8: b"\x0e\0"},
    "a size of 2 GB": {22: b"\xfe\xff\xff\x7f"},
    "a later version": {4: b"\xff\0"},
}


@pytest.mark.parametrize("changes", ENTRIES.values(), ids=ENTRIES)
@pytest.mark.parametrize("name", ["a.zip", "a.npz"])
def test_entries_of_archives(name: str, changes: dict[int, bytes], hunt_one: Any, tmp_path: Path) -> None:
    pictures = {f"{label}/{i}.png": png(IMAGES[i]) for i, label in enumerate(CLASSES)}
    members = pictures if name == "a.zip" else {"images.npy": npy(IMAGES), "labels.npy": npy(LABELS)}
    (tmp_path / name).write_bytes(zipped(members, changes))
    assert not hunt_one(lambda source: load(source, tmp_path / "root"), str(tmp_path / name))


def test_labels_that_unpack_to_3_gb(hunt_one: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", npy(IMAGES))
        with archive.open("labels.npy", "w", force_zip64=True) as file:
            file.write(headed(head("(60000000,)"), 0))
            for _ in range(60):
                file.write(bytes(10**6))
    assert not hunt_one(lambda source: load(source, tmp_path / "root"), str(tmp_path / "a.npz"))


# What Python holds

HUGE = [10**400 + i % 2 for i in range(24)]
MEMORY: dict[str, Any] = {
    "bytes": b"abc",
    "a pair of numbers": (5, 6),
    "ragged pictures": ([[[1, 2], [3]]] * 24, LABELS),
    "ragged labels": (IMAGES, [[1, 2], [3]] + [1] * 22),
    "a huge number as a label": (IMAGES, [10**5000 + i % 2 for i in range(24)]),
    "huge numbers among fractions": (IMAGES, [10**400, 0.5] * 12),
    "huge numbers as pictures": ([[[10**400] * 5] * 6] * 24, LABELS),
    "bytes that are no text as labels": (IMAGES, [b"a", b"\xff"] * 12),
    "a label of 50 MB": (IMAGES, ["a" * 50_000_000, "b"] * 12),
    "times as pictures": (np.zeros((24, 6, 5), "m8[s]"), LABELS),
    "one picture among paths": (["a.png", IMAGES[0]] * 12, LABELS),
    "a path among bytes": ([b"a", "a.png"] * 12, LABELS),
    "a number among paths": (["a.png", 5] * 12, LABELS),
    "one number": (np.float64(3), LABELS),
    "strips of a million pixels": (np.zeros((24, 1, 1_000_000), np.uint8), LABELS),
    "paths that are no text": (["\ud800.png"] * 24, LABELS),
    "signalling NaN": (IMAGES, [decimal.Decimal("sNaN")] * 24),
    "labels of different shapes": (IMAGES, [np.zeros(3), np.zeros(2)] * 12),
    "a table with one target": ({"a": list(range(24))}, np.array(5)),
    "a signalling NaN in a table": ({"a": [decimal.Decimal("sNaN")] * 24, "b": ["x"] * 24}, LABELS),
}


@pytest.mark.parametrize("data", MEMORY.values(), ids=MEMORY)
def test_things_in_memory(data: Any, hunt_one: Any, tmp_path: Path) -> None:
    assert not hunt_one(lambda source: load(source, tmp_path / "root"), data)


def test_long_numbers_are_names_of_classes(tmp_path: Path) -> None:
    load((IMAGES, [2**70 + i % 2 for i in range(24)]), tmp_path)


@pytest.mark.parametrize("side", ["32", 8.5, 8.0, True, [8], float("nan"), 10**400])
def test_sides_of_another_type(side: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="side"):
        FitSettings(data=(IMAGES, LABELS), side=side)


def test_a_side_of_numpy_is_a_number(tmp_path: Path) -> None:
    load((IMAGES, LABELS), tmp_path, side=np.int64(8))


# Tables


def table(rows: list[tuple[str, str]]) -> str:
    return "\n".join(",".join(row) for row in [("image", "label"), *rows]) + "\n"


ROWS = [(f"{i}.png", label) for i, label in enumerate(CLASSES)]
TABLES = {
    "a label of 50 MB": table([*ROWS[:-1], ("23.png", "x" * 50_000_000)]),
    "a number of 5,000 digits": table([(path, "1" * 5000 + label) for path, label in ROWS]),
    "a heading of 200,000 characters": "x" * 200_000 + ",b\n1,2\n",
    "paths in the home of nobody": table([("~nobody123/" + path, label) for path, label in ROWS]),
    "paths with a zero byte": table([("a\0" + path, label) for path, label in ROWS]),
}


@pytest.mark.parametrize("kind", ["image", "table"])
@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES)
def test_tables_of_text(text: str, kind: str, hunt_one: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    assert not hunt_one(lambda source: load(source, tmp_path / "root", modality=kind), str(tmp_path / "a.csv"))


def parquet(path: Path, columns: Any, meta: Any = None) -> str:
    from pyarrow import parquet as files

    files.write_table(pyarrow.table(columns).replace_schema_metadata(meta), path)
    return str(path)


def test_deep_brackets_in_the_metadata_are_passed_over(tmp_path: Path) -> None:
    """They say nothing that is needed."""
    deep = b"[" * 10**5 + b"]" * 10**5
    columns = {"image": [png(image) for image in IMAGES], "label": CLASSES}
    load(parquet(tmp_path / "a.parquet", columns, {b"huggingface": deep, b"pandas": deep}), tmp_path / "root")
    rows = {"a": range(24), "b": CLASSES * 1, "target": CLASSES}
    load(parquet(tmp_path / "b.parquet", rows, {b"pandas": deep}), tmp_path / "root")


CELLS: dict[str, dict[str, Any]] = {
    "a note of 100 kB, 2,000 times": {
        "image": [png()] * 2000,
        "label": ["a", "b"] * 1000,
        "split": ["x" * 10**5] * 2000,
    },
    "a label of 50 MB": {"image": [png()] * 24, "label": ["a", *["b"] * 22, "x" * 50_000_000]},
    "numbers as paths": {"image": [{"bytes": None, "path": 5}] * 24, "label": CLASSES},
    "texts as bytes": {"image": [{"bytes": "abc", "path": ""}] * 24, "label": CLASSES},
    "numbers as bytes": {"image": [{"bytes": 10**9, "path": ""}] * 24, "label": CLASSES},
    "a path of 5,000 characters": {"image": [{"bytes": None, "path": "x" * 5000}] * 24, "label": CLASSES},
    "dates beyond the calendar": {
        "image": [png()] * 24,
        "label": pyarrow.array([2**62, 1] * 12, pyarrow.timestamp("us")),
    },
    "dates of another kind": {"image": [png()] * 24, "label": [datetime.date(2020, 1, 1)] * 24},
}


@pytest.mark.parametrize("columns", CELLS.values(), ids=CELLS)
def test_cells_of_parquet(columns: dict[str, Any], hunt_one: Any, tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", columns)
    assert not hunt_one(lambda source: load(source, tmp_path / "root"), path)


@pytest.mark.parametrize("cell", ["path", "bytes"])
@pytest.mark.parametrize(
    "start", [b"", b"P5 6 5 255\n", png(), png(kind="TIFF"), png(Image.new("RGB", (5, 5)), "WEBP")]
)
def test_a_sparse_file_of_20_gb_behind_a_path(cell: str, start: bytes, hunt_one: Any, tmp_path: Path) -> None:
    with open(tmp_path / "big.png", "wb") as file:
        file.write(start)
        file.truncate(20 * 2**30)
    image = ["big.png"] * 24 if cell == "path" else [{"bytes": None, "path": "big.png"}] * 24
    path = parquet(tmp_path / "a.parquet", {"image": image, "label": CLASSES})
    assert not hunt_one(lambda source: load(source, tmp_path / "root"), path)


TABLES_OF_PARQUET: dict[str, Callable[[], dict[str, Any]]] = {
    "a text of 100 kB, 2,000 times": lambda: {"a": ["x" * 10**5] * 2000, "b": ["y", "z"] * 1000},
    "a target of 100 kB, 2,000 times": lambda: {"a": range(2000), "target": ["x" * 10**5, "y"] * 1000},
    "a category of 100 kB, 2,000 times": lambda: {
        "a": pyarrow.array(["x" * 10**5] * 2000).dictionary_encode(),
        "b": ["y", "z"] * 1000,
    },
    "texts that are none": lambda: {
        "a": pyarrow.Array.from_buffers(
            pyarrow.string(),
            24,
            [None, pyarrow.py_buffer(np.arange(25, dtype=np.int32)), pyarrow.py_buffer(b"\xff" * 24)],
        ),
        "b": CLASSES,
    },
}


@pytest.mark.parametrize("columns", TABLES_OF_PARQUET.values(), ids=TABLES_OF_PARQUET)
def test_tables_of_parquet(columns: Callable[[], dict[str, Any]], hunt_one: Any, tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", columns())
    assert not hunt_one(lambda source: load(source, tmp_path / "root", modality="table"), path)


# Pictures


def chunk(kind: bytes, content: bytes) -> bytes:
    import zlib

    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


PICTURES = {
    "cut off": png()[:50],
    "a wrong checksum": png()[:20] + b"\1" + png()[21:],
    "one of 30,000 x 30,000 pixels": b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", b"x"),
    "one of 2**31 pixels a side": b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 6, 0, 0, 0))
    + chunk(b"IDAT", b"x"),
    "a strip of a million pixels": png(np.zeros((1, 1_000_000), np.uint8)),
    "text": b"hello",
    "nothing": b"",
    "a program in PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
}


@pytest.mark.parametrize("content", PICTURES.values(), ids=PICTURES)
def test_pictures_that_cannot_be_read(content: bytes, hunt_one: Any) -> None:
    assert not hunt_one(lambda source: decode(source, 3), content)


@pytest.mark.parametrize(
    "mode",
    [
        "1",
        "L",
        "LA",
        "La",
        "P",
        "PA",
        "RGB",
        "RGBA",
        "RGBa",
        "RGBX",
        "CMYK",
        "YCbCr",
        "LAB",
        "HSV",
        "I",
        "I;16",
        "I;16B",
        "F",
    ],
)
def test_pictures_of_every_mode(mode: str) -> None:
    assert to_array(Image.new(mode, (6, 5)), 3).shape == (5, 6, 3)


# The command line: exit code 2, and one sentence with a hint


def said(words: list[str], capsys: Any) -> str:
    with pytest.raises(SystemExit) as end:
        main(words)
    lines = capsys.readouterr().err.strip().splitlines()
    assert end.value.code in (1, 2) and len(lines) == 1 and "Internal error" not in lines[0], lines
    return lines[0]


Make = Callable[[Path], list[str]]


def with_manifest(text: Callable[[str], str]) -> Make:
    def make(folder: Path) -> list[str]:
        for name in FILES:
            (folder / name).symlink_to(BUNDLE / name)
        (folder / MANIFEST).write_text(text((BUNDLE / MANIFEST).read_text(encoding="utf-8")))
        return ["bundles", "info", str(folder)]

    return make


def without_metrics(manifest: Any) -> Any:
    return {**manifest, "task": {**manifest["task"], "metrics": []}}


def with_data(name: str, content: Callable[[], bytes]) -> Make:
    def make(folder: Path) -> list[str]:
        (folder / name).write_bytes(content())
        return ["fit", str(folder / name), "--time", "20s", "--workspace", str(folder / "work")]

    return make


def with_event(text: str, time: float = 1.7e9) -> Make:
    def make(folder: Path) -> list[str]:
        (study,) = (FIXTURES / "search" / "studies").iterdir()
        shutil.copytree(study, folder / "studies" / "s")
        connection = sqlite3.connect(folder / "studies" / "s" / FILE)
        connection.execute("DROP TRIGGER events_are_final")
        first = "(SELECT min(number) FROM events WHERE kind = 'proposed')"
        connection.execute(f"UPDATE events SET data = ?, time = ? WHERE number = {first}", (text, time))
        connection.commit()
        connection.close()
        return ["studies", "show", "s", "--workspace", str(folder)]

    return make


def with_file(name: str, content: bytes) -> Make:
    def make(folder: Path) -> list[str]:
        (folder / name).write_bytes(content)
        return ["predict", str(BUNDLE), str(folder / name)]

    return make


COMMANDS: dict[str, tuple[Make, str]] = {
    "the home of an unknown user": (lambda folder: ["fit", "~nobody123/x", "--time", "20s"], "no home folder"),
    "the home of an unknown user in a prediction": (
        lambda folder: ["predict", str(BUNDLE), "~nobody123/x"],
        "no home folder",
    ),
    "a workspace there": (lambda folder: ["studies", "list", "--workspace", "~nobody123/x"], "no home folder"),
    "an encrypted npz": (
        with_data("a.npz", lambda: zipped({"images.npy": npy(IMAGES), "labels.npy": npy(LABELS)}, {6: b"\1\0"})),
        "encrypted",
    ),
    "a table of one huge heading": (with_data("a.csv", lambda: b"x" * 200_000 + b",b\n1,2\n"), "first line"),
    "a manifest with 5,000 digits": (
        with_manifest(lambda text: text.replace('"format_version": ', '"format_version": ' + "1" * 5000)),
        "damaged",
    ),
    "a manifest of deep brackets": (with_manifest(lambda text: "[" * 10**5), "damaged"),
    "a manifest whose task measures nothing": (
        with_manifest(lambda text: json.dumps(without_metrics(json.loads(text)))),
        "damaged",
    ),
    "a manifest without scores": (with_manifest(lambda text: json.dumps({**json.loads(text), "facts": 5})), "damaged"),
    "an event of deep brackets": (with_event("[" * 10**5), "damaged"),
    "an event of the wrong type": (with_event('{"trials": [{"id": 0, "architecture": 5}]}'), "damaged"),
    "an event at no time of any calendar": (with_event('{"trials": []}', 1e300), "damaged"),
    "an event with a number of 5,000 digits": (with_event('{"trials": ' + "1" * 5000 + "}"), "damaged"),
    "a picture that is cut off": (with_file("a.png", png()[:50]), "cannot be decoded"),
    "a picture of 900 million pixels": (with_file("a.png", PICTURES["one of 30,000 x 30,000 pixels"]), "pixels"),
    "a zip with a wrong checksum": (with_file("a.zip", zipped({"a/1.png": png()}, {14: b"\1\2\3\4"})), "unpacked"),
}


@pytest.mark.parametrize(("make", "words"), COMMANDS.values(), ids=COMMANDS)
def test_commands(make: Make, words: str, capsys: Any, tmp_path: Path) -> None:
    assert words in said(make(tmp_path), capsys)
    assert not (tmp_path / "work" / "studies").exists(), "a study was begun"


def test_a_manifest_that_is_a_pipe_is_not_waited_for(hunt_one: Any, tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("pipes with names are files of Unix")
    os.mkfifo(tmp_path / MANIFEST)
    assert not hunt_one(read, tmp_path)
