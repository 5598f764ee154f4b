"""The files of a bundle: models that point at other files, weights whose heads lie, programs beside them."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile_inputs.bundles import asked, info, written
from hostile_inputs.kit import (
    ANSI,
    BUNDLE,
    BUNDLE_NUMBERS,
    CANARY,
    DEEP,
    MARKUP,
    Act,
    Case,
    bundle_copy,
    family,
    manifest_of,
    pickled,
    write_manifest,
)

Made = Callable[[Path], Act]
# -- parts of a bundle -------------------------------------------------------------------------------------------------


def with_part(name: str, content: bytes | Callable[[Path], bytes], use: Callable[[Path, Path], Act] = asked) -> Made:
    """A part is replaced, and the manifest names its checksum: somebody made all of it."""

    def make(folder: Path) -> Act:
        bundle = bundle_copy(folder)
        made = content(folder) if callable(content) else content
        (bundle / name).write_bytes(made)
        manifest = manifest_of(bundle)
        manifest["files"][name] = hashlib.sha256(made).hexdigest()
        write_manifest(bundle, manifest)
        return use(folder, bundle)

    return make


def model(spoil: Callable[[Any, Path], None]) -> Callable[[Path], bytes]:
    def make(folder: Path) -> bytes:
        import onnx

        found = onnx.load_from_string((BUNDLE / "model.onnx").read_bytes())
        spoil(found, folder)
        return bytes(found.SerializeToString())

    return make


def external(place: str) -> Callable[[Any, Path], None]:
    def spoil(found: Any, folder: Path) -> None:
        tensor = found.graph.initializer[0]
        n = max(1, len(tensor.raw_data))
        tensor.ClearField("raw_data")
        tensor.data_location = 1
        for key, value in (("location", place.replace("@", str(folder))), ("offset", "0"), ("length", str(n))):
            tensor.external_data.add(key=key, value=value)

    return spoil


def operation(kind: str, domain: str = "", **fields: Any) -> Callable[[Any, Path], None]:
    """Every path through the network goes through one more node."""

    def spoil(found: Any, _: Path) -> None:
        import onnx

        last = found.graph.node[-1].output[0]
        found.graph.node[-1].output[0] = "before"
        found.graph.node.append(onnx.helper.make_node(kind, ["before"], [last], domain=domain, **fields))
        if domain:
            found.opset_import.add(domain=domain, version=1)

    return spoil


def huge(found: Any, _: Path) -> None:
    """The model asks for 2**40 numbers."""
    import onnx

    last = found.graph.node[-1].output[0]
    found.graph.node[-1].output[0] = "before"
    sizes = onnx.helper.make_tensor("sizes", onnx.TensorProto.INT64, [3], [2**14, 2**13, 2**13])
    found.graph.initializer.append(sizes)
    found.graph.node.append(onnx.helper.make_node("ConstantOfShape", ["sizes"], ["zeros"]))
    found.graph.node.append(onnx.helper.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0))
    found.graph.node.append(onnx.helper.make_node("Add", ["before", "sum"], [last]))


def endless(found: Any, _: Path) -> None:
    """A loop of 2**60 turns."""
    import onnx

    helper, last = onnx.helper, found.graph.node[-1].output[0]
    found.graph.node[-1].output[0] = "before"
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Sin", ["x"], ["y"])],
        "body",
        [
            helper.make_tensor_value_info("i", 7, []),
            helper.make_tensor_value_info("go", 9, []),
            helper.make_tensor_value_info("x", 1, None),
        ],
        [helper.make_tensor_value_info("on", 9, []), helper.make_tensor_value_info("y", 1, None)],
    )
    found.graph.initializer.append(helper.make_tensor("turns", 7, [], [2**60]))
    found.graph.initializer.append(helper.make_tensor("true", 9, [], [True]))
    found.graph.node.append(helper.make_node("Loop", ["turns", "true", "before"], [last], body=body))


def renamed(found: Any, _: Path) -> None:
    found.graph.output[0].name = "other"


def of_other_type(found: Any, _: Path) -> None:
    found.graph.input[0].type.tensor_type.elem_type = 1


def later(found: Any, _: Path) -> None:
    found.ir_version = 99
    found.opset_import[0].version = 9999


def endless_shape(found: Any, _: Path) -> None:
    for dim in found.graph.input[0].type.tensor_type.shape.dim:
        dim.dim_value = 2**62


def safetensors(head: Any, n: int | None = None, content: bytes = bytes(64)) -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(text) if n is None else n) + text + content


F32 = {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]}
WEIGHTS: dict[str, bytes] = {
    "a head of 2**63 bytes": safetensors(b"{}", 2**63),
    "a head of 100 MB": safetensors(b"{}", 100_000_000),
    "a head of nothing": safetensors(b""),
    "a head of brackets": safetensors(DEEP.encode()),
    "a head of no text": safetensors(b"\xff" * 40),
    "offsets beyond the end": safetensors({"w": {**F32, "data_offsets": [0, 2**60]}}),
    "offsets backwards": safetensors({"w": {**F32, "data_offsets": [64, 0]}}),
    "offsets below nothing": safetensors({"w": {**F32, "data_offsets": [-64, 0]}}),
    "offsets that overlap": safetensors({"v": F32, "w": F32}),
    "shapes that lie": safetensors({"w": {**F32, "shape": [2**40, 2**40]}}),
    "shapes of minus one": safetensors({"w": {**F32, "shape": [-1]}}),
    "an unknown type": safetensors({"w": {**F32, "dtype": "OBJECT"}}),
    "metadata of lists": safetensors({"__metadata__": [1], "w": F32}),
    "a pickle": pickled(),
    "nothing": b"",
}

MODELS: dict[str, Callable[[Path], bytes]] = {
    "weights in /etc/passwd": model(external("/etc/passwd")),
    "weights in a secret beside it": model(external("../../secret.txt")),
    "weights in a device": model(external("/dev/zero")),
    "weights in a pipe": model(external("@/pipe")),
    "weights in memory": model(external("*/_ORT_MEM_ADDR_/*")),
    "weights in a page": model(external("http://127.0.0.1:9/x")),
    "an operation of nobody": model(operation("Trap", CANARY)),
    "an operation of Python": model(operation("PyOp", "ai.onnx.contrib", module=CANARY, func="trap")),
    "an operation of a string": model(operation("StringNormalizer")),
    "an operation that calls itself": model(operation("Itself", "local")),
    "2**40 numbers": model(huge),
    "outputs of another name": model(renamed),
    "inputs of another type": model(of_other_type),
    "a later version": model(later),
    "inputs of 2**62 pixels": model(endless_shape),
    "no graph": lambda _: b"\x08\x0a",
    "an empty file": lambda _: b"",
    "rubbish": lambda _: bytes(range(256)) * 50,
    "half of it": lambda _: (BUNDLE / "model.onnx").read_bytes()[:-1000],
    "deep messages": lambda _: b"\x3a\xff\x01" * 20_000,
    "a pickle": lambda _: pickled(),
    "another bundle's": lambda _: (BUNDLE_NUMBERS / "model.onnx").read_bytes(),
}
TRAP = f"import {CANARY}\n".encode()
BESIDE: dict[str, tuple[str, bytes, Callable[[Path, Path], Act]]] = {
    "a program as network.py": ("network.py", TRAP, asked),
    "a program as network.py, looked at": ("network.py", TRAP, info),
    "a program as network.py, written out": ("network.py", TRAP, written),
    "an architecture of brackets": ("architecture.json", DEEP.encode(), info),
    "a card of markup": ("MODEL_CARD.md", MARKUP.encode(), info),
    "a card of escapes": ("MODEL_CARD.md", ANSI.encode(), info),
}


def beside(name: str, content: bytes) -> Made:
    def make(folder: Path) -> Act:
        bundle = bundle_copy(folder)
        (bundle / name).write_bytes(content)
        os.chmod(bundle / name, 0o755)
        return asked(folder, bundle)

    return make


def cases() -> list[Case]:
    files = {name: with_part(*part) for name, part in BESIDE.items()}
    for name, content in {
        "sitecustomize.py": TRAP,
        "conftest.py": TRAP,
        "onnxruntime.py": TRAP,
        "__init__.py": TRAP,
        "model.onnx.data": b"x",
        "weights.pkl": pickled(),
        "NOTICE.txt": ANSI.encode(),
        "report.html": MARKUP.encode(),
    }.items():
        files[f"{name} beside it"] = beside(name, content)
    return [
        *family("models in bundles", {name: with_part("model.onnx", content) for name, content in MODELS.items()}),
        *family("weights in bundles", {n: with_part("weights.safetensors", c, info) for n, c in WEIGHTS.items()}),
        *family("files beside a bundle", files),
    ]
