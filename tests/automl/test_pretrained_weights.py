"""Weights from other pictures: found without running foreign code, checked, kept, and put into a network."""

import dataclasses
import sys

import pytest
import torch
from safetensors.torch import save_file

from archsmith.automl import pretrained_weights
from archsmith.automl.pretrained_weights import NOTICE, OWN, PACKAGE, SHA256, converted, fill, find
from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.graphs.network import Network
from archsmith.spaces.efficientnet import EfficientNetLite

SPACE = EfficientNetLite((3, 32, 32), 4)


@pytest.fixture(scope="module")
def network():
    return Network(SPACE.graph(Architecture()), seed=5)


@pytest.fixture
def own(network, tmp_path):
    """A folder of a person's own, with weights that were drawn."""
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, tmp_path / OWN)
    return tmp_path


@pytest.fixture
def package(tmp_path):
    """The weights of the package."""
    found = find(None, tmp_path)
    if found is None:
        pytest.skip(f"{PACKAGE} is not installed")
    return found


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("_conv_stem.weight", "stem.conv.weight"),
        ("_bn0.running_mean", "stem.bn.running_mean"),
        ("_blocks.0._depthwise_conv.weight", "block0.depthwise.weight"),
        ("_blocks.12._expand_conv.weight", "block12.expand.weight"),
        ("_blocks.12._bn0.weight", "block12.bn_expand.weight"),
        ("_blocks.12._bn1.bias", "block12.bn_depthwise.bias"),
        ("_blocks.12._project_conv.weight", "block12.project.weight"),
        ("_blocks.12._bn2.running_var", "block12.bn_project.running_var"),
        ("_conv_head.weight", "head.conv.weight"),
        ("_bn1.num_batches_tracked", "head.bn.num_batches_tracked"),
        ("_fc.bias", "classifier.linear.bias"),
    ],
)
def test_each_part_has_a_name_of_ours(name, ours):
    assert pretrained_weights._ours(name) == ours


def test_a_part_that_the_network_does_not_have_is_refused():
    with pytest.raises(UsageError, match="_blocks.3._se_reduce"):
        pretrained_weights._ours("_blocks.3._se_reduce.weight")


def test_without_the_package_there_are_none(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained_weights, "PACKAGE", "a-package-that-nobody-has")
    assert find(None, tmp_path) is None


def test_weights_of_a_person_s_own_fill_a_network_but_for_its_classifier(own, network, tmp_path):
    weights = find(str(own), tmp_path / "workspace")
    assert weights.origin.licence == "not recorded" and len(weights.origin.sha256) == 64
    other = Network(SPACE.graph(Architecture()), seed=6)
    before = other.classifier.linear.weight.clone()
    fill(other, weights.tensors())
    same = {name: torch.equal(value, network.state_dict()[name]) for name, value in other.state_dict().items()}
    assert {name for name, equal in same.items() if not equal} == {"classifier.linear.weight"}
    assert torch.equal(other.classifier.linear.weight, before)
    assert not (tmp_path / "workspace").exists()


def test_a_folded_network_computes_the_same(network):
    tensors = dict(network.state_dict())
    generator = torch.Generator().manual_seed(1)
    for name in tensors:
        if "bn" in name and name.endswith(("running_var", "running_mean", "weight", "bias")):
            tensors[name] = torch.rand(tensors[name].shape, generator=generator) + 0.5
    networks = []
    for folded in (False, True):
        made = Network(dataclasses.replace(SPACE, folded=folded).graph(Architecture()), seed=0).eval()
        fill(made, tensors)
        networks.append(made)
    x = torch.randn(2, 3, 32, 32, generator=generator)
    with torch.no_grad():
        torch.testing.assert_close(networks[1](x), networks[0](x), rtol=1e-4, atol=1e-4)


def test_weights_without_a_batch_norm_are_refused(network):
    tensors = {name: value for name, value in network.state_dict().items() if name != "block3.bn_expand.bias"}
    with pytest.raises(UsageError, match=r"block3\.bn_expand\.bias"):
        fill(Network(dataclasses.replace(SPACE, folded=True).graph(Architecture()), seed=0), tensors)


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(UsageError, match=OWN):
        find(str(tmp_path), tmp_path)


def test_a_damaged_file_is_refused(own, tmp_path):
    (own / OWN).write_bytes(b"nothing")
    with pytest.raises(UsageError, match="cannot be read"):
        find(str(own), tmp_path).tensors()


@pytest.mark.parametrize(("change", "said"), [(None, "missing"), (torch.zeros(3), r"of the shape \(3,\)")])
def test_weights_that_do_not_fit_are_refused(network, change, said):
    tensors = {name: value for name, value in network.state_dict().items() if name != "head.conv.weight"}
    if change is not None:
        tensors["head.conv.weight"] = change
    with pytest.raises(UsageError, match=f"'head.conv.weight' is {said}"):
        fill(network, tensors)


def test_another_file_than_the_known_one_is_not_even_opened(tmp_path):
    file = tmp_path / "weights.pth"
    file.write_bytes(b"a pickle that must not be read")
    with pytest.raises(UsageError, match="SHA-256"):
        converted(file)


def test_the_package_is_read_without_running_it(package):
    before = set(sys.modules)
    tensors = package.tensors()
    assert not [name for name in set(sys.modules) - before if name.startswith("efficientnet_lite0")]
    assert sum(value.numel() for name, value in tensors.items() if name.endswith((".weight", ".bias"))) == 4_652_008


def test_the_package_is_converted_once(package, monkeypatch):
    first = package.tensors()
    assert package.kept.is_file() and list(package.kept.parent.iterdir()) == [package.kept]
    monkeypatch.setattr(pretrained_weights, "converted", lambda file: pytest.fail("it was converted again"))
    again = package.tensors()
    assert first.keys() == again.keys() and all(torch.equal(first[name], again[name]) for name in first)


def test_a_damaged_copy_is_made_again(package):
    package.tensors()
    package.kept.write_bytes(package.kept.read_bytes()[:1000])
    assert "head.conv.weight" in package.tensors()


def test_the_licence_of_the_package_is_told(package):
    assert (package.origin.licence, package.origin.sha256, package.origin.notice) == ("Apache-2.0", SHA256, NOTICE)
    assert dataclasses.asdict(package.origin)["trained_on"].startswith("ImageNet")


def test_photographs_are_told_as_what_they_show(package):
    from PIL import Image
    from sklearn.datasets import load_sample_image

    network = Network(EfficientNetLite().graph(Architecture()), seed=0).eval()
    network.load_state_dict(package.tensors())
    told = {}
    for name in ("china.jpg", "flower.jpg"):
        picture = Image.fromarray(load_sample_image(name))
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        picture = picture.crop((left, top, left + side, top + side)).resize((224, 224), Image.Resampling.BILINEAR)
        pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(1, 224, 224, 3)
        with torch.no_grad():
            told[name] = int(network((pixels.float() - 127).div(128).permute(0, 3, 1, 2)).argmax())
    assert told == {"china.jpg": 698, "flower.jpg": 985}  # palace, daisy
