"""Bundles that somebody sent: manifests with every field of another kind, specs that name code, architectures that are
drawn.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile_inputs.kit import (
    ANSI,
    BUNDLE,
    BUNDLE_NUMBERS,
    CANARY,
    DEEP,
    DIGITS,
    LONG,
    MARKUP,
    TEMPLATE,
    Act,
    Case,
    bundle_copy,
    family,
    manifest_of,
    pickled,
    picture,
    write_manifest,
)

Made = Callable[[Path], Act]

Made = Callable[[Path], Act]
KINDS: dict[str, Any] = {
    "null": None,
    "true": True,
    "minus one": -1,
    "a fraction": 0.5,
    "2**63": 2**63,
    "10**400": 10**400,
    "a text": "x",
    "an empty text": "",
    "escapes": ANSI,
    "code": f"{CANARY}:Trap",
    "a list": [[], {}],
    "a mapping": {"type": f"{CANARY}:Trap", "args": {}},
}


def asked(folder: Path, bundle: Path) -> Act:
    (folder / "p.png").write_bytes(picture())
    return ["predict", str(bundle), str(folder / "p.png"), "--json"]


def info(_: Path, bundle: Path) -> Act:
    return ["bundles", "info", str(bundle), "--threads", "1"]


def drawn(folder: Path, bundle: Path) -> Act:
    return ["draw", str(bundle), "--out", str(folder / "a.svg")]


def written(_: Path, bundle: Path) -> Act:
    return ["source", str(bundle)]


def with_manifest(change: Callable[[Any], Any], use: Callable[[Path, Path], Act] = info, source: Path = BUNDLE) -> Made:
    """``change`` edits the manifest, or returns another one (bytes are written as they are)."""

    def make(folder: Path) -> Act:
        bundle = bundle_copy(folder, source)
        manifest = manifest_of(bundle)
        changed = change(manifest)
        write_manifest(bundle, manifest if changed is None else changed)
        return use(folder, bundle)

    return make


def put(path: tuple[Any, ...], value: Any) -> Callable[[Any], None]:
    def change(manifest: Any) -> None:
        for key in path[:-1]:
            manifest = manifest[key]
        manifest[path[-1]] = copy.deepcopy(value)

    return change


def fields(manifest: Any, before: tuple[Any, ...] = (), depth: int = 3) -> list[tuple[Any, ...]]:
    """The paths of all fields; of a list, its first."""
    if depth == 0 or not isinstance(manifest, dict | list) or not manifest:
        return []
    keys = list(manifest) if isinstance(manifest, dict) else [0]
    found = [(*before, key) for key in keys]
    return found + [path for key in keys for path in fields(manifest[key], (*before, key), depth - 1)]


def every_field() -> dict[str, Made]:
    """Every second field of the manifest, each with one of a few kinds of JSON, by turns."""
    made: dict[str, Made] = {}
    kinds = list(KINDS.items())
    uses = (info, asked, info, drawn)
    for i, path in enumerate(fields(manifest_of(BUNDLE))):
        name, value = kinds[i % len(kinds)]
        place = ".".join(map(str, path))
        made[f"{place}: {name}"] = with_manifest(put(path, value), uses[i % len(uses)])
    for path in fields(manifest_of(BUNDLE), depth=1):
        for name, value in kinds:
            made.setdefault(f"{path[0]}: {name}", with_manifest(put(path, value), asked))
    return dict(list(made.items())[::2])


def text_change(old: str, new: str) -> Callable[[Any], bytes]:
    return lambda manifest: json.dumps(manifest).replace(old, new, 1).encode()


WHOLE: dict[str, Callable[[Any], Any]] = {
    "NaN": text_change('"params": ', '"params": NaN, "x": '),
    "infinity": text_change('"macs": ', '"macs": -Infinity, "x": '),
    "5,000 digits": text_change('"params": ', f'"params": {DIGITS}, "x": '),
    "deep brackets": lambda _: DEEP.encode(),
    "deep mappings": lambda _: b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "keys twice": text_change('{"format"', '{"format": "other", "format_version": 99, "format"'),
    "16 MB": lambda _: b'{"x": "' + b"y" * (17 << 20) + b'"}',
    "a mark before it": lambda manifest: b"\xef\xbb\xbf" + json.dumps(manifest).encode(),
    "UTF-16": lambda manifest: json.dumps(manifest).encode("utf-16"),
    "no text": lambda _: b"\xff\xfe\0",
    "nothing": lambda _: b"",
    "half of it": lambda manifest: json.dumps(manifest).encode()[:700],
    "a pickle": lambda _: pickled(),
    "a later format": put(("format_version",), 99),
    "a format of 10**400": put(("format_version",), 10**400),
    "a format that is a truth": put(("format_version",), True),
    "one lone surrogate": text_change('"pictures"', '"\\ud800"'),
    "100,000 unknown keys": lambda manifest: {**manifest, **{f"k{i}": i for i in range(100_000)}},
    "classes of escapes": lambda m: put(("task", "outputs", 0, "classes"), [ANSI, "b", "c"])(m),
    "a file that leads out": lambda m: put(("files", "../../secret.txt"), "0" * 64)(m),
    "a file of all": lambda m: put(("files", "/etc/passwd"), "0" * 64)(m),
    "no files": put(("files",), {}),
    "files without sums": put(("files", "model.onnx"), ""),
    "a temperature of nothing": put(("preprocessing", "temperature"), 0),
    "a temperature of NaN": put(("preprocessing", "temperature"), float("nan")),
    "pictures of 2**31 pixels": lambda m: (
        put(("preprocessing", "height"), 2**31)(m),
        put(("task", "inputs", 0, "shape"), [1, 2**31, 8])(m),
    )[0],
    "pictures of no pixels": lambda m: (
        put(("preprocessing", "height"), 0)(m),
        put(("task", "inputs", 0, "shape"), [1, 0, 8])(m),
    )[0],
    "a deviation of nothing": put(("preprocessing", "std"), [0.0]),
    "means of 10**6 channels": put(("preprocessing", "mean"), [0.0] * 10**6),
    "another kind of data": lambda m: (put(("format_version",), 3)(m), put(("modality",), f"{CANARY}:Trap")(m))[0],
    "a kind that is unknown": lambda m: (put(("format_version",), 3)(m), put(("modality",), "os")(m))[0],
}

SPECS: dict[str, Any] = {
    "a foreign class": {"type": f"{CANARY}:Trap", "args": {}},
    "a function of the system": {"type": "os:system", "args": {"command": "touch $HOSTILE_MARKS/spec"}},
    "a process": {"type": "subprocess:Popen", "args": {"args": ["touch", "x"]}},
    "a class of the standard library": {"type": "http.server:HTTPServer", "args": {}},
    "a foreign class inside": {"type": "conv_stages", "args": {"recipe": {"type": f"{CANARY}:Trap", "args": {}}}},
    "a foreign function": {"type": "function", "args": {"function": f"{CANARY}:trap"}},
    "a class of ours that reads files": {"type": "table", "args": {"path": "/etc/passwd"}},
    "a class of ours that waits for ever": {"type": "table", "args": {"path": "/dev/zero"}},
    "a class of ours that is no space": {"type": "archsmith.runtime.sqlite:SqliteStore", "args": {"folder": "x"}},
    "a function of ours": {"type": "archsmith.cli.main:main", "args": {}},
    "a deep class": {"type": "archsmith.core.files:os.system", "args": {}},
    "no class": {"type": ":", "args": {}},
    "a class in a module above": {"type": "..os:system", "args": {}},
    "a module that is none": {"type": "archsmith.nope:Nope", "args": {}},
    "settings of 10**9 stages": {"type": "conv_stages", "args": {"input_shape": [1, 10**9, 10**9], "n_outputs": 10**9}},
    "settings of minus one": {"type": "conv_stages", "args": {"input_shape": [-1, -1, -1], "n_outputs": -1}},
    "settings of texts": {"type": "conv_stages", "args": {"input_shape": "abc", "n_outputs": "x"}},
    "a spec in a spec": {"type": {"type": "conv_stages"}, "args": []},
    "deep specs": json.loads('{"type": "conv_stages", "args": {"recipe": ' * 150 + "1" + "}}" * 150),
}


def node(op: str, inputs: list[Any], **more: Any) -> dict[str, Any]:
    return {"name": op, "op": op, "inputs": inputs, "args": {}, "shape": [1, 8, 8], "key": "", **more}


GRAPHS: dict[str, Any] = {
    "nothing": {},
    "no nodes": {"nodes": [], "scopes": {}},
    "an unknown operation": {"nodes": [node("system", [])], "scopes": {}},
    "an operation of code": {"nodes": [node(f"{CANARY}:trap", [])], "scopes": {}},
    "a loop": {"nodes": [node("relu", [0])], "scopes": {}, "inputs": [0], "outputs": [0]},
    "inputs beyond the end": {"nodes": [node("relu", [99, -1])], "scopes": {}},
    "scopes of themselves": {"nodes": [], "scopes": {"a": {"kind": "A", "parent": "a"}}},
    "names of markup": {"nodes": [node("input", [], name=MARKUP)], "scopes": {"": {"kind": MARKUP}}},
    "names of Python": {"nodes": [node("input", [], name=f"x\nimport {CANARY}\n")], "scopes": {}},
}


def with_search(**search: Any) -> Callable[[Any], None]:
    def change(manifest: Any) -> None:
        manifest["facts"]["search"] = search

    return change


def named(change: Callable[[str], str]) -> Callable[[Any], None]:
    """The kinds of all scopes and names of all decisions changed: they stand in drawings and sources."""

    def spoil(manifest: Any) -> None:
        decided = manifest["facts"]["architecture"]
        manifest["facts"]["architecture"] = {change(name): value for name, value in decided.items()}

    return spoil


# -- architectures in files --------------------------------------------------------------------------------------------

ARCHITECTURES: dict[str, bytes] = {
    "no text": b"\xff\xfe",
    "deep brackets": DEEP.encode(),
    "5,000 digits": DIGITS.encode(),
    "a number": b"5",
    "a list": b"[1, 2]",
    "nothing": b"",
    "NaN": b'{"a": NaN}',
    "keys twice": b'{"a": 1, "a": 2}',
    "an empty mapping": b"{}",
    "a mapping of mappings": b'{"a": {"b": 1}}',
    "names of markup": json.dumps({MARKUP: 1}).encode(),
    "names of escapes": json.dumps({ANSI: ANSI}).encode(),
    "names of 5,000 letters": json.dumps({LONG: LONG}).encode(),
    "names of templates": json.dumps({TEMPLATE: TEMPLATE}).encode(),
    "surrogates": b'{"\\ud800": 1}',
    "a pickle": pickled(),
    "20 MB": b'{"a": "' + b"x" * 20_000_000 + b'"}',
    "a million decisions": ("{" + ",".join(f'"{i}": 1' for i in range(200_000)) + "}").encode(),
    "10**400": b'{"a": 1' + b"0" * 400 + b"}",
}


def architecture(content: bytes, command: str) -> Made:
    def make(folder: Path) -> Act:
        (folder / "a.json").write_bytes(content)
        out = ["--out", str(folder / "out.svg")] if command == "draw" else []
        return [command, str(folder / "a.json"), "--space", "nasnet", *out]

    return make


def cases() -> list[Case]:
    numbers = {
        f"regression, {name}": with_manifest(put(("task",), value), asked, BUNDLE_NUMBERS)
        for name, value in KINDS.items()
    }
    whole = {name: with_manifest(change) for name, change in WHOLE.items()}
    specs = {name: with_manifest(with_search(space_spec=spec), drawn) for name, spec in SPECS.items()}
    graphs = {f"a graph of {name}": with_manifest(with_search(graph=graph), written) for name, graph in GRAPHS.items()}
    drawings = {f"{name}, drawn": architecture(content, "draw") for name, content in ARCHITECTURES.items()}
    return [
        *family("manifests, each field", every_field()),
        *family("manifests as a whole", whole | numbers),
        *family("specs and graphs in manifests", specs | graphs),
        *family("architectures in files", drawings),
    ]
