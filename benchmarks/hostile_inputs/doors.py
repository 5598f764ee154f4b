"""What lies at a path: archives that lead out, pipes, devices, sockets, loops, what may not be read; folders of classes
with odd names; configuration files.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from hostile_inputs.kit import (
    ANSI,
    BUNDLE,
    CANARY,
    DEEP,
    DIGITS,
    MARKUP,
    SECRET,
    TEMPLATE,
    Act,
    Case,
    class_folders,
    family,
    fit,
    fit_file,
    members,
    picture,
    predict_file,
    zipped,
)

Made = Callable[[Path], Act]


def entry(name: str, mode: int = 0o644 | stat.S_IFREG, **fields: int) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name)
    found.create_system, found.external_attr = 3, mode << 16
    for field, value in fields.items():
        setattr(found, field, value)
    return found


GOOD = list(members().items())


def patched(changes: dict[int, bytes]) -> bytes:
    """The good zip with bytes of all local headers and of the table of contents set."""
    content = bytearray(zipped(GOOD))
    for sign, further in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        at = content.find(sign)
        while at >= 0:
            for place, value in changes.items():
                content[at + further + place : at + further + place + len(value)] = value
            at = content.find(sign, at + 4)
    return bytes(content)


def overlapping() -> bytes:
    """Every entry of the table of contents points to the same member."""
    content = bytearray(zipped([(f"{'ab'[i % 2]}/{i:04}.png", picture()) for i in range(2000)]))
    at = content.find(b"PK\x01\x02")
    while at >= 0:
        content[at + 42 : at + 46] = bytes(4)
        at = content.find(b"PK\x01\x02", at + 4)
    return bytes(content)


ZIPS: dict[str, Callable[[], bytes]] = {
    "a path that leads out": lambda: zipped([*GOOD, ("../../escaped.png", picture())]),
    "a path from the root": lambda: zipped([*GOOD, ("/tmp/hostile_escaped.png", picture())]),
    "a path with a drive": lambda: zipped([*GOOD, ("C:\\a\\escaped.png", picture())]),
    "a path with backslashes": lambda: zipped([*GOOD, ("..\\..\\escaped.png", picture())]),
    "a path with a zero byte": lambda: zipped(GOOD).replace(b"a/0.png", b"a\x00/../p"[:7]),
    "a link to passwords": lambda: zipped([*GOOD, (entry("a/x.png", 0o777 | stat.S_IFLNK), b"/etc/passwd")]),
    "a link to a folder above": lambda: zipped([(entry("c", 0o777 | stat.S_IFLNK), b".."), *GOOD]),
    "a device": lambda: zipped([*GOOD, (entry("a/x.png", 0o666 | stat.S_IFCHR), b"")]),
    "a pipe": lambda: zipped([*GOOD, (entry("a/x.png", 0o666 | stat.S_IFIFO), b"")]),
    "2,000 entries that are one": overlapping,
    "a bomb": lambda: zipped([("a/x.png", bytes(60_000_000)), *GOOD], zipfile.ZIP_DEFLATED),
    "a bomb in every member": lambda: zipped([(name, bytes(3_000_000)) for name, _ in GOOD], zipfile.ZIP_DEFLATED),
    "a zip in a zip": lambda: zipped([("a/x.zip", zipped(GOOD)), ("b/y.zip", zipped(GOOD))]),
    "members of 4 GB that are not there": lambda: patched({22: b"\xff\xff\xff\xff", 18: b"\xff\xff\xff\xff"}),
    "encrypted members": lambda: patched({6: b"\1\0"}),
    "members packed by an unknown method": lambda: patched({8: b"\x63\0"}),
    "wrong checksums": lambda: patched({14: b"\1\2\3\4"}),
    "names that are no text": lambda: patched({6: b"\0\x08"}).replace(b"a/", b"\xff/"),
    "names of escapes": lambda: zipped(members(lambda label: ANSI.replace("/", "") + label)),
    "names of markup": lambda: zipped(members(lambda label: MARKUP.replace("/", "") + label)),
    "names of devices": lambda: zipped([("con/aux.png", picture()), *GOOD]),
    "20,000 empty members": lambda: zipped([(f"{'ab'[i % 2]}/{i}.png", b"") for i in range(20_000)]),
    "the same name twice": lambda: zipped([*GOOD, *GOOD]),
    "folders alone": lambda: zipped([("a/", b""), ("b/", b"")]),
    "nothing": lambda: zipped([]),
    "no zip": lambda: b"PK\x05\x06" + bytes(17),
    "half a zip": lambda: zipped(GOOD)[:-400],
    "a comment of 65,535 bytes": lambda: zipped(GOOD)[:-2] + b"\xff\xff" + bytes(65_535),
    "a program before the zip": lambda: b"#!/bin/sh\ntouch $HOSTILE_MARKS/zip\n" + zipped(GOOD),
    "a module in the zip": lambda: zipped([("__main__.py", f"import {CANARY}".encode()), *GOOD]),
    "a place of contents beyond the end": lambda: zipped(GOOD)[:-6] + struct.pack("<IH", 2**32 - 2, 0),
}


def special(kind: str) -> Callable[[Path], Path]:
    """Makes what is no regular file."""

    def make(path: Path) -> Path:
        if kind == "a pipe":
            os.mkfifo(path)
        elif kind == "a socket":
            here = os.getcwd()
            os.chdir(path.parent)  # the path of a socket is short
            with socket.socket(socket.AF_UNIX) as end:
                end.bind(path.name)
            os.chdir(here)
        elif kind == "a loop":
            path.symlink_to(path.name)
        elif kind == "a link to nothing":
            path.symlink_to("nowhere")
        elif kind == "a folder":
            path.mkdir()
        elif kind == "a locked file":
            path.write_bytes(b"x")
            path.chmod(0)
        else:
            path.symlink_to(kind)
        return path

    return make


KINDS = (
    "a pipe",
    "a socket",
    "a loop",
    "a link to nothing",
    "a folder",
    "a locked file",
    "/dev/zero",
    "/dev/null",
    "/proc/self/mem",
)
AS_DATA = ("a.csv", "a.parquet", "a.npz", "a.zip", "a")


def data_at(kind: str, name: str) -> Made:
    return lambda folder: fit(folder, special(kind)(folder / name))


def asked_at(kind: str, name: str) -> Made:
    return lambda folder: ["predict", str(BUNDLE), str(special(kind)(folder / name))]


def part_at(kind: str, name: str) -> Made:
    """A bundle with a part that is no regular file."""

    def make(folder: Path) -> Act:
        bundle = Path(shutil.copytree(BUNDLE, folder / "bundle"))
        (bundle / name).unlink()
        special(kind)(bundle / name)
        return ["bundles", "info", str(bundle)]

    return make


def doors() -> dict[str, Made]:
    made: dict[str, Made] = {}
    for kind in KINDS:
        made |= {f"{kind} as data {name}": data_at(kind, name) for name in AS_DATA[: 5 if kind == "a pipe" else 2]}
        made |= {f"{kind} to predict, {name}": asked_at(kind, name) for name in ("a.png", "a.csv", "a.zip")}
        made |= {
            f"{kind} as {name}": part_at(kind, name) for name in ("manifest.json", "model.onnx", "weights.safetensors")
        }
        made[f"{kind} as an architecture"] = lambda folder, kind=kind: [  # type: ignore[misc]
            "draw",
            str(special(kind)(folder / "a.json")),
            "--space",
            "nasnet",
            "--out",
            "-",
        ]
        made[f"{kind} as a log"] = lambda folder, kind=kind: _log_at(folder, kind)  # type: ignore[misc]
        made[f"{kind} to write to"] = lambda folder, kind=kind: [  # type: ignore[misc]
            "predict",
            str(BUNDLE),
            str(_picture(folder)),
            "--out",
            str(special(kind)(folder / "o.csv")),
        ]
        made[f"{kind} as a workspace"] = lambda folder, kind=kind: [  # type: ignore[misc]
            "search",
            "--trials",
            "2",
            "--workspace",
            str(special(kind)(folder / "w")),
        ]
    return made


def _picture(folder: Path) -> Path:
    (folder / "p.png").write_bytes(picture())
    return folder / "p.png"


def _log_at(folder: Path, kind: str) -> Act:
    study = folder / "studies" / "s"
    study.mkdir(parents=True)
    special(kind)(study / "events.sqlite")
    return ["studies", "show", "s", "--workspace", str(folder)]


def folders(label: Callable[[str], str]) -> Made:
    return lambda folder: fit(folder, class_folders(folder / "photos", label))


LABELS: dict[str, Callable[[str], str]] = {
    "escapes": lambda label: ANSI.replace("/", "") + label,
    "new lines": lambda label: f"a\n{label}",
    "marks of direction": lambda label: f"\u202e{label}",
    "markup": lambda label: "<script>HOSTILE_JS()<" + label,
    "templates": lambda label: TEMPLATE.replace("/", "") + label,
    "formulas": lambda label: f"=HOSTILE({label})",
    "options": lambda label: f"--{label}",
    "255 letters": lambda label: "x" * 254 + label,
    "bytes that are no text": lambda label: os.fsdecode(b"\xff") + label,
    "blanks": lambda label: " " * (1 + "ab".index(label)),
    "hidden": lambda label: f".{label}",
    "splits": lambda label: {"a": "train", "b": "nonsense"}[label],
    "dunders": lambda label: f"__{label}__",
    "the same but for case": lambda label: {"a": "X", "b": "x"}[label],
}


def linked() -> dict[str, Made]:
    def loop(folder: Path) -> Act:
        photos = class_folders(folder / "photos")
        (photos / "a" / "again").symlink_to(photos, target_is_directory=True)
        return fit(folder, photos)

    def outside(folder: Path) -> Act:
        photos = class_folders(folder / "photos")
        (photos / "a" / "x.png").symlink_to(folder.parent / "secret.txt")
        (photos / "c").symlink_to("/etc", target_is_directory=True)
        return fit(folder, photos)

    def deep(folder: Path) -> Act:
        photos = class_folders(folder / "photos")
        place = photos / "a"
        for _ in range(60):
            place = place / ("d" * 50)
        place.mkdir(parents=True)
        return fit(folder, photos)

    def root(folder: Path) -> Act:
        return fit(folder, "/proc/self/fd")

    def locked(folder: Path) -> Act:
        photos = class_folders(folder / "photos")
        (photos / "a").chmod(0)
        return fit(folder, photos)

    def no_write(folder: Path) -> Act:
        photos = class_folders(folder / "photos")
        (folder / "work").write_text("a file")
        return fit(folder, photos)

    def single(folder: Path) -> Act:
        return fit(folder, _picture(folder))

    def empty(folder: Path) -> Act:
        for name in "abc":
            (folder / "photos" / name).mkdir(parents=True)
        return fit(folder, folder / "photos")

    return {
        "a loop in a class": loop,
        "links to the outside": outside,
        "a path too long": deep,
        "a folder of handles": root,
        "a locked class": locked,
        "a workspace that is a file": no_write,
        "one picture": single,
        "empty classes": empty,
    }


CONFIGS: dict[str, bytes | str] = {
    "no TOML": b"\0\xff",
    "deep brackets": b"workspace = " + DEEP.encode(),
    "a number of 5,000 digits": b"workspace = " + DIGITS.encode(),
    "a number": b"workspace = 5",
    "a list": b'workspace = ["a"]',
    "an unknown setting": b'import = "hostile_canary"',
    "a table of names": b"[workspace]\npath = 'x'",
    "the same twice": b"workspace = 'a'\nworkspace = 'b'",
    "zero bytes in a path": b'workspace = "a\\u0000b"',
    "the home of nobody": b'workspace = "~nobody123/x"',
    "a path of 5,000 letters": b'workspace = "' + b"x" * 5000 + b'"',
    "escapes": b'workspace = "\\u001b[2J\\u202e"',
    "a date": b"workspace = 1979-05-27",
    "a date beyond the calendar": b"workspace = 9999-99-99",
    "10 MB": b"# " + b"x" * 10_000_000,
    "a million keys": b"".join(b"a%d = 1\n" % i for i in range(50_000)),
    "dots in dots": b".".join([b"a"] * 20_000) + b" = 1",
    "a pipe": "a pipe",
    "a device": "/dev/zero",
    "a loop": "a loop",
    "a folder": "a folder",
}


def config(content: bytes | str) -> Made:
    def make(folder: Path) -> Act:
        place = folder / "home" / ".archsmith"
        place.mkdir(parents=True)
        if isinstance(content, bytes):
            (place / "config.toml").write_bytes(content)
        else:
            special(content)(place / "config.toml")
        return ["studies", "list"]

    return make


def secret_zip() -> bytes:
    return zipped([(entry("a.png", 0o777 | stat.S_IFLNK), b"../secret.txt"), ("b.png", SECRET.encode())])


def cases() -> list[Case]:
    asked = {name: predict_file("a.zip", content) for name, content in ZIPS.items()}
    asked["a link to a secret"] = predict_file("a.zip", secret_zip)
    return [
        *family("zips to learn from", {name: fit_file("a.zip", content) for name, content in ZIPS.items()}),
        *family("zips to predict", asked),
        *family("pipes, devices, loops", doors()),
        *family("class folders", {f"named {name}": folders(label) for name, label in LABELS.items()} | linked()),
        *family("config.toml", {name: config(content) for name, content in CONFIGS.items()}),
    ]
