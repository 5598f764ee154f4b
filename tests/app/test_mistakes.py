from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from PIL import Image

from archsmith.analysis.study import read_study
from archsmith.app.house import House
from archsmith.app.mistakes import is_mistake, mistakes_csv, mistakes_facts, picture_png
from archsmith.server.refusals import Refusal

Homes = dict[str, tuple[House, str]]


def rows_of(house: House, id: str, relabels: dict[int, str]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(mistakes_csv(house.models.study(id), relabels)))))


def test_pages_of_mistakes_follow_one_another(homes: Homes) -> None:
    house, id = homes["rows"]
    study = house.models.study(id)
    whole = mistakes_facts(study, 0, 200)
    assert whole is not None and whole.n == len(whole.shown) > 30
    parts = [mistakes_facts(study, first, 10) for first in range(0, 30, 10)]
    assert [each for part in parts if part for each in part.shown] == whole.shown[:30]
    leads = {part.lead for part in (whole, *parts) if part}
    assert len(leads) == 1 and leads.pop().startswith("The mistakes of which the network was surest come first.")
    beyond = mistakes_facts(study, 10**6)
    assert beyond is not None and beyond.shown == []


def test_the_picture_of_a_mistake_is_a_small_png(homes: Homes) -> None:
    house, id = homes["classes"]
    found = mistakes_facts(house.models.study(id))
    assert found is not None and found.shown[0].picture and found.shown[0].place
    picture = Image.open(io.BytesIO(picture_png(house.models.study(id), found.shown[0].index)))
    assert picture.format == "PNG" and max(picture.size) <= 160


@pytest.mark.parametrize(("name", "index"), [("rows", 0), ("classes", 10**6)])
def test_where_there_is_no_picture_that_is_said(homes: Homes, name: str, index: int) -> None:
    house, id = homes[name]
    with pytest.raises(Refusal) as refused:
        picture_png(house.models.study(id), index)
    assert refused.value.status == 404


def test_the_list_has_every_mistake_and_what_people_say(homes: Homes) -> None:
    house, id = homes["rows"]
    study = house.models.study(id)
    found = mistakes_facts(study, 0, 200)
    assert found is not None
    index = found.shown[1].index
    rows = rows_of(house, id, {index: "never"})
    assert [int(row["index"]) for row in rows] == [mistake.index for mistake in found.shown]
    assert rows[1]["your label"] == "never" and rows[0]["your label"] == ""
    assert all(row["label"] != row["predicted"] and 0 < float(row["probability"]) <= 1 for row in rows)


def test_the_list_of_rows_has_their_values(homes: Homes) -> None:
    house, id = homes["rows"]
    study = house.models.study(id)
    assert study.splits is not None
    rows = rows_of(house, id, {})
    assert {column.name for column in study.splits.test.columns} < set(rows[0])  # type: ignore[attr-defined]
    (first,) = study.splits.test.rows([int(rows[0]["index"])])  # type: ignore[attr-defined]
    for name, value in first.items():
        told = rows[0][name]
        assert told == ("" if value is None else value) if not isinstance(value, float) else float(told) == value


def test_rows_have_the_numbers_that_they_have_in_the_table(homes: Homes) -> None:
    house, id = homes["rows"]
    study = read_study(house.models.get(id).study)
    before = mistakes_facts(study)
    assert before is not None and {mistake.place for mistake in before.shown} == {""}  # of older studies nobody knows
    assert study.splits is not None
    object.__setattr__(study.splits.test, "places", np.arange(len(study.splits.test)) * 3 + 2)
    found = mistakes_facts(study, 0, 200)
    assert found is not None
    numbers = [f"row {mistake.index * 3 + 2}" for mistake in found.shown]
    assert [mistake.place for mistake in found.shown] == numbers
    listed = csv.DictReader(io.StringIO("".join(mistakes_csv(study, {}))))
    assert [row["example"] for row in listed] == numbers


def test_the_list_of_a_number_has_errors(homes: Homes) -> None:
    house, id = homes["numbers"]
    rows = rows_of(house, id, {})
    off = [abs(float(row["off by"])) for row in rows]
    assert off == sorted(off, reverse=True) and len(off) > 5


@pytest.mark.parametrize("label", ["=1+1", "+cmd", "@SUM(A1)", "-x"])
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(homes: Homes, label: str) -> None:
    house, id = homes["rows"]
    found = mistakes_facts(house.models.study(id))
    assert found is not None
    assert rows_of(house, id, {found.shown[0].index: label})[0]["your label"] == f"'{label}"


def test_only_wrong_predictions_are_mistakes(homes: Homes) -> None:
    house, id = homes["rows"]
    study = house.models.study(id)
    found = mistakes_facts(study, 0, 200)
    assert found is not None and study.test is not None
    wrong = {mistake.index for mistake in found.shown}
    assert {index for index in study.test.index.tolist() if is_mistake(study, index)} == wrong
