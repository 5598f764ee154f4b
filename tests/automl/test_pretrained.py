"""A linear layer on features that were learnt from other pictures. The weights are drawn here: what is tested holds for
any.
"""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from archsmith.automl import pretrained
from archsmith.automl.final_training import Workshop
from archsmith.automl.modalities.images import Images
from archsmith.automl.pretrained import Pretrained, fine_tuning, headless, sizes_for
from archsmith.automl.pretrained_weights import OWN, find, folded
from archsmith.core.architecture import Architecture
from archsmith.data.images.examples import ImageExamples, ImageSplits
from archsmith.graphs.network import Network
from archsmith.spaces.efficientnet import EfficientNetLite
from archsmith.training.loop import train
from archsmith.training.measure import outputs

CPU = torch.device("cpu")


def pictures(n, seed, classes=("dark", "bright")):
    """Grey noise around one of two brightnesses; regression targets are the brightness."""
    rng = np.random.default_rng(seed)
    kinds = np.arange(n) % 2
    pixels = (rng.integers(0, 80, (n, 12, 10, 1)) + 120 * kinds[:, None, None, None]).astype(np.uint8)
    return ImageExamples(pixels, kinds if classes else pixels.mean((1, 2, 3)), classes)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    drawn = Network(EfficientNetLite((3, 32, 32), 4).graph(Architecture()), seed=5).state_dict()
    save_file({name: value.contiguous() for name, value in drawn.items()}, folder / OWN)
    return find(str(folder), folder)


@pytest.fixture(scope="module")
def splits():
    return ImageSplits(*(pictures(n, n) for n in (24, 12, 12)), "noise")


@pytest.fixture(scope="module")
def fitted(splits, weights):
    return Pretrained.of(splits, weights, CPU).fit(splits.train, seed=3).network


def test_one_network_comes_out_that_takes_the_pictures_of_the_job(fitted, splits):
    assert isinstance(fitted, Network) and not fitted.training
    found = outputs(fitted, splits.valid, splits.pipeline())
    assert found.shape == (12, 2) and (found.argmax(1).numpy() == splits.valid.targets).mean() > 0.9


def test_its_features_are_those_of_the_weights(fitted, weights):
    tensors = folded(weights.tensors())
    state = {name: value for name, value in fitted.state_dict().items() if not name.startswith(("entry", "classifier"))}
    assert len(state) == 98 and all(torch.equal(value, tensors[name]) for name, value in state.items())


def test_the_linear_layer_stands_on_the_features_that_the_network_computes(fitted, splits):
    features = headless(fitted)
    x = next(iter(splits.pipeline().inputs({"image": torch.from_numpy(splits.valid.images)}).values()))
    with torch.no_grad():
        torch.testing.assert_close(fitted.classifier.linear(features(x)), fitted(x), rtol=1e-4, atol=1e-5)


def test_the_same_seed_gives_the_same_network(splits, weights, fitted):
    again = Pretrained.of(splits, weights, CPU).fit(splits.train, seed=3).network
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in fitted.state_dict().items())


def test_a_regression_target_is_learnt(weights):
    measured = ImageSplits(*(pictures(n, n, ()) for n in (30, 12, 12)), "noise")
    model = Pretrained.of(measured, weights, CPU)
    network = model.fit(measured.train, seed=0).network
    found = outputs(network, measured.valid, measured.pipeline())
    assert model.goal.score(found, measured.valid.targets).metrics["r2"] > 0.8


def test_balanced_classes_weigh_alike(splits, weights):
    balanced = dataclasses.replace(splits, balanced=True)
    assert Pretrained.of(balanced, weights, CPU).goal.weights is not None
    assert Pretrained.of(splits, weights, CPU).goal.weights is None


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [
        ((1, 8, 8), ((64, 64),)),
        ((1, 28, 28), ((64, 64), (96, 96), (128, 128))),
        ((3, 64, 64), ((64, 64), (96, 96), (128, 128), (160, 160), (224, 224))),
        ((3, 100, 50), ((128, 64), (160, 96), (224, 128))),
        ((3, 300, 300), ((320, 320),)),
        ((3, 12, 10), ((64, 64),)),
    ],
)
def test_pictures_become_larger_within_limits(shape, sizes):
    assert sizes_for(shape) == sizes


def test_time_decides_how_large(splits, weights, monkeypatch):
    monkeypatch.setattr(pretrained, "sizes_for", lambda shape: ((32, 32), (64, 64), (96, 96)))
    model, seen = Pretrained.of(splits, weights, CPU), []
    monkeypatch.setattr(pretrained.time, "perf_counter", iter(np.arange(0.0, 1e4, 0.24)).__next__)  # of 24 examples
    order = np.arange(24)
    sizes = pretrained.sizes_for((1, 12, 10))
    for seconds in (0.1, 0.3, 1.0, 5.0):
        seen.append(model._affordable(splits.train, order, sizes, weights.tensors(), seconds)[0])
    assert seen == [32, 32, 64, 96]


def test_where_time_is_short_only_some_examples_are_looked_at(splits, weights, monkeypatch):
    monkeypatch.setattr(pretrained, "BATCH_PIXELS", 5 * 64 * 64)
    asked = []
    fit_head = pretrained.fit_head
    monkeypatch.setattr(pretrained, "fit_head", lambda rows, *more: asked.append(len(rows)) or fit_head(rows, *more))
    fitted = Pretrained.of(splits, weights, CPU).fit(splits.train, seed=0, seconds=1e-6)
    assert asked == [5] and isinstance(fitted.network, Network) and fitted.cut


def test_a_job_scores_it_like_any_other_network(splits, weights):
    final = Workshop(Images(), splits, CPU).fit_model(Pretrained.of(splits, weights, CPU), 3)
    assert final.name == "pretrained" and final.score.metrics["accuracy"] > 0.9
    assert final.candidate.graph is final.network.graph and final.candidate.origin == weights.origin
    assert not final.candidate.trained and final.candidate.params > 3_000_000


def test_training_carries_on_from_it(fitted, splits):
    import copy

    recipe, augmentation = fine_tuning()
    network = copy.deepcopy(fitted)
    goal = Workshop(Images(), splits, CPU).goal
    trained = train(network, splits.train, recipe, splits.pipeline(augmentation), goal=goal, seed=0, epochs=1)
    assert trained.steps == 1 and trained.epochs == 1.0
    before, after = (net.get_parameter("block3.expand.weight") for net in (fitted, network))
    assert not torch.equal(before, after) and (before - after).abs().max() < 0.01
    assert torch.equal(fitted.get_buffer("entry.affine.factors"), network.get_buffer("entry.affine.factors"))


def test_it_is_exported_as_a_verified_bundle_that_says_where_it_comes_from(fitted, splits, weights, tmp_path):
    pytest.importorskip("onnxruntime")
    from archsmith.bundle.export import export
    from archsmith.bundle.manifest import CARD, NOTICE, Facts, read

    done = export(
        fitted,
        fitted.graph,
        splits.task,
        tmp_path / "bundle",
        intake=Images().intake(splits),
        facts=Facts(origin=weights.origin),
        examples=list(splits.test.images[:4]),
    )
    assert done.max_difference <= 1e-4 and done.source_difference <= 1e-4
    assert read(tmp_path / "bundle").facts.origin == weights.origin
    assert weights.origin.sha256 in (tmp_path / "bundle" / CARD).read_text(encoding="utf-8")
    assert "not recorded" in (tmp_path / "bundle" / NOTICE).read_text(encoding="utf-8")
