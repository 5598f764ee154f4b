"""Which random changes of pictures keep their labels true."""

import dataclasses

import numpy as np
import pytest
import torch

from archsmith.automl.modalities import picture_probe
from archsmith.automl.modalities.images import Images
from archsmith.automl.modalities.picture_probe import Change, Probed, probe
from archsmith.automl.opening import training_of
from archsmith.automl.settings import FitSettings
from archsmith.data.images.examples import ImageExamples, ImageSplits

SIDE, N = 16, 600


def splits(draw, classes):
    """Pictures that ``draw(label, rng)`` makes."""
    rng = np.random.default_rng(0)

    def part(n):
        labels = np.arange(n) % classes
        pixels = np.stack([draw(label, rng) for label in labels])[..., None]
        return ImageExamples(pixels.astype(np.uint8), labels, tuple(map(str, range(classes))))

    return ImageSplits(part(N), part(200), part(20), "drawn")


def probed(draw, classes, seed=0):
    return probe(splits(draw, classes), torch.device("cpu"), seed, None)


def noisy(rng):
    return rng.integers(0, 60, (SIDE, SIDE))


def blob(label, rng):
    """A large or a small spot, somewhere."""
    picture, size = noisy(rng), (4, 9)[label]
    top, left = rng.integers(0, SIDE - size, 2)
    picture[top : top + size, left : left + size] += 150
    return picture


def side(label, rng):
    """A wide bar in the left or in the right half."""
    picture = noisy(rng)
    picture[:, 4 if label == 0 else 9 :][:, :3] += 150
    return picture


def column(label, rng):
    """A thin line in one of eight neighbouring columns: the place is the meaning."""
    picture = noisy(rng)
    picture[:, 4 + label] += 150
    return picture


def in_a_grid(label, rng):
    """A short line, upright or level, at places that are four pixels apart: those between are never seen."""
    picture = noisy(rng)
    top, left = 4 * rng.integers(1, 3, 2)
    picture[top : top + (3, 1)[label], left : left + (1, 3)[label]] += 120
    return picture


def test_what_was_only_never_seen_elsewhere_may_be_moved(monkeypatch):
    assert probed(in_a_grid, 2).shift > 0
    monkeypatch.setattr(picture_probe, "train", once(picture_probe.train))  # without its second chance
    assert probed(in_a_grid, 2).shift == 0


def once(train):
    """``train``, which does nothing any more after its first call."""
    calls = []

    def trained(network, *rest, **options):
        calls.append(network)
        return train(network, *rest, **{**options, "epochs": options["epochs"] if len(calls) == 1 else 1e-3})

    return trained


def test_a_thing_that_may_be_anywhere_may_be_moved_and_mirrored():
    found = probed(blob, 2, 0)
    assert found.shift > 0 and found.flip


def test_what_a_mirror_turns_into_another_class_is_not_mirrored():
    found = probed(side, 2, 0)
    assert found.shift > 0 and not found.flip


def test_where_the_place_is_the_meaning_nothing_is_moved():
    assert probed(column, 8, 0) == Probed(0.0, False)


def test_it_says_the_same_again():
    assert probed(blob, 2, 3) == probed(blob, 2, 3)


def test_a_change_fills_with_the_edge():
    images = torch.arange(9).reshape(1, 3, 3, 1)
    assert Change(dy=1)(images)[0, :, :, 0].tolist() == [[0, 1, 2], [0, 1, 2], [3, 4, 5]]
    assert Change(dx=-1)(images)[0, :, :, 0].tolist() == [[1, 2, 2], [4, 5, 5], [7, 8, 8]]
    assert Change(flip=True)(images)[0, 0, :, 0].tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("shift", "flip", "shifts", "flips"), [(0.1, True, 3, 2), (0.04, False, 2, 1), (0.0, False, 1, 1)]
)
def test_the_recipe_space_begins_with_it_and_offers_nothing_beyond(shift, flip, shifts, flips):
    modality, found = Images(), dataclasses.asdict(Probed(shift, flip))
    space = modality.recipe_space(found)
    assert (space.first()["recipe/shift"], space.first()["recipe/flip"]) == (shift, flip)
    assert max(space.shifts) == shift and (len(space.shifts), len(space.flips)) == (shifts, flips)
    assert "pictures" in modality.told(found)


def test_a_probe_that_learnt_nothing_is_not_told_as_a_finding():
    drawn = splits(blob, 2)
    valid = dataclasses.replace(drawn.valid, targets=1 - drawn.valid.targets)  # whatever it learns of these is wrong
    found = probe(dataclasses.replace(drawn, valid=valid), torch.device("cpu"), 0, None)
    assert found == Probed(0.04, False, sure=False)
    told = Images().told(dataclasses.asdict(found))
    assert "4% of their side, as suits most pictures: a probe could not tell" in told and "found" not in told
    _, augmentation = training_of(FitSettings("photos"), Images(), drawn, dataclasses.asdict(found))
    assert (augmentation.shift, augmentation.flip) == (0.04, False)
    earlier = Images().told({"shift": 0.04, "flip": False})
    assert earlier.endswith("up to 4% of their side: a probe found that this keeps their labels true.")


def test_without_a_probe_everything_is_open():
    assert Images().recipe_space({}).flips == (False, True) and Images().told({}) == ""
