"""Which kind of data is recognised, and what every kind has to say of itself."""

import numpy as np
import pandas
import pytest
from PIL import Image

from archsmith import catalog
from archsmith.automl.modality import Modality, modality_of, named
from archsmith.automl.settings import FitSettings
from archsmith.core.errors import UsageError
from archsmith.graphs.network_space import NetworkSpace

KINDS = tuple(catalog.names("modality"))
PICTURE = np.zeros((8, 8), np.uint8)
LABELS = [0, 1, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_found_by_its_name_and_has_a_space_of_networks(kind):
    modality = named(kind)
    assert isinstance(modality, Modality) and modality.kind == kind
    assert issubclass(catalog.get("space", modality.space), NetworkSpace)
    assert modality.recipe_space({}).decisions
    assert modality_of(FitSettings("nowhere", modality=kind)).kind == kind


def test_an_unknown_kind_is_answered_by_the_known_ones():
    with pytest.raises(UsageError) as caught:
        modality_of(FitSettings("digits", modality="sound"))
    assert "image" in caught.value.hint and "table" in caught.value.hint


@pytest.mark.parametrize(
    "data",
    [
        "digits",
        "no/such/folder",
        (np.zeros((3, 8, 8), np.uint8), LABELS),
        (np.zeros((3, 8, 8, 3)), LABELS),
        ([PICTURE] * 3, LABELS),
        ([Image.fromarray(PICTURE)] * 3, LABELS),
        (["a.png", "b.png", "c.png"], LABELS),
        pandas.DataFrame({"image": ["a.png", "b.png"], "label": [0, 1]}),
    ],
    ids=lambda data: type(data[0] if isinstance(data, tuple) else data).__name__,
)
def test_pictures_are_recognised(data):
    assert modality_of(FitSettings(data)).kind == "image"


@pytest.mark.parametrize(
    "data",
    [
        (np.zeros((3, 4)), LABELS),
        ([[1.0, "a"], [2.0, "b"], [3.0, "a"]], LABELS),
        ([{"size": 1.0}, {"size": 2.0}, {"size": 3.0}], LABELS),
        (pandas.DataFrame({"size": [1.0, 2.0, 3.0]}), LABELS),
        pandas.DataFrame({"size": [1.0, 2.0], "kind": ["a", "b"]}),
    ],
    ids=lambda data: type(data[0] if isinstance(data, tuple) else data).__name__,
)
def test_tables_are_recognised(data):
    assert modality_of(FitSettings(data)).kind == "table"


def test_a_file_of_rows_is_a_table(table_file):
    assert modality_of(FitSettings(str(table_file))).kind == "table"


def test_a_file_that_names_pictures_holds_pictures(tmp_path):
    path = tmp_path / "photos.csv"
    path.write_text("file,label\na.png,cat\nb.png,dog\n", encoding="utf-8")
    assert modality_of(FitSettings(str(path))).kind == "image"


@pytest.mark.parametrize("option", [{"image": "scan"}, {"side": 32}])
def test_what_only_pictures_have_makes_pictures_of_a_table(table_file, option):
    assert modality_of(FitSettings(str(table_file), **option)).kind == "image"


def test_a_person_may_say_what_it_is():
    assert modality_of(FitSettings((np.zeros((3, 8, 8)), LABELS), modality="table")).kind == "table"
