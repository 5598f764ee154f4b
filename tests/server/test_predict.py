"""Examples in, classes or values out; each example fails for itself."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.bundle.predictor import Predictor

PATH = "/v1/models/bundle_classes/predict"
ROW = {"age": 30, "hired": "2019-01-31", "job": "clerk"}


def form(*files: tuple[str, bytes], **fields: str) -> tuple[bytes, dict[str, str]]:
    parts = [(f'name="files"; filename="{name}"', content) for name, content in files]
    parts += [(f'name="{name}"', value.encode()) for name, value in fields.items()]
    body = b"".join(
        b"--edge\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + content + b"\r\n"
        for head, content in parts
    )
    return body + b"--edge--\r\n", {"content-type": "multipart/form-data; boundary=edge"}


def test_lists_files_and_forms_give_what_the_predictor_gives(
    digits: Any, classes_folder: Path, png: Callable[..., bytes], tmp_path: Path
) -> None:
    file = png(9, 13)
    (tmp_path / "a.png").write_bytes(file)
    wanted = Predictor(classes_folder).predict_proba(tmp_path / "a.png")[0]
    from archsmith.data.images.decode import decode

    pixels = decode(file, 1)[:, :, 0].tolist()
    text = base64.b64encode(file).decode()
    examples = [pixels, {"image": pixels}, {"image": text}, {"image": f"data:image/png;base64,{text}"}]
    as_json = digits("POST", PATH, {"examples": examples})
    as_form = digits("POST", PATH, *form(("a.png", file), ("b.png", file)))
    assert as_json.status == as_form.status == 200
    for prediction in (*as_json.json["predictions"], *as_form.json["predictions"]):
        found = [prediction["probabilities"][name] for name in Predictor(classes_folder).classes]
        np.testing.assert_allclose(found, wanted, atol=1e-5)
        assert prediction["probability"] == max(found)
        assert prediction["probabilities"][prediction["class"]] == max(found)
    assert len(as_json.json["predictions"]) == 4 and len(as_form.json["predictions"]) == 2
    assert as_json.json["model"] == "bundle_classes" and len(as_json.json["version"]) == 12


def test_top_gives_the_most_probable_classes_in_order(digits: Any, png: Callable[..., bytes]) -> None:
    (one,) = digits("POST", PATH, {"examples": [[[0] * 8] * 8], "top": 2}).json["predictions"]
    (other,) = digits("POST", PATH, *form(("a.png", png()), top="2")).json["predictions"]
    for prediction in (one, other):
        values = list(prediction["probabilities"].values())
        assert len(values) == 2 and values == sorted(values, reverse=True)


def test_a_regression_target_is_a_value(serving: Any, values_folder: Path) -> None:
    asking = serving(values_folder, names=("v",))
    (prediction,) = asking("POST", "/v1/models/v/predict", {"examples": [[[9] * 8] * 8]}).json["predictions"]
    wanted = Predictor(values_folder).predict(np.full((8, 8), 9, np.uint8))[0]
    assert prediction == {"value": pytest.approx(float(wanted), rel=1e-5)}


def test_rows_of_a_table_as_json_and_csv(serving: Any, people_folder: Path) -> None:
    asking = serving(people_folder)
    rows = [ROW, {**ROW, "age": None, "job": "queen"}, {**ROW, "more": [1]}]
    found = asking("POST", "/v1/models/people/predict", {"examples": rows}).json["predictions"]
    csv = b"job,age,hired\nclerk,30,2019-01-31\nqueen,,2019-01-31\nclerk,30,2019-01-31\n"
    same = asking("POST", "/v1/models/people/predict", *form(("rows.csv", csv))).json["predictions"]
    wanted = Predictor(people_folder).predict_proba([dict(row) for row in rows[:2]])
    assert [list(entry["probabilities"]) for entry in found] == [list(entry["probabilities"]) for entry in same]
    for entry, row in zip(found, wanted, strict=False):
        assert entry["probability"] == pytest.approx(float(row.max()), abs=1e-6)


@pytest.mark.parametrize(
    "row, said",
    [
        ({"age": "30", "hired": "2019-01-31", "job": "clerk"}, "'age' holds numbers"),
        ({"age": True, "hired": "2019-01-31", "job": "clerk"}, "'age' holds numbers"),
        ({"age": 30, "hired": "31.13.2019", "job": "clerk"}, "'hired' holds dates"),
        ({"age": 30, "hired": 17000, "job": "clerk"}, "'hired' holds dates"),
        ({"age": 30, "hired": "2019-01-31"}, "'job' is missing"),
        ({"age": 30, "hired": "2019-01-31", "job": ["clerk"]}, "'job' holds texts"),
        ([30, "2019-01-31", "clerk"], "no mapping"),
        (None, "no mapping"),
    ],
)
def test_a_broken_row_does_not_stop_the_others(serving: Any, people_folder: Path, row: Any, said: str) -> None:
    asking = serving(people_folder)
    answer = asking("POST", "/v1/models/people/predict", {"examples": [row, ROW]})
    assert answer.status == 200
    assert said in answer.json["predictions"][0]["error"] and "class" in answer.json["predictions"][1]
    alone = asking("POST", "/v1/models/people/predict", {"examples": [row]})
    assert (alone.status, alone.code) == (422, "bad_example") and said in alone.json["error"]["message"]


@pytest.mark.parametrize(
    ("examples", "said"),
    [
        (
            [{**ROW, "age": "30"}] * 3,
            "Example 1: The column 'age' holds numbers, without quotes, not '30'. (2 more like it)",
        ),
        ([{**ROW, "age": "30"}, {}], "not '30'. (1 more that cannot be read)"),
        (
            [{}, {}, None],
            "missing. Give it null where its value is not known. (1 more like it, 1 more that cannot be read)",
        ),
    ],
)
def test_where_all_rows_are_broken_only_those_with_the_same_fault_are_called_alike(
    serving: Any, people_folder: Path, examples: list[Any], said: str
) -> None:
    answer = serving(people_folder)("POST", "/v1/models/people/predict", {"examples": examples})
    assert answer.status == 422 and answer.json["error"]["message"].endswith(said)


@pytest.mark.parametrize(
    "picture, said",
    [
        ([[0, 1], [2]], "differ in length"),
        ([[0, 256]], "values from 0 to 256"),
        ([[-1, 2]], "values from -1 to 2"),
        ([[0.5, 1]], "no whole number"),
        ([["1", 2]], "not made of lists of numbers"),
        ([[True]], "not made of lists of numbers"),
        ([[[[1]]]], "not made of lists of numbers"),
        ([[]], "empty"),
        ([1, 2], "not made of lists"),
        ([], "not made of lists"),
        ({"image": "!!"}, "not Base64"),
        ({"image": base64.b64encode(b"no picture").decode()}, "The picture cannot be read: it is broken, or"),
        ({"image": 3}, "not a picture"),
        ({"picture": [[1]]}, "one key"),
        (None, "null"),
    ],
)
def test_a_broken_picture_does_not_stop_the_others(digits: Any, picture: Any, said: str) -> None:
    answer = digits("POST", PATH, {"examples": [[[1] * 3] * 5, picture]})
    assert answer.status == 200
    assert "class" in answer.json["predictions"][0] and said in answer.json["predictions"][1]["error"]


@pytest.mark.parametrize(
    "body, status",
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"examples": []}', 400),
        (b'{"examples": {}}', 400),
        (b'{"examples": [[[NaN]]]}', 400),
        (b'{"examples": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        (b'{"examples": [[[1]]], "top": 0}', 400),
        (b'{"examples": [[[1]]], "top": true}', 400),
        (b'{"examples": [[[1]]], "more": 1}', 400),
        (b"\xff\xfe", 400),
    ],
)
def test_a_body_of_another_form_is_refused(digits: Any, body: bytes, status: int) -> None:
    answer = digits("POST", PATH, body, {"content-type": "application/json"})
    assert (answer.status, answer.code) == (status, "malformed") and answer.json["error"]["message"]


def test_other_content_types_and_packed_bodies_are_refused(digits: Any) -> None:
    assert digits("POST", PATH, b"x", {"content-type": "text/plain"}).status == 415
    assert digits("POST", PATH, b"x", {"content-type": "application/json", "content-encoding": "gzip"}).status == 415


def test_limits_of_a_request(serving: Any, classes_folder: Path, png: Callable[..., bytes]) -> None:
    asking = serving(classes_folder, request_bytes=3000, pixels=100, examples=3)
    assert asking("POST", PATH, b" " * 4000, {"content-type": "application/json"}).code == "too_large"
    late = asking.run(
        asking.ask("POST", PATH, b" " * 4000, {"content-type": "application/json", "content-length": "1"}, parts=8)
    )
    assert (late.status, late.code) == (413, "too_large")  # whatever the header says
    assert asking("POST", PATH, {"examples": [[[1]]] * 4}).code == "too_many"
    assert asking("POST", PATH, *form(*[("a.png", png(2, 2))] * 4)).code == "too_many"
    for picture in ([[1] * 11] * 10, {"image": base64.b64encode(png(11, 10)).decode()}):
        answer = asking("POST", PATH, {"examples": [picture]})
        assert answer.status == 422 and "more than 100" in answer.json["error"]["message"]


def test_a_long_table_is_refused_while_it_is_read(serving: Any, people_folder: Path) -> None:
    asking = serving(people_folder, examples=10)
    csv = b"age,hired,job\n" + b"30,2019-01-31,clerk\n" * 11
    assert asking("POST", "/v1/models/people/predict", *form(("a.csv", csv))).code == "too_many"
    packed = asking("POST", "/v1/models/people/predict", *form(("a.csv", b"\x1f\x8b123")))
    assert packed.status == 422 and "plain text" in packed.json["error"]["message"]


def test_many_examples_go_in_parts_and_keep_their_order(serving: Any, classes_folder: Path) -> None:
    asking = serving(classes_folder, batch=4)
    pictures = [[[value] * 8] * 8 for value in range(0, 250, 10)]
    found = asking("POST", PATH, {"examples": pictures}).json["predictions"]
    alone = [asking("POST", PATH, {"examples": [picture]}).json["predictions"][0] for picture in pictures]
    assert [entry["class"] for entry in found] == [entry["class"] for entry in alone]
    np.testing.assert_allclose(
        [entry["probability"] for entry in found], [entry["probability"] for entry in alone], atol=1e-5
    )


def test_memory_is_given_back_whatever_happens(digits: Any) -> None:
    for body in ({"examples": [[[1]]]}, {"examples": ["x"]}, {"none": 1}):
        digits("POST", PATH, body)
    assert digits.app._room.n_bytes == digits.app._room.n_requests == 0
