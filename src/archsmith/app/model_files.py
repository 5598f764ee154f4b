"""What a person can take home of a model: the files of its bundle, the bundle as a whole, and a web page of it.

Names come from a fixed list and never from a request. Archives are made while they are sent.
"""

from __future__ import annotations

import io
import shlex
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, Field

from archsmith.bundle.container import service
from archsmith.bundle.manifest import (
    ARCHITECTURE,
    CARD,
    DOCKERFILE,
    MANIFEST,
    MODEL,
    NOTICE,
    REPORT,
    REQUIREMENTS,
    SOURCE,
    WEIGHTS,
    Manifest,
)
from archsmith.bundle.page import SITE, name_of
from archsmith.bundle.web import RUNTIME, VENDOR, write_page
from archsmith.server.refusals import Refusal

BUNDLE, WEB = "bundle.zip", "web.zip"
PIECE = 2**16  # bytes that are read together
FILES = {
    BUNDLE: "All of it. Unpacked, it is what archsmith predict, archsmith serve and the class Predictor take.",
    CARD: "The model card. Read it first: what the model is for, how to use it, how good it is, and where it ends.",
    MODEL: "The network for onnxruntime and other programs that run ONNX, with all that happens to an input first.",
    WEIGHTS: "The numbers that were learnt, for network.py and other programs.",
    SOURCE: "The network as readable PyTorch source. It needs nothing of Archsmith.",
    REPORT: "The report of the study: one page that needs nothing else.",
    DOCKERFILE: "Builds a container that serves the bundle.",
    REQUIREMENTS: "What the container installs.",
    WEB: "A web page that predicts in the browser, for any web server.",
    ARCHITECTURE: "The decisions that the network was built from; of one that no search space holds, nothing.",
    MANIFEST: "What the bundle is, for programs, with the checksums of the files that they read.",
    NOTICE: "What has to be said of weights that came from other data.",
}
MADE = (BUNDLE, WEB)
TYPES = {".zip": "application/zip", ".onnx": "application/octet-stream"}


class TakeFile(BaseModel):
    """One file to take."""

    name: str = Field(description="In the address /models/{id}/files/{name}.")
    told: str = Field(description="What it is for.")
    size: int = Field(description="In bytes; of an archive, of what is in it.")


@dataclass(frozen=True)
class Taken:
    """A file on its way out.

    ``name``: that it is saved under.
    ``type``: of its content.
    ``size``: in bytes; None where that is not known before.
    ``pieces``: its content.
    """

    name: str
    type: str
    size: int | None
    pieces: Iterator[bytes]


def files_of(bundle: Path) -> list[TakeFile]:
    """What can be taken of the bundle in this folder."""
    sizes = {name: size for name in FILES if name not in MADE and (size := _size(bundle / name)) is not None}
    sizes[BUNDLE] = sum(sizes.values())
    if all((SITE / VENDOR / name).is_file() for name in RUNTIME):  # as in every released wheel
        runtime = sum(len((SITE / VENDOR / name).read_bytes()) for name in RUNTIME)
        sizes[WEB] = sizes.get(MODEL, 0) + runtime
    return [TakeFile(name=name, told=told, size=sizes[name]) for name, told in FILES.items() if name in sizes]


def missing_of(files: Sequence[TakeFile]) -> str:
    """What cannot be taken here, and where it could be, in a sentence; empty where all can."""
    if any(file.name == WEB for file in files):
        return ""
    return (
        "There is no web page to take: this installation lacks onnxruntime-web. Released wheels bring it; in a "
        "checkout, make web fetches it."
    )


def take(bundle: Path, manifest: Manifest, name: str) -> Taken:
    """One of them. Raises Refusal where there is none of that name, ArchsmithError where it cannot be made."""
    called = service(name_of(manifest))
    if name == BUNDLE:
        members = [(f"{called}/{each}", bundle / each) for each in FILES if _size(bundle / each) is not None]
        return Taken(f"{called}-{name}", TYPES[".zip"], None, zipped(members))
    if name == WEB:
        return Taken(f"{called}-{name}", TYPES[".zip"], None, _web(bundle, called))
    size = _size(bundle / name) if name in FILES else None
    if size is None:
        raise Refusal(404, "no_file", f"The model has no file {name[:64]!r}.", "Its files are listed at ./files.")
    return Taken(f"{called}-{name}", "application/octet-stream", size, _read(bundle / name, size))


def report_of(bundle: Path, study: Path) -> bytes:
    """The report of the study, as it lies in the bundle or else in the study's folder. Raises Refusal."""
    for place in (bundle / REPORT, study / "final" / REPORT):
        if _size(place) is not None:
            return place.read_bytes()
    command = f"archsmith report {shlex.quote(str(study))}"
    raise Refusal(404, "no_file", "This study has no report.", f"Write it with: {command}")


def _size(path: Path) -> int | None:
    """Of a regular file that is no link; None otherwise."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _read(path: Path, size: int) -> Iterator[bytes]:
    """As many bytes as it had when it was asked for, and no more."""
    with path.open("rb") as file:
        while size > 0 and (piece := file.read(min(PIECE, size))):
            size -= len(piece)
            yield piece


def zipped(members: list[tuple[str, Path]]) -> Iterator[bytes]:
    """A zip of files, piece by piece. They are not packed: weights do not get smaller."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for name, path in members:
            with archive.open(zipfile.ZipInfo.from_file(path, name), "w") as entry, path.open("rb") as file:
                while piece := file.read(PIECE):
                    entry.write(piece)
                    yield sink.taken()
            yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """Keeps what was written until it is taken. It has no places to go back to."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        content = bytes(data)  # type: ignore[call-overload]
        self._bytes += content
        return len(content)

    def taken(self) -> bytes:
        found = bytes(self._bytes)
        self._bytes.clear()
        return found


def _web(bundle: Path, called: str) -> Iterator[bytes]:
    """The folder of ``archsmith bundles web`` as a zip. It is written before the first piece, so that what is wrong is
    said at once.
    """
    folder = tempfile.TemporaryDirectory(prefix="archsmith-web-", ignore_cleanup_errors=True)
    try:
        page = write_page(bundle, Path(folder.name) / called)
    except BaseException:
        folder.cleanup()
        raise
    members = [(path.relative_to(folder.name).as_posix(), path) for path in sorted(page.rglob("*")) if path.is_file()]
    return _then_removed(zipped(members), folder)


def _then_removed(pieces: Iterator[bytes], folder: tempfile.TemporaryDirectory[str]) -> Iterator[bytes]:
    with folder:
        yield from pieces
