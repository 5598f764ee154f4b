"""The Open Inference Protocol: as JSON, and with tensors as bytes behind it."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.bundle.predictor import Predictor

PATH = "/v2/models/bundle_classes"
IMAGE = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 1), dtype=np.uint8)


def tensor(**changed: Any) -> dict[str, Any]:
    whole = {"name": "image", "datatype": "UINT8", "shape": list(IMAGE.shape), "data": IMAGE.ravel().tolist()}
    return {name: value for name, value in {**whole, **changed}.items() if value is not None}


def binary(header: dict[str, Any], *raw: bytes) -> tuple[bytes, dict[str, str]]:
    text = json.dumps(header).encode()
    return text + b"".join(raw), {"inference-header-content-length": str(len(text))}


def texts(*values: str) -> bytes:
    return b"".join(struct.pack("<I", len(value.encode())) + value.encode() for value in values)


def test_what_the_server_and_its_models_are(digits: Any) -> None:
    version = digits("GET", "/v1/models/bundle_classes").json["version"]
    assert digits("GET", "/v2").json["extensions"] == ["binary_tensor_data"]
    for path in (PATH, f"{PATH}/versions/{version}"):
        said = digits("GET", path).json
        assert said["versions"] == [version] and said["platform"] == "onnxruntime_onnx"
        assert said["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, -1, -1, 1]}]
        assert digits("GET", f"{path}/ready").json == {"name": "bundle_classes", "ready": True}
    assert digits("GET", f"{PATH}/versions/1").status == 404
    assert digits("GET", "/v2/health/live").status == digits("GET", "/v2/health/ready").status == 200


@pytest.mark.parametrize("data", [IMAGE.ravel().tolist(), IMAGE.tolist()], ids=["flat", "nested"])
def test_json_in_and_out(digits: Any, classes_folder: Path, data: Any) -> None:
    said = digits("POST", f"{PATH}/infer", {"id": "7", "inputs": [tensor(data=data)]}).json
    (output,) = said["outputs"]
    assert said["id"] == "7" and (output["name"], output["datatype"]) == ("probabilities", "FP32")
    wanted = Predictor(classes_folder).predict_proba(IMAGE)
    np.testing.assert_allclose(np.reshape(output["data"], output["shape"]), wanted, atol=1e-6)


def test_bytes_in_and_out(digits: Any, classes_folder: Path) -> None:
    raw = IMAGE.tobytes()
    given = tensor(data=None, parameters={"binary_data_size": len(raw)})
    asked = {"inputs": [given], "parameters": {"binary_data_output": True}}
    answer = digits("POST", f"{PATH}/infer", *binary(asked, raw))
    assert answer.headers["content-type"] == "application/octet-stream"
    length = int(answer.headers["inference-header-content-length"])
    (output,) = json.loads(answer.body[:length])["outputs"]
    assert output["parameters"]["binary_data_size"] == len(answer.body) - length and "data" not in output
    found = np.frombuffer(answer.body[length:], "<f4").reshape(output["shape"])
    np.testing.assert_allclose(found, Predictor(classes_folder).predict_proba(IMAGE), atol=1e-6)


def test_large_requests_are_read_as_small_ones_are(serving: Any, classes_folder: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1, 1100, 1000, 1), dtype=np.uint8)
    asking = serving(classes_folder)
    given = {"name": "image", "datatype": "UINT8", "shape": list(pixels.shape)}
    as_json = asking("POST", f"{PATH}/infer", {"inputs": [{**given, "data": pixels.tolist()}]}).json
    given["parameters"] = {"binary_data_size": pixels.nbytes}
    as_bytes = asking("POST", f"{PATH}/infer", *binary({"inputs": [given]}, pixels.tobytes())).json
    assert as_json["outputs"] == as_bytes["outputs"]
    np.testing.assert_allclose(
        as_json["outputs"][0]["data"], Predictor(classes_folder).predict_proba(pixels)[0], atol=1e-5
    )
    assert asking("POST", f"{PATH}/infer", {"inputs": [{**given, "data": ["x" * 10**6]}]}).status == 400


def test_each_output_says_how_it_comes(digits: Any) -> None:
    for wanted in (True, False):
        asked = {"name": "probabilities", "parameters": {"binary_data": wanted}}
        answer = digits("POST", f"{PATH}/infer", {"inputs": [tensor()], "outputs": [asked]})
        assert answer.status == 200 and ("inference-header-content-length" in answer.headers) == wanted


def test_texts_and_missing_numbers(serving: Any, people_folder: Path) -> None:
    asking = serving(people_folder)
    numbers = {"name": "numbers", "datatype": "FP64", "shape": [2, 2], "data": [30, 17927, None, 17927]}
    jobs = {"name": "categories", "datatype": "BYTES", "shape": [2, 1], "data": ["clerk", "quéen"]}
    as_json = asking("POST", "/v2/models/people/infer", {"inputs": [numbers, jobs]}).json["outputs"][0]
    raw = (np.array([30, 17927, np.nan, 17927]).tobytes(), texts("clerk", "quéen"))
    given = [
        {**{key: value for key, value in entry.items() if key != "data"}, "parameters": {"binary_data_size": len(part)}}
        for entry, part in zip((numbers, jobs), raw, strict=True)
    ]
    as_bytes = asking("POST", "/v2/models/people/infer", *binary({"inputs": given}, *raw)).json["outputs"][0]
    rows = [{"age": 30, "hired": "2019-01-31", "job": "clerk"}, {"age": None, "hired": "2019-01-31", "job": "x"}]
    wanted = Predictor(people_folder).predict_proba(rows).ravel()
    np.testing.assert_allclose(as_json["data"], wanted, atol=1e-6)
    assert as_bytes["data"] == as_json["data"]


@pytest.mark.parametrize(
    "body, said",
    [
        ({}, "no inputs"),
        ([], "no JSON object"),
        ({"inputs": {}}, "no inputs"),
        ({"inputs": [1]}, "no inputs"),
        ({"inputs": []}, "the model takes 'image'"),
        ({"inputs": [tensor(), tensor()]}, "the model takes 'image'"),
        ({"inputs": [tensor(name="x")]}, "the model takes 'image'"),
        ({"inputs": [tensor(name=["image"])]}, "the model takes 'image'"),
        ({"inputs": [tensor(datatype="FP32")]}, "It is UINT8"),
        ({"inputs": [tensor(datatype=None)]}, "It is UINT8"),
        ({"inputs": [tensor(shape=None)]}, "no shape"),
        ({"inputs": [tensor(shape=[2, 8, 8, -1])]}, "no shape"),
        ({"inputs": [tensor(shape=[0, 8, 8, 1])]}, "no shape"),
        ({"inputs": [tensor(shape=[2, 8, 8, 3])]}, "-1 is any length"),
        ({"inputs": [tensor(shape=[128])]}, "-1 is any length"),
        ({"inputs": [tensor(shape=[10**9, 10**9, 10**9, 1])]}, "has 128 values"),
        ({"inputs": [tensor(data=None)]}, "no data"),
        ({"inputs": [tensor(data=[1, 2])]}, "has 2 values"),
        ({"inputs": [tensor(data=[0] * 129)]}, "more values"),
        ({"inputs": [tensor(data="x" * 128)]}, "no list"),
        ({"inputs": [tensor(data=[256] * 128)]}, "does not fit into UINT8"),
        ({"inputs": [tensor(data=[1.5] * 128)]}, "not of the datatype"),
        ({"inputs": [tensor(data=[True] * 128)]}, "not of the datatype"),
        ({"inputs": [tensor(data=[None] * 128)]}, "not of the datatype"),
        ({"inputs": [tensor(parameters=3)]}, "no object"),
        ({"inputs": [tensor(parameters={"binary_data_size": 128})]}, "128 bytes"),
        ({"inputs": [tensor(data=None, parameters={"binary_data_size": 10**12})]}, "bytes"),
        ({"inputs": [tensor(data=None, parameters={"binary_data_size": -1})]}, "bytes"),
        ({"inputs": [tensor()], "outputs": [{"name": "x"}]}, "no output 'x'"),
        ({"inputs": [tensor()], "outputs": [{"name": "probabilities"}] * 2}, "asked for twice"),
        ({"inputs": [tensor()], "outputs": 3}, "no list"),
        (
            {"inputs": [tensor()], "outputs": [{"name": "probabilities", "parameters": {"classification": 2}}]},
            "not und",
        ),
        ({"inputs": [tensor()], "id": 3}, "id is a text"),
        ({"inputs": [tensor()], "parameters": []}, "parameters are an object"),
    ],
)
def test_what_does_not_fit_is_refused(digits: Any, body: Any, said: str) -> None:
    answer = digits("POST", f"{PATH}/infer", body)
    assert answer.status == 400 and said in answer.json["error"]  # one text, as the protocol has it


@pytest.mark.parametrize("told", ["x", "-1", "9999", "1" * 20, "3"])
def test_a_wrong_length_of_the_json_is_refused(digits: Any, told: str) -> None:
    headers = {"inference-header-content-length": told}
    assert digits("POST", f"{PATH}/infer", {"inputs": [tensor()]}, headers).status == 400


@pytest.mark.parametrize(
    "raw, said",
    [
        (texts("a"), "has not 2 texts"),
        (texts("a", "b", "c"), "has not 2 texts"),
        (texts("a", "b") + b"\0", "has not 2 texts"),
        (texts("a") + struct.pack("<I", 2**31) + b"b", "cut off"),
        (texts("a") + struct.pack("<I", 1) + b"\xff", "not UTF-8"),
    ],
)
def test_broken_texts_are_refused(serving: Any, people_folder: Path, raw: bytes, said: str) -> None:
    numbers = {"name": "numbers", "datatype": "FP64", "shape": [2, 2], "data": [1, 2, 3, 4]}
    jobs = {"name": "categories", "datatype": "BYTES", "shape": [2, 1], "parameters": {"binary_data_size": len(raw)}}
    answer = serving(people_folder)("POST", "/v2/models/people/infer", *binary({"inputs": [numbers, jobs]}, raw))
    assert answer.status == 400 and said in answer.json["error"]


def test_bytes_that_belong_to_nothing_are_refused(digits: Any) -> None:
    answer = digits("POST", f"{PATH}/infer", *binary({"inputs": [tensor()]}, b"more"))
    assert answer.status == 400 and "4 bytes of the body belong to no input" in answer.json["error"]


def test_inputs_agree_on_the_number_of_examples(serving: Any, people_folder: Path) -> None:
    numbers = {"name": "numbers", "datatype": "FP64", "shape": [1, 2], "data": [1, 2]}
    jobs = {"name": "categories", "datatype": "BYTES", "shape": [2, 1], "data": ["a", "b"]}
    answer = serving(people_folder)("POST", "/v2/models/people/infer", {"inputs": [numbers, jobs]})
    assert answer.status == 400 and "1 and 2 examples" in answer.json["error"]


def test_limits_hold_here_too(serving: Any, classes_folder: Path) -> None:
    asking = serving(classes_folder, examples=1, pixels=50)
    assert asking("POST", f"{PATH}/infer", {"inputs": [tensor()]}).status == 413
    one = tensor(shape=[1, 8, 16, 1])
    assert asking("POST", f"{PATH}/infer", {"inputs": [one]}).status == 413
