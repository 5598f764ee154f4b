from __future__ import annotations

import base64
import io
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.app import trying
from archsmith.app.house import House
from archsmith.app.trying import GRIDS, Trying
from archsmith.server.refusals import Refusal

Homes = dict[str, tuple[House, str]]
JSON = "application/json"


def picture(side: int = 8, seed: int = 0, mode: str = "L") -> bytes:
    rng = np.random.default_rng(seed)
    shape = (side, side) if mode == "L" else (side, side, 3)
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def row(**more: Any) -> bytes:
    known = {"age": 40, "income": 30000, "city": "Bern", "member": "yes", "since": "2020-05-01"}
    return json.dumps({**known, **more}).encode()


def test_a_picture_gets_probabilities_the_largest_first(homes: Homes) -> None:
    house, id = homes["classes"]
    found = house.trying.predict(id, "image/png", picture())
    values = [each.probability for each in found.probabilities]
    assert values == sorted(values, reverse=True) and sum(values) == pytest.approx(1, abs=1e-5)
    assert found.label == found.probabilities[0].name and found.n_classes == 3


def test_a_picture_as_json_gets_the_same(homes: Homes) -> None:
    house, id = homes["classes"]
    sent = json.dumps({"image": base64.b64encode(picture()).decode()}).encode()
    plain = house.trying.predict(id, "image/png", picture())
    assert house.trying.predict(id, JSON, sent).probabilities == plain.probabilities


def test_a_row_gets_a_class(homes: Homes) -> None:
    house, id = homes["rows"]
    found = house.trying.predict(id, JSON, row(), top=1)
    assert found.label in ("often", "sometimes", "never") and len(found.probabilities) == 1


@pytest.mark.parametrize(("typed", "meant"), [("44,5", 44.5), (" 44.5 ", 44.5), ("1.234,5", 1234.5), ("", None)])
def test_a_number_is_read_as_people_write_it(homes: Homes, typed: str, meant: float | None) -> None:
    house, id = homes["rows"]
    found, wanted = (house.trying.predict(id, JSON, row(age=age)) for age in (typed, meant))
    assert found.probabilities == wanted.probabilities and found.notes == wanted.notes


@pytest.mark.parametrize(
    ("typed", "said"), [("abc", "not 'abc'"), ("1e999", "'1e999' .* is too large"), ("4,400", "may mean 4400 or 4.4")]
)
def test_what_is_no_one_number_is_refused_at_its_field(homes: Homes, typed: str, said: str) -> None:
    house, id = homes["rows"]
    with pytest.raises(Refusal, match=said) as refused:
        house.trying.predict(id, JSON, row(age=typed))
    assert refused.value.field == "age"


def test_a_number_beyond_those_of_training_rows_is_told(homes: Homes) -> None:
    house, id = homes["rows"]
    (note,) = house.trying.predict(id, JSON, row(age=-99999)).notes
    assert note.startswith("'age' is -99999, and training rows had ")
    assert house.trying.predict(id, JSON, row()).notes == []


def test_a_picture_may_get_a_number(homes: Homes) -> None:
    house, id = homes["numbers"]
    found = house.trying.predict(id, "image/png", picture())
    assert found.label is None and found.value is not None and np.isfinite(found.value)


@pytest.mark.parametrize(
    ("name", "kind", "body", "status"),
    [
        ("classes", "image/png", b"", 422),
        ("classes", "image/svg+xml", b"<svg onload='alert(1)'/>", 422),
        ("classes", JSON, b"{", 400),
        ("classes", JSON, b'{"image": 3}', 422),
        ("rows", JSON, b"[]", 422),
        ("rows", JSON, row(age="old"), 422),
        ("rows", "text/csv", b"a,b", 415),
    ],
)
def test_what_cannot_be_read_is_refused(homes: Homes, name: str, kind: str, body: bytes, status: int) -> None:
    house, id = homes[name]
    with pytest.raises(Refusal) as refused:
        house.trying.predict(id, kind, body)
    assert refused.value.status == status


def test_a_picture_of_too_many_pixels_is_refused(homes: Homes) -> None:
    house, id = homes["classes"]
    file = io.BytesIO()
    Image.new("1", (6000, 6000)).save(file, "PNG")
    with pytest.raises(Refusal, match="more than 25,000,000"):
        house.trying.predict(id, "image/png", file.getvalue())


def test_the_patch_covers_all_of_the_picture_and_its_middle_stays_in_its_place() -> None:
    white = np.full((16, 24, 1), 255, np.uint8)
    covered = np.concatenate(list(trying._covered(white, 4)))
    assert covered.shape == (16, 16, 24, 1)
    assert (covered == trying.GREY).any(axis=0).all()
    grey = np.argwhere(covered[5, :, :, 0] == trying.GREY)  # the second row and column of places
    assert grey.min(axis=0).tolist() == [2, 3] and grey.max(axis=0).tolist() == [9, 14]


def test_occlusion_tells_a_fall_for_each_place(homes: Homes) -> None:
    house, id = homes["classes"]
    found = house.trying.occlusion(id, "image/png", picture(side=30, mode="RGB"))
    assert found.grid == min(GRIDS[0], 8) and len(found.fall) == found.grid == len(found.fall[0])
    assert 0 < found.base <= 1 and all(found.base - 1 <= value <= found.base for line in found.fall for value in line)


def test_a_place_that_matters_falls_most(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    house, id = homes["classes"]

    def brightness_of_a_corner(predictor: Any, intake: Any, pictures: Any) -> Any:
        bright = pictures[:, 0, 0, 0] / 255
        return np.stack([bright, 1 - bright, 0 * bright], axis=1).astype(np.float32)

    monkeypatch.setattr(trying, "_run", brightness_of_a_corner)
    file = io.BytesIO()
    Image.new("L", (8, 8), 255).save(file, "PNG")
    fall = np.array(house.trying.occlusion(id, "image/png", file.getvalue()).fall)
    assert fall[0, 0] == pytest.approx(1 - trying.GREY / 255, abs=1e-4)
    assert (fall[2:, 2:] == 0).all()


def test_rows_have_no_places_to_cover(homes: Homes) -> None:
    house, id = homes["rows"]
    with pytest.raises(Refusal) as refused:
        house.trying.occlusion(id, JSON, row())
    assert refused.value.status == 409


def test_the_time_of_a_prediction_is_measured(homes: Homes) -> None:
    house, id = homes["rows"]
    assert house.trying.latency(id).milliseconds > 0


def test_networks_that_were_not_asked_lately_are_let_go(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "LOADED", 1)
    house, id = homes["classes"]

    class Two:
        def whole(self, name: str) -> tuple[Path, Any]:
            return house.models.whole(id)

    tried = Trying(Two())
    tried.predict("a", "image/png", picture())
    tried.predict("b", "image/png", picture())
    assert list(tried._loaded) == ["b"]


def test_whoever_comes_when_too_many_wait_is_sent_away(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    house, id = homes["classes"]
    tried = Trying(house.models)
    tried._places = threading.BoundedSemaphore(1)
    with tried._turn(), pytest.raises(Refusal) as refused:
        tried.predict(id, "image/png", picture())
    assert refused.value.status == 503
    assert tried.predict(id, "image/png", picture()).label is not None


@pytest.mark.parametrize(
    ("name", "said"), [("cat.txt", "The picture 'cat.txt' cannot be read"), ("", "The picture cannot be read")]
)
def test_a_file_that_is_no_picture_is_called_by_its_name(homes: Homes, name: str, said: str) -> None:
    house, id = homes["classes"]
    with pytest.raises(Refusal, match=said):
        house.trying.predict(id, "text/plain", b"no picture", name=name)
