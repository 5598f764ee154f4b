"""The weight bank: sharing, laziness, laws about children, files."""

from pathlib import Path
from typing import Any

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs import layers
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net

torch = pytest.importorskip("torch")
import archsmith.graphs.bank as bank_module  # noqa: E402
from archsmith.graphs.bank import WeightBank, _covered  # noqa: E402
from archsmith.graphs.network import Network, fit_constants, inherit, recalibrate  # noqa: E402


def child(kernel: int, filters: int = 6, name: str = "left") -> Graph:
    """A family of nets: ``kernel`` picks an operation, ``name`` a place with the same role."""
    net = Net({"image": (3, 8, 8)})
    x = layers.conv_bn_relu(net, net.input(), filters, name="stem")
    x = layers.sep_conv(net, x, filters, kernel, name=name, role=f"sep{kernel}")
    net.output(layers.classifier(net, x, 4))
    return net.graph()


def images(n: int = 8) -> "torch.Tensor":
    return torch.randn(n, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_children_share_parameter_objects_by_key() -> None:
    bank = WeightBank()
    a, b, c = (Network(child(kernel, name=name), bank) for kernel, name in ((3, "left"), (5, "left"), (3, "right")))
    assert a.get_parameter("stem.conv.weight") is b.get_parameter("stem.conv.weight")
    assert a.get_parameter("left.pointwise1.weight") is c.get_parameter("right.pointwise1.weight")
    assert a.get_parameter("left.pointwise1.weight") is not b.get_parameter("left.pointwise1.weight")


def test_weights_are_made_when_first_needed() -> None:
    bank = WeightBank()
    first = bank.require(child(3))
    assert (
        len(first) == len(list(bank.parameters())) == sum(len(child(3).facts(node).params) for node in child(3).nodes)
    )
    assert bank.require(child(3)) == []
    new = bank.require(child(5))
    assert 0 < len(new) < len(first)
    assert list(bank.parameters())[len(first) :] == new or all(
        p is q for p, q in zip(list(bank.parameters())[len(first) :], new, strict=True)
    )


def test_first_values_do_not_depend_on_the_order_of_creation() -> None:
    forwards, backwards = WeightBank(seed=4), WeightBank(seed=4)
    for kernel in (3, 5):
        forwards.require(child(kernel))
    for kernel in (5, 3):
        backwards.require(child(kernel))
    ours, theirs = dict(forwards.items()), dict(backwards.items())
    assert list(ours) != list(theirs)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_bank_holds_no_statistics_and_children_use_those_of_the_batch() -> None:
    bank = WeightBank()
    network = Network(child(3), bank)
    assert not list(bank.buffers())
    assert not list(network.buffers())
    assert torch.equal(network.train()(images()), network.eval()(images()))


@pytest.mark.parametrize("calibrated", [False, True])
def test_a_child_equals_a_stand_alone_network_with_the_same_tensors(calibrated: bool) -> None:
    bank = WeightBank()
    network = Network(child(3), bank)
    alone = Network(child(3), seed=9)
    if calibrated:
        recalibrate(network, [images()])
        network.eval()
        alone.eval()
    alone.load_state_dict({name: tensor.clone() for name, tensor in network.state_dict().items()}, strict=calibrated)
    assert torch.equal(network(images()), alone(images()))


def test_a_step_moves_only_what_the_child_used() -> None:
    bank = WeightBank()
    three, five = Network(child(3), bank), Network(child(5), bank)
    optimizer = torch.optim.SGD(bank.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    for network in (three, five, three):  # momentum is there when `five` is left out again
        optimizer.zero_grad(set_to_none=True)
        before = {name: tensor.clone() for name, tensor in bank.items()}
        network(images()).square().sum().backward()
        optimizer.step()
        used = {f"{node.key}.{name}" for node in network.graph.nodes for name in network.graph.facts(node).params}
        moved = {name for name, tensor in bank.items() if not torch.equal(before[name], tensor)}
        assert moved <= used
        assert any("depthwise" in name for name in moved)


# Widths: keys that differ in numbers of channels alone


WIDTHS = (6, 20, 40)


def test_a_narrower_operation_is_the_first_part_of_a_wider_one() -> None:
    bank = WeightBank()
    narrow, wide = (Network(child(3, filters), bank) for filters in (20, 40))
    for name, parameter in narrow.named_parameters():
        part = wide.get_parameter(name)[tuple(slice(n) for n in parameter.shape)]
        assert torch.equal(parameter, part) and parameter.data_ptr() == part.data_ptr(), name
    assert sum(tensor.numel() for tensor in bank.tensors().values()) == sum(p.numel() for p in wide.parameters())


def test_what_trains_one_width_trains_the_others_and_wider_ones_leave_it_there() -> None:
    bank = WeightBank()
    network = Network(child(3, 20), bank)
    bank.require(child(3, 6))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1.0)
    before = {name: parameter.clone() for name, parameter in network.named_parameters()}
    wide = Network(child(3, 40), bank)
    for name, old in before.items():
        first = tuple(slice(n) for n in old.shape)
        assert torch.equal(network.get_parameter(name), old) and torch.equal(wide.get_parameter(name)[first], old), name
        assert network.get_parameter(name).data_ptr() == wide.get_parameter(name).data_ptr(), name
        narrow = Network(child(3, 6), bank).get_parameter(name)
        assert torch.equal(narrow, old[tuple(slice(n) for n in narrow.shape)]), name


def test_first_values_do_not_depend_on_the_order_of_widths() -> None:
    one, other = WeightBank(seed=4), WeightBank(seed=4)
    for bank, widths in ((one, WIDTHS), (other, (WIDTHS[0], *reversed(WIDTHS[1:])))):
        for filters in widths:
            bank.require(child(3, filters))
    ours, theirs = dict(one.items()), dict(other.items())
    assert ours.keys() == theirs.keys() and list(ours) != list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("filters", WIDTHS)
def test_a_child_of_any_width_equals_a_stand_alone_network(filters: int) -> None:
    bank = WeightBank()
    for each in WIDTHS:
        bank.require(child(3, each))
    network, alone = Network(child(3, filters), bank), Network(child(3, filters), seed=9)
    alone.load_state_dict({name: tensor.clone() for name, tensor in network.state_dict().items()}, strict=False)
    torch.testing.assert_close(network(images()), alone(images()), rtol=1e-5, atol=1e-6)


def test_widths_are_saved_once_and_come_back_as_parts_of_one_tensor(tmp_path: Path) -> None:
    bank = WeightBank(seed=2)
    for filters in (20, 40, 6):
        bank.require(child(3, filters))
    with torch.no_grad():
        for tensor in bank.tensors().values():
            tensor.add_(1.0)
    bank.save(tmp_path / "bank")
    again = WeightBank.load(tmp_path / "bank")
    assert all(torch.equal(p, q) for p, q in zip(bank.parameters(), again.parameters(), strict=True))
    with torch.no_grad():
        next(iter(again.tensors().values())).zero_()
    assert sum(not tensor.any() for _, tensor in again.items()) == 3


def test_a_bank_that_moves_goes_on_sharing() -> None:
    bank = WeightBank()
    network = Network(child(3, 20), bank)
    bank.to(torch.float64)
    wide = Network(child(3, 40), bank)
    assert all(parameter.dtype == torch.float64 for parameter in network.parameters())
    assert all(
        parameter.data_ptr() == wide.get_parameter(name).data_ptr() for name, parameter in network.named_parameters()
    )


def test_how_much_of_a_network_the_keys_of_others_stand_for() -> None:
    bank = WeightBank()
    few, some, all_ = (child(3, filters) for filters in WIDTHS)
    keys = [{node.key for node in graph.nodes if node.key} for graph in (few, some, all_)]
    sizes = [sum(graph.facts(node).n_params for node in graph.nodes) for graph in (few, some, all_)]
    bank.require(some)
    bank.require(all_)
    assert bank.n_within(all_, set()) == 0 and bank.n_within(all_, keys[2]) == sizes[2]
    assert bank.n_within(all_, keys[1]) == bank.n_within(some, keys[2]) == sizes[1]
    # a width that is not in the bank is the first part of wider ones
    assert bank.n_within(few, keys[1]) == sizes[0] and not keys[0] & {entry.key for entry in bank.manifest()}


def test_what_two_widths_cover_together_is_counted_once() -> None:
    assert _covered((10, 10), [(4, 8), (8, 4)]) == 4 * 8 + 4 * 4
    assert _covered((10, 10, 3, 3), [(4, 8, 3, 3), (2, 2, 3, 3), (20, 1, 3, 3)]) == 9 * (4 * 8 + 6)
    assert _covered((10,), [(4,), (20,)]) == 10 and _covered((10,), []) == 0


def test_an_unknown_key_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="nowhere"):
        WeightBank().parameter("nowhere", "weight")


def test_the_manifest_lists_keys_in_the_order_of_creation() -> None:
    bank = WeightBank()
    bank.require(child(3))
    first = bank.manifest()[0]
    assert (first.key, first.op, first.shapes) == ("stem/conv:conv:6x3x3x3", "conv", ((3, 8, 8),))
    assert [entry.key for entry in bank.manifest()] == [node.key for node in child(3).nodes if node.key]
    assert first.key in bank and len(bank) == len(bank.manifest())


def test_a_saved_bank_comes_back_in_the_same_order(tmp_path: Path) -> None:
    bank = WeightBank(seed=2)
    for kernel in (5, 3):
        bank.require(child(kernel))
    with torch.no_grad():
        for _, tensor in bank.items():
            tensor.add_(1.0)
    bank.save(tmp_path / "bank")
    again = WeightBank.load(tmp_path / "bank")
    assert again.manifest() == bank.manifest()
    assert [name for name, _ in again.items()] == [name for name, _ in bank.items()]
    assert all(torch.equal(p, q) for p, q in zip(bank.parameters(), again.parameters(), strict=True))
    assert torch.equal(Network(child(3), again)(images()), Network(child(3), bank)(images()))


def test_a_bank_that_the_system_refuses_to_write_is_an_error_of_the_system(tmp_path: Path, no_room: Any) -> None:
    bank = WeightBank(seed=2)
    bank.require(child(3, 40))
    with pytest.raises(OSError, match="File too large"), no_room():
        bank.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_bank_loads_without_drawing_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = WeightBank(seed=2)
    for filters in (20, 40, 6):
        bank.require(child(3, filters))
    bank.save(tmp_path)
    drawn: list[str] = []
    draw = bank_module.fresh
    monkeypatch.setattr(bank_module, "fresh", lambda node, name, *more: drawn.append(name) or draw(node, name, *more))
    again = WeightBank.load(tmp_path)
    assert drawn == [] and all(torch.equal(p, q) for p, q in zip(bank.parameters(), again.parameters(), strict=True))
    again.require(child(5, 20))
    assert drawn  # what is new is drawn, as in the bank that was saved
    bank.require(child(5, 20))
    assert all(torch.equal(p, q) for p, q in zip(bank.parameters(), again.parameters(), strict=True))


def test_a_loaded_bank_is_not_the_file(tmp_path: Path) -> None:
    bank = WeightBank()
    bank.require(child(3))
    tensors = {place: tensor.clone() for place, tensor in bank.tensors().items()}
    again = WeightBank.rebuilt(bank.described(), tensors)
    for tensor in again.tensors().values():
        tensor.zero_()
    assert all(torch.equal(tensors[place], tensor) for place, tensor in bank.tensors().items())


@pytest.mark.parametrize("damage", ["missing", "small"])
def test_a_bank_that_lost_weights_is_refused(damage: str) -> None:
    bank = WeightBank()
    bank.require(child(3))
    place, tensor = next(iter(bank.tensors().items()))
    tensors = {**bank.tensors(), place: tensor[:2]}
    if damage == "missing":
        del tensors[place]
    with pytest.raises(UsageError, match="lacks the tensor" if damage == "missing" else "too small"):
        WeightBank.rebuilt(bank.described(), tensors)


# Looking


def test_looking_at_a_network_never_makes_the_bank_grow() -> None:
    bank = WeightBank(seed=4)
    bank.require(child(3, 20))
    before = {place: tensor.clone() for place, tensor in bank.tensors().items()}
    for graph in (child(5, 20), child(3, 6), child(3, 40), child(3, 20)):
        other = WeightBank(seed=4)
        other.require(child(3, 20))
        grown = dict(Network(graph, other).named_parameters())
        for name, parameter in Network(graph, bank, grow=False).named_parameters():
            assert torch.equal(parameter, grown[name]), name  # the same values as if it had grown
    assert {entry.key for entry in bank.manifest()} == {node.key for node in child(3, 20).nodes if node.key}
    assert bank.tensors().keys() == before.keys()
    assert all(torch.equal(tensor, before[place]) for place, tensor in bank.tensors().items())
    assert len(list(bank.parameters())) == len(list(Network(child(3, 20), bank).parameters()))


def test_what_the_bank_has_is_the_same_object_for_those_who_look() -> None:
    bank = WeightBank()
    trained = Network(child(3), bank)
    seen = Network(child(5), bank, grow=False)
    assert seen.get_parameter("stem.conv.weight") is trained.get_parameter("stem.conv.weight")


def test_a_folder_without_a_bank_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no weight bank"):
        WeightBank.load(tmp_path)


def test_a_child_with_codes_and_constants_equals_a_stand_alone_network() -> None:
    net = Net({"numbers": (4,), "categories": ((3,), "int")})
    codes = net.op("flatten", net.op("embedding", net.input("categories"), size=7, dim=2))
    x = net.op("concat", net.op("standardise", net.input("numbers")), codes)
    net.output(net.op("linear", net.op("relu", net.op("batch_norm", net.op("linear", x, features=8))), features=2))
    bank = WeightBank()
    network, alone = Network(net.graph(), bank), Network(net.graph(), seed=9)
    assert inherit(alone, network) == 1.0
    batch = {"numbers": torch.randn(6, 4), "categories": torch.randint(0, 7, (6, 3))}
    for each in (network, alone):
        fit_constants(each, [batch])
        recalibrate(each, [batch])
        each.eval()
    assert torch.equal(network(batch), alone(batch))
    assert not list(bank.buffers())


def test_shared_convolutions_share_widths() -> None:
    bank = WeightBank()
    weights = []
    for filters in (4, 8):
        net = Net({"image": (6, 8, 8)})
        net.output(net.op("shared_conv", net.input("image"), filters=filters, groups=2))
        weights.append(Network(net.graph(), bank).get_parameter("shared_conv.weight"))
    assert weights[0].data_ptr() == weights[1].data_ptr() and torch.equal(weights[0], weights[1][:4])
