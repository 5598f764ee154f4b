"""ONNX files of others: what is within the limits runs, and all else is refused before onnxruntime sees it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.server import foreign
from archsmith.server.foreign import ForeignNetwork, check
from archsmith.server.model import load
from archsmith.server.settings import Settings

onnx = pytest.importorskip("onnx")

FLOAT = 1


def model(*nodes: Any, inner: Any = None, domain: str = "", values: Any = None) -> bytes:
    """y = x + w, and further nodes."""
    from onnx import helper, numpy_helper

    weights = values or numpy_helper.from_array(np.ones(3, np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"], domain=domain), *nodes],
        "g",
        [helper.make_tensor_value_info("x", FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", FLOAT, ["n", 3])],
        [weights],
    )
    opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return bytes(made.SerializeToString())


def nested(depth: int) -> Any:
    from onnx import helper

    graph = helper.make_graph([], "inner", [], [])
    for _ in range(depth):
        graph = helper.make_graph([helper.make_node("If", ["c"], ["z"], then_branch=graph)], "inner", [], [])
    return helper.make_node("If", ["c"], ["z"], then_branch=graph)


def test_it_runs_on_tensors(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(model())
    network = ForeignNetwork(tmp_path / "m.onnx")
    assert [(entry.name, entry.datatype, entry.shape) for entry in network.inputs] == [("x", "FP32", (-1, 3))]
    assert network.run(network.sample(1))[0].tolist() == [[1, 1, 1]] and not network.batched
    with pytest.raises(ArchsmithError, match="could not run"):
        network.run({"x": np.zeros((1, 4), np.float32)})


def test_a_domain_that_no_operation_uses_is_no_matter(tmp_path: Path) -> None:
    made = onnx.load_from_string(model())
    made.opset_import.append(onnx.helper.make_opsetid("com.microsoft.nchwc", 1))  # as onnxruntime writes it
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    network = ForeignNetwork(tmp_path / "m.onnx")
    assert network.run(network.sample(1))[0].tolist() == [[1, 1, 1]]


def test_a_network_that_does_not_run_with_every_open_length_1_is_served(tmp_path: Path) -> None:
    from onnx import helper, numpy_helper

    weights = numpy_helper.from_array(np.ones((1, 1, 3, 3), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", FLOAT, [1, 1, "h", "w"])],
        [helper.make_tensor_value_info("y", FLOAT, [1, 1, "h2", "w2"])],
        [weights],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    with ThreadPoolExecutor(1) as pool:
        served = load("m", tmp_path / "m.onnx", Settings(threads=1, foreign=True), pool)
        with pytest.raises(ArchsmithError):
            served.network.run(served.network.sample(1))
        (found,) = asyncio.run(served.run({"x": np.ones((1, 1, 3, 3), np.float32)}))
    assert found.tolist() == [[[[9]]]]


def test_operations_of_other_domains_are_refused() -> None:
    with pytest.raises(UsageError, match=r"'com\.evil', which are not of the standard"):
        check(model(domain="com.evil"))


def test_a_domain_inside_of_a_branch_is_found() -> None:
    from onnx import helper

    graph = helper.make_graph([helper.make_node("Evil", [], ["z"], domain="com.evil")], "inner", [], [])
    with pytest.raises(UsageError, match=r"com\.evil"):
        check(model(helper.make_node("If", ["c"], ["z"], then_branch=graph)))


@pytest.mark.parametrize("inside", [False, True])
def test_weights_in_other_files_are_refused(inside: bool) -> None:
    from onnx import TensorProto, helper

    tensor = TensorProto(name="w", dims=[3], data_type=FLOAT, data_location=TensorProto.EXTERNAL)
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    given = model(helper.make_node("Constant", [], ["z"], value=tensor)) if inside else model(values=tensor)
    with pytest.raises(UsageError, match="weights in other files"):
        check(given)


def test_graphs_that_are_nested_too_deeply_are_refused() -> None:
    check(model(nested(foreign.DEEPEST - 3)))
    with pytest.raises(UsageError, match="nested more than"):
        check(model(nested(foreign.DEEPEST)))


def test_too_many_operations_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "MOST_NODES", 0)
    with pytest.raises(UsageError, match="more than 0 operations"):
        check(model())


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "LARGEST", 10)
    (tmp_path / "m.onnx").write_bytes(model())
    with pytest.raises(UsageError, match="larger than"):
        ForeignNetwork(tmp_path / "m.onnx")


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\x3a\xff\xff\xff\xff\x0f", b"\x0b", b"x" * 50, b"\x80" * 20])
def test_what_is_no_onnx_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(UsageError, match="is no ONNX file"):
        ForeignNetwork(tmp_path / "m.onnx")


def test_any_cut_of_a_file_is_refused(tmp_path: Path) -> None:
    whole = model()
    for length in range(0, len(whole), 7):
        (tmp_path / "m.onnx").write_bytes(whole[:length])
        with pytest.raises(UsageError):
            ForeignNetwork(tmp_path / "m.onnx")
