"""ONNX files that were not made here: looked at before onnxruntime gets them, and run on tensors only.

What is looked at: the size of the file, that all operations come from the standard domains, that no weights lie in
other files, and that graphs are not nested too deeply. The file is read as protobuf, field by field
(https://protobuf.dev/programming-guides/encoding; numbers of fields from ``onnx.proto``), because the package ``onnx``
does not belong to the base.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.bundle.manifest import Manifest, checksum
from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.core.files import reading, reason, regular_size
from archsmith.server.batching import Arrays
from archsmith.server.tensors import tensors

LARGEST = 512 * 2**20  # bytes of a file
MOST_NODES = 100_000
DEEPEST = 8  # graphs inside of graphs
DOMAINS = frozenset(("", "ai.onnx", "ai.onnx.ml"))

# Numbers of fields in onnx.proto.
MODEL_GRAPH, MODEL_FUNCTIONS = 7, 25
GRAPH_NODES, GRAPH_TENSORS, GRAPH_SPARSE = 1, 5, 15
NODE_ATTRIBUTES, NODE_DOMAIN = 5, 7
FUNCTION_NODES = 7
ATTRIBUTE_TENSOR, ATTRIBUTE_GRAPH, ATTRIBUTE_TENSORS, ATTRIBUTE_GRAPHS = 5, 6, 10, 11
ATTRIBUTE_SPARSE = (22, 23)
SPARSE_VALUES, SPARSE_INDEXES = 1, 2
TENSOR_EXTERNAL, TENSOR_LOCATION = 13, 14


class ForeignNetwork:
    """The network in an ONNX file. Calls run in the thread that calls.

    ``checksum``: SHA-256 of the file.
    """

    manifest: Manifest | None = None
    batched = False

    def __init__(self, path: Path) -> None:
        """Raises UsageError for a file that is not within the limits, or that onnxruntime cannot load."""
        import onnxruntime

        size = regular_size(path)
        if size > LARGEST:
            raise UsageError(f"{str(path)!r} is larger than {LARGEST >> 20} MiB.", "Files of others are limited.")
        content = path.read_bytes()
        with reading(f"{str(path)!r} is no ONNX file", "Export it again."):
            check(content)
        self.checksum = checksum(content)
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_mem_pattern = False
        try:
            self._session = onnxruntime.InferenceSession(
                content, sess_options=options, providers=["CPUExecutionProvider"]
            )
            self.inputs = tensors(self._session.get_inputs())
            self.outputs = tensors(self._session.get_outputs())
        except KeyError as error:
            raise UsageError(
                f"{str(path)!r} has an input or output of the type {error}, which cannot be sent."
            ) from None
        except Exception as error:
            raise UsageError(f"onnxruntime cannot load {str(path)!r}: {reason(error)}.") from error

    def run(self, inputs: Arrays) -> list[NDArray[Any]]:
        """All outputs. Raises ArchsmithError."""
        try:
            found: list[NDArray[Any]] = self._session.run(None, dict(inputs))
        except Exception as error:
            raise ArchsmithError(f"onnxruntime could not run the network: {reason(error)}.") from error
        return found

    def sample(self, n: int) -> Arrays:
        """Inputs of zeros, every open length 1."""
        found = {}
        for tensor in self.inputs:
            shape = tuple(1 if length == -1 else length for length in tensor.shape)
            found[tensor.name] = (
                np.full(shape, "", object) if tensor.datatype == "BYTES" else np.zeros(shape, tensor.dtype)
            )
        return found


def check(content: bytes) -> None:
    """Raises UsageError for an ONNX model that is not within the limits, ValueError or IndexError for what is none."""
    nodes = _Counter()
    graphs = 0
    for number, value in _fields(memoryview(content)):
        if number == MODEL_GRAPH:
            graphs += 1
            _check_graph(value, nodes, DEEPEST)
        elif number == MODEL_FUNCTIONS:
            for inner, node in _fields(value):
                if inner == FUNCTION_NODES:
                    _check_node(node, nodes, DEEPEST)
    if graphs != 1:
        raise ValueError("it holds no graph")


class _Counter:
    n = 0


def _check_graph(graph: memoryview, nodes: _Counter, depth: int) -> None:
    if depth == 0:
        raise UsageError(f"The graphs of this file are nested more than {DEEPEST} deep.")
    for number, value in _fields(graph):
        if number == GRAPH_NODES:
            _check_node(value, nodes, depth)
        elif number == GRAPH_TENSORS:
            _check_tensor(value)
        elif number == GRAPH_SPARSE:
            _check_sparse(value)


def _check_node(node: memoryview, nodes: _Counter, depth: int) -> None:
    nodes.n += 1
    if nodes.n > MOST_NODES:
        raise UsageError(f"This file has more than {MOST_NODES:,} operations.")
    for number, value in _fields(node):
        if number == NODE_DOMAIN:
            _check_domain(value)
        elif number == NODE_ATTRIBUTES:
            for kind, inner in _fields(value):
                if kind in (ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS):
                    _check_graph(inner, nodes, depth - 1)
                elif kind in (ATTRIBUTE_TENSOR, ATTRIBUTE_TENSORS):
                    _check_tensor(inner)
                elif kind in ATTRIBUTE_SPARSE:
                    _check_sparse(inner)


def _check_sparse(tensor: memoryview) -> None:
    for number, value in _fields(tensor):
        if number in (SPARSE_VALUES, SPARSE_INDEXES):
            _check_tensor(value)


def _check_tensor(tensor: memoryview) -> None:
    for number, value in _fields(tensor, varints=True):
        if number == TENSOR_EXTERNAL or (number == TENSOR_LOCATION and value != 0):
            raise UsageError("This file keeps weights in other files.", "Save it as one file.")


def _check_domain(domain: memoryview) -> None:
    name = bytes(domain).decode("utf-8", "replace")
    if name not in DOMAINS:
        raise UsageError(f"This file uses operations of {name[:60]!r}, which are not of the standard.")


def _fields(message: memoryview, varints: bool = False) -> Iterator[tuple[int, Any]]:
    """Number and bytes of each field with bytes; with ``varints``, whole numbers too."""
    place, end = 0, len(message)
    while place < end:
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, place = _varint(message, place)
            if varints:
                yield number, value
        elif wire == 2:
            length, place = _varint(message, place)
            if place + length > end:
                raise ValueError("a field is cut off")
            yield number, message[place : place + length]
            place += length
        elif wire in (1, 5):
            place += 8 if wire == 1 else 4
        else:
            raise ValueError("it is no protobuf")


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number has no end")
