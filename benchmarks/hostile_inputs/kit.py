"""What all families of hostile inputs are made of: cases, good data to spoil, and payloads that show themselves.

A payload is harmless. It leaves a mark where it was executed, and nowhere else.
"""

from __future__ import annotations

import io
import json
import pickle  # noqa: TID251 - to write what must never be read
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

FIXTURES = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "v1"
BUNDLE, BUNDLE_NUMBERS = FIXTURES / "bundle_classes", FIXTURES / "bundle_numbers"
PARTS = ("model.onnx", "weights.safetensors", "network.py", "architecture.json", "MODEL_CARD.md")

CANARY = "hostile_canary"  # a module that leaves a mark when it is imported
SECRET = "SECRET-7391-TOKEN"  # stands in a file beside the case: whatever prints it read what it must not
SCRIPT = "<script>HOSTILE_JS()</script>"
MARKUP = '"><img src=x onerror=HOSTILE_JS()><svg/onload=HOSTILE_JS()>' + SCRIPT
TEMPLATE = "{{ 31337*3 }}{% raw %}${31337*3}#{31337*3}"  # 94011 where a template is filled in
FORMULA = '=cmd|"/C HOSTILE"!A0'
ANSI = "\x1b]0;HOSTILE\x07\x1b[2J\x1b[31m\u202egnp.\x9b31m"
LONG = "x" * 5000
DEEP = "[" * 100_000 + "]" * 100_000
DIGITS = "9" * 5000

Act = list[str] | Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """One hostile input.

    family: what the table of results calls it, with all others of its kind.
    name: its own, once in a family.
    make: called with an empty folder. Makes the input there, and returns the words of a command line or a function to
        be called.
    """

    family: str
    name: str
    make: Callable[[Path], Act]

    @property
    def key(self) -> str:
        return f"{self.family}: {self.name}"


def family(name: str, makes: Mapping[str, Callable[[Path], Act]]) -> list[Case]:
    return [Case(name, key, make) for key, make in makes.items()]


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, ('touch "$HOSTILE_MARKS/pickle"',)


def pickled() -> bytes:
    return pickle.dumps(Bomb())


def imports() -> bytes:
    """A pickle that names a module, in the oldest protocol."""
    return f"c{CANARY}\nTrap\n.".encode()


# -- good data ---------------------------------------------------------------------------------------------------------

N, H, W = 40, 6, 5
LABELS = np.arange(N) % 2
CLASSES = ["ab"[label] for label in LABELS]


def images(n: int = N, h: int = H, w: int = W, c: int | None = None) -> np.ndarray[Any, Any]:
    shape = (n, h, w) if c is None else (n, h, w, c)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def picture(i: int = 0, kind: str = "PNG", **options: Any) -> bytes:
    return encoded(Image.fromarray(images()[i % N]), kind, **options)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def npy_head(shape: str, descr: str = "'|u1'", fortran: str = "False", size: int = 2000) -> bytes:
    head = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode("latin1", "replace")
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(head)) + head + bytes(size)


def zipped(members: Mapping[str, bytes] | Iterable[tuple[Any, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items() if isinstance(members, Mapping) else members:
            archive.writestr(name, content)
    return buffer.getvalue()


def members(label: Callable[[str], str] = str) -> dict[str, bytes]:
    return {f"{label(CLASSES[i])}/{i}.png": picture(i) for i in range(N)}


def class_folders(folder: Path, label: Callable[[str], str] = str) -> Path:
    for name, content in members(label).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def rows(n: int = 60) -> list[list[str]]:
    return [["a", "b", "target"], *([str(i * 0.5), "xyz"[i % 3], "ny"[i % 2]] for i in range(n))]


def csv_text(table: list[list[str]]) -> str:
    return "".join(",".join(row) + "\n" for row in table)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *chunks: bytes, depth: int = 8, color: int = 0) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(chunks) + chunk(b"IEND", b"")


# -- commands ----------------------------------------------------------------------------------------------------------

ONCE = ("--trials", "1", "--set", "recipe.epochs=1", "--no-pretrained")


def fit(folder: Path, data: Any, *more: str) -> list[str]:
    return ["fit", str(data), *ONCE, "--workspace", str(folder / "work"), "--out", str(folder / "out"), *more]


def fit_file(name: str, content: bytes | Callable[[], bytes], *more: str) -> Callable[[Path], list[str]]:
    """``archsmith fit`` of one file."""

    def make(folder: Path) -> list[str]:
        (folder / name).write_bytes(content() if callable(content) else content)
        return fit(folder, folder / name, *more)

    return make


def predict_file(name: str, content: bytes | Callable[[], bytes], bundle: Path = BUNDLE) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        (folder / name).write_bytes(content() if callable(content) else content)
        return ["predict", str(bundle), str(folder / name), "--json"]

    return make


def words(*given: str) -> Callable[[Path], list[str]]:
    """A command line in which ``@`` is the folder of the case, ``%`` the good bundle, and ``&`` one of numbers."""

    def put(word: str, folder: Path) -> str:
        return {"%": str(BUNDLE), "&": str(BUNDLE_NUMBERS)}.get(word, word.replace("@", str(folder)))

    return lambda folder: [put(word, folder) for word in given]


def bundle_copy(folder: Path, source: Path = BUNDLE) -> Path:
    target = folder / "bundle"
    target.mkdir()
    for name in (*PARTS, "manifest.json"):
        shutil.copyfile(source / name, target / name)
    return target


def manifest_of(bundle: Path) -> Any:
    return json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))


def write_manifest(bundle: Path, manifest: Any) -> None:
    text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode("utf-8", "surrogatepass")
    (bundle / "manifest.json").write_bytes(text)


def search(folder: Path, *more: str) -> list[str]:
    return ["search", "--trials", "3", "--workspace", str(folder / "work"), *more]
