"""The Open Inference Protocol (KServe v2): tensors in, tensors out, by the names that ``model.onnx`` gives them.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol, with the extension for binary
tensor data (https://github.com/triton-inference-server/server, ``protocol/extension_binary_data.md``): the body begins
with JSON of ``Inference-Header-Content-Length`` bytes, and the tensors follow in the order in which it names them.
"""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from archsmith.bundle.image_requests import refuse_large
from archsmith.core.errors import ArchsmithError, DataError
from archsmith.data.images.decode import IMAGE
from archsmith.server.batching import FEW_BYTES
from archsmith.server.model import Model
from archsmith.server.refusals import Refusal, malformed
from archsmith.server.request import Answer, Request, as_json
from archsmith.server.settings import Settings
from archsmith.server.tensors import Tensor
from archsmith.version import VERSION

HEADER = "inference-header-content-length"
SIZE, OUTPUT, ALL_OUTPUTS = "binary_data_size", "binary_data", "binary_data_output"
MOST_AXES = 8
SOME_BYTES = 2**20  # of tensors as bytes, which take little reading


def server() -> Answer:
    return as_json({"name": "archsmith", "version": VERSION, "extensions": ["binary_tensor_data"]})


def metadata(model: Model) -> Answer:
    return as_json(
        {
            "name": model.name,
            "versions": [model.version],
            "platform": "onnxruntime_onnx",
            "inputs": [tensor.to_dict() for tensor in model.network.inputs],
            "outputs": [tensor.to_dict() for tensor in model.network.outputs],
        }
    )


async def infer(request: Request, model: Model, settings: Settings) -> Answer:
    """Runs the network once. Raises Refusal."""
    body = await request.body()
    told = request.headers.get(HEADER)
    if len(body) <= FEW_BYTES or (told is not None and len(body) <= SOME_BYTES):
        header, inputs = _read(model, body, told, settings)
    else:  # the event loop has others to look after
        loop = asyncio.get_running_loop()
        header, inputs = await loop.run_in_executor(model.batcher.executor, _read, model, body, told, settings)
    asked = _asked(model, header)
    request.n = len(next(iter(inputs.values()))) if model.network.batched else 1
    try:
        found = await model.run(inputs)
    except ArchsmithError as error:
        raise Refusal.of(error, 400, "not_run") from error
    outputs = dict(zip((tensor.name for tensor in model.network.outputs), found, strict=True))
    return _answer(model, header.get("id"), {name: (outputs[name], binary) for name, binary in asked.items()})


def _read(
    model: Model, body: bytes, told: str | None, settings: Settings
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    header, rest = _split(body, told)
    return header, _inputs(model, header, rest, settings)


def _split(body: bytes, told: str | None) -> tuple[dict[str, Any], memoryview]:
    """The JSON, and the bytes behind it."""
    length = len(body)
    if told is not None:
        if not (told.isdecimal() and len(told) < 12 and int(told) <= length):
            raise malformed(f"The header Inference-Header-Content-Length says {told[:20]!r} of {length:,} bytes.")
        length = int(told)
    try:
        header = orjson.loads(memoryview(body)[:length])
    except orjson.JSONDecodeError as error:
        raise malformed(f"The body is not JSON: {error}.") from error
    if not isinstance(header, dict):
        raise malformed("The body is no JSON object.", "It has the key inputs.")
    if not isinstance(header.get("id", ""), str) or not isinstance(header.get("parameters", {}), dict):
        raise malformed("The id is a text, and the parameters are an object.")
    return header, memoryview(body)[length:]


def _inputs(model: Model, header: Mapping[str, Any], rest: memoryview, settings: Settings) -> dict[str, NDArray[Any]]:
    given = header.get("inputs")
    if not isinstance(given, list) or not all(isinstance(entry, dict) for entry in given):
        raise malformed("The body has no inputs.", "It is a list of tensors.")
    wanted = {tensor.name: tensor for tensor in model.network.inputs}
    names = [entry.get("name") for entry in given]
    if len(names) != len(wanted) or not all(isinstance(name, str) for name in names) or set(names) != set(wanted):
        raise malformed(
            f"The inputs are {str(names)[:200]}, but the model takes {', '.join(map(repr, wanted))}.",
            "Give each once.",
        )
    found: dict[str, NDArray[Any]] = {}
    for entry in given:
        found[entry["name"]], rest = _tensor(wanted[entry["name"]], entry, rest)
    if len(rest):
        raise malformed(f"{len(rest):,} bytes of the body belong to no input.")
    _check_size(model, found, settings)
    return found


def _check_size(model: Model, found: Mapping[str, NDArray[Any]], settings: Settings) -> None:
    if model.network.batched:
        lengths = {len(array) for array in found.values()}
        if len(lengths) > 1:
            raise malformed(f"The inputs have {min(lengths)} and {max(lengths)} examples.", "Give the same number.")
        if max(lengths) > settings.examples:
            raise Refusal(
                413, "too_many", f"The request has more than {settings.examples:,} examples.", "Send several requests."
            )
        if IMAGE in found:
            height, width = found[IMAGE].shape[1:3]
            try:
                refuse_large(height, width, settings.pixels)
            except DataError as error:
                raise Refusal.of(error, 413, "too_large") from error


def _tensor(wanted: Tensor, entry: Mapping[str, Any], rest: memoryview) -> tuple[NDArray[Any], memoryview]:
    """The array of one input, and the bytes behind it."""
    name, shape, parameters = wanted.name, entry.get("shape"), entry.get("parameters", {})
    if entry.get("datatype") != wanted.datatype:
        raise malformed(
            f"The input {name!r} has the datatype {str(entry.get('datatype'))[:20]!r}.", f"It is {wanted.datatype}."
        )
    if not isinstance(shape, list) or not all(type(n) is int and 0 < n < 2**40 for n in shape):
        raise malformed(f"The input {name!r} has no shape.", "It is a list of whole numbers from 1.")
    if len(shape) > MOST_AXES or not wanted.takes(tuple(shape)):
        raise malformed(
            f"The input {name!r} has the shape {shape[:9]}.", f"It is {list(wanted.shape)}; -1 is any length."
        )
    if not isinstance(parameters, dict):
        raise malformed(f"The parameters of the input {name!r} are no object.")
    size = parameters.get(SIZE)
    if size is None:
        if "data" not in entry:
            raise malformed(f"The input {name!r} has no data.")
        return _from_json(wanted, shape, entry["data"]), rest
    if type(size) is not int or not 0 <= size <= len(rest) or "data" in entry:
        raise malformed(f"The input {name!r} says that it has {str(size)[:20]} bytes, of {len(rest):,} that are left.")
    return _from_bytes(wanted, shape, rest[:size]), rest[size:]


def _from_json(wanted: Tensor, shape: list[int], data: Any) -> NDArray[Any]:
    values: list[Any] = []
    _flatten(data, values, math.prod(shape), MOST_AXES, wanted.name)
    if len(values) != math.prod(shape):
        raise malformed(f"The input {wanted.name!r} has {len(values):,} values for the shape {shape}.")
    kind = wanted.dtype.kind
    allowed: tuple[type, ...] = {"b": (bool,), "f": (float, int, type(None)), "O": (str,)}.get(kind, (int,))
    if not set(map(type, values)) <= set(allowed):
        raise malformed(f"A value of the input {wanted.name!r} is not of the datatype {wanted.datatype}.")
    if kind == "O":
        array = np.empty(len(values), object)
        array[:] = values
        return array.reshape(shape)
    try:
        if kind in "iu":
            least, most = np.iinfo(wanted.dtype).min, np.iinfo(wanted.dtype).max
            if not (least <= min(values) and max(values) <= most):
                raise OverflowError
        return np.array(values, np.float64 if kind == "f" else wanted.dtype).astype(wanted.dtype).reshape(shape)
    except (OverflowError, ValueError) as error:
        raise malformed(f"A value of the input {wanted.name!r} does not fit into {wanted.datatype}.") from error


def _flatten(data: Any, into: list[Any], most: int, depth: int, name: str) -> None:
    """Nested lists in the order of their values."""
    if not isinstance(data, list) or depth == 0:
        raise malformed(f"The data of the input {name!r} are no list of values.")
    if data and isinstance(data[0], list):
        for inner in data:
            _flatten(inner, into, most, depth - 1, name)
    else:
        into += data
    if len(into) > most:
        raise malformed(f"The input {name!r} has more values than its shape says.")


def _from_bytes(wanted: Tensor, shape: list[int], data: memoryview) -> NDArray[Any]:
    if wanted.dtype.kind == "O":
        return _texts(wanted.name, math.prod(shape), data).reshape(shape)
    if len(data) != math.prod(shape) * wanted.dtype.itemsize:
        raise malformed(f"The input {wanted.name!r} has {len(data):,} bytes for the shape {shape}.")
    return np.frombuffer(data, wanted.dtype.newbyteorder("<")).astype(wanted.dtype, copy=False).reshape(shape)


def _texts(name: str, n: int, data: memoryview) -> NDArray[Any]:
    """Each text is its length in 4 bytes, and its bytes."""
    found: list[str] = []
    place = 0
    while place < len(data) and len(found) < n:
        if place + 4 > len(data):
            break
        (length,) = struct.unpack_from("<I", data, place)
        place += 4
        if place + length > len(data):
            raise malformed(f"A text of the input {name!r} is cut off.")
        try:
            found.append(str(data[place : place + length], "utf-8"))
        except UnicodeDecodeError as error:
            raise malformed(f"A text of the input {name!r} is not UTF-8.") from error
        place += length
    if len(found) != n or place != len(data):
        raise malformed(f"The input {name!r} has not {n:,} texts in its {len(data):,} bytes.")
    array = np.empty(n, object)
    array[:] = found
    return array


def _asked(model: Model, header: Mapping[str, Any]) -> dict[str, bool]:
    """The outputs that are wanted: name -> as bytes?"""
    known = [tensor.name for tensor in model.network.outputs]
    binary = _flag(header.get("parameters", {}), ALL_OUTPUTS, False)
    given = header.get("outputs", [])
    if given == []:
        return dict.fromkeys(known, binary)
    if not isinstance(given, list) or not all(isinstance(entry, dict) for entry in given):
        raise malformed("The outputs are no list of tensors.")
    found: dict[str, bool] = {}
    for entry in given:
        name, parameters = entry.get("name"), entry.get("parameters", {})
        if name not in known or name in found:
            raise malformed(f"There is no output {str(name)[:64]!r}, or it is asked for twice.", f"There are {known}.")
        if not isinstance(parameters, dict) or "classification" in parameters or "shared_memory_region" in parameters:
            raise malformed(f"The parameters of the output {name!r} are not understood.", f"{OUTPUT} is true or false.")
        found[name] = _flag(parameters, OUTPUT, binary)
    return found


def _flag(parameters: Mapping[str, Any], name: str, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise malformed(f"{name} is {str(value)[:20]!r}.", "It is true or false.")
    return value


def _answer(model: Model, id_: str | None, outputs: Mapping[str, tuple[NDArray[Any], bool]]) -> Answer:
    entries, raw = [], []
    for tensor in model.network.outputs:
        if tensor.name not in outputs:
            continue
        array, binary = outputs[tensor.name]
        entry: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(array.shape)}
        if binary:
            raw.append(_to_bytes(array))
            entry["parameters"] = {SIZE: len(raw[-1])}
        else:
            entry["data"] = array.ravel().tolist()
        entries.append(entry)
    head: dict[str, Any] = {"model_name": model.name, "model_version": model.version, "outputs": entries}
    if id_ is not None:
        head["id"] = id_
    text = orjson.dumps(head)
    if not raw:
        return Answer(text)
    return Answer(b"".join((text, *raw)), type="application/octet-stream", headers={HEADER: str(len(text))})


def _to_bytes(array: NDArray[Any]) -> bytes:
    if array.dtype.kind == "O":
        texts = [str(text).encode() for text in array.ravel()]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
