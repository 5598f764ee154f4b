"""EfficientNet-Lite0 against its own definition, written in plain torch, and what stands in front of it."""

from __future__ import annotations

import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.graphs.cost import cost
from archsmith.graphs.drawing import draw
from archsmith.graphs.graph import Graph
from archsmith.spaces.efficientnet import MEAN, STAGES, STD, EfficientNetLite, conversion

torch = pytest.importorskip("torch")
import torch.nn.functional as F  # noqa: E402

from archsmith.graphs.network import Network  # noqa: E402
from archsmith.graphs.source import source  # noqa: E402


def filled(space: EfficientNetLite) -> Network:
    """With statistics of batch norm that are not those of a new network."""
    network = Network(space.graph(Architecture()), seed=0).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5, generator=generator)
            elif name.endswith(("running_mean", "bias")):
                value.normal_(0.0, 0.1, generator=generator)
    return network


def plain(state, x, last="classifier.linear"):
    """The network as its authors wrote it: TensorFlow's padding, epsilon 1e-3, ReLU6."""

    def conv(x, name, stride=1, groups=1):
        weight = state[f"{name}.weight"]
        sides = []
        for n in (x.shape[3], x.shape[2]):
            missing = max((-(-n // stride) - 1) * stride + weight.shape[-1] - n, 0)
            sides += [missing // 2, missing - missing // 2]
        return F.conv2d(F.pad(x, sides), weight, stride=stride, groups=groups)

    def norm(x, name):
        names = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(x, *(state[f"{name}.{part}"] for part in names), eps=1e-3)

    x = F.relu6(norm(conv(x, "stem.conv", 2), "stem.bn"))
    number = 0
    for blocks, _, first, expansion, _ in STAGES:
        for i in range(blocks):
            name, y = f"block{number}", x
            if expansion != 1:
                y = F.relu6(norm(conv(y, f"{name}.expand"), f"{name}.bn_expand"))
            y = conv(y, f"{name}.depthwise", first if i == 0 else 1, y.shape[1])
            y = norm(conv(F.relu6(norm(y, f"{name}.bn_depthwise")), f"{name}.project"), f"{name}.bn_project")
            x = x + y if x.shape == y.shape else y
            number += 1
    x = F.relu6(norm(conv(x, "head.conv"), "head.bn")).mean((2, 3))
    return F.linear(x, state[f"{last}.weight"], state[f"{last}.bias"])


@pytest.mark.parametrize("size", [(64, 64), (32, 96)])
def test_it_computes_what_its_authors_wrote(size: tuple[int, int]) -> None:
    network = filled(EfficientNetLite((3, *size), 5))
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(network(x), plain(network.state_dict(), x), rtol=1e-4, atol=1e-4)


def test_pictures_are_taken_as_a_job_normalises_them_and_become_what_the_weights_know() -> None:
    bytes_ = torch.randint(0, 256, (2, 3, 64, 64), generator=torch.Generator().manual_seed(0)).float()
    mean, std = (0.3, 0.5, 0.7), (0.2, 0.3, 0.1)
    space = EfficientNetLite((3, 64, 64), 5, None, (64, 64), mean, std)
    network, bare = filled(space), filled(EfficientNetLite((3, 64, 64), 5))
    given = (bytes_ / 255 - torch.tensor(mean).view(-1, 1, 1)) / torch.tensor(std).view(-1, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(network(given), bare((bytes_ - 127) / 128), rtol=1e-3, atol=1e-4)


def test_grey_pictures_of_any_size_are_coloured_and_enlarged() -> None:
    graph = EfficientNetLite((1, 28, 20), 5, None, (64, 32), (0.5,), (0.5,)).graph(Architecture())
    assert graph.node("entry.colours").shape == (3, 64, 32) and graph.node("head.conv").shape == (1280, 2, 1)
    same = EfficientNetLite((3, 64, 64), 5, None, (64, 64)).graph(Architecture())
    assert not [node for node in same.nodes if node.name.startswith("entry")]


def test_the_conversion_does_nothing_to_what_is_normalised_so_already() -> None:
    factors, offsets = conversion((MEAN,) * 3, (STD,) * 3)
    assert factors == pytest.approx((1.0,) * 3) and offsets == pytest.approx((0.0,) * 3)


@pytest.mark.parametrize("size", [(16, 16), (64, 100), (64,)])
def test_a_size_that_five_halvings_do_not_divide_is_refused(size: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="multiples of 32"):
        EfficientNetLite((3, 64, 64), 5, None, size)


def test_it_is_counted_drawn_and_stored_like_any_other_network() -> None:
    graph = EfficientNetLite((1, 8, 8), 3, None, (64, 64), (0.5,), (0.25,)).graph(Architecture())
    assert cost(graph).params == 4_652_008 - 1281 * 997
    assert Graph.from_dict(graph.to_dict()) == graph
    assert "<svg" in draw(graph)


def test_a_folded_network_has_a_bias_where_the_other_has_a_batch_norm() -> None:
    graphs = [EfficientNetLite((3, 32, 32), 5, folded=folded).graph(Architecture()) for folded in (False, True)]
    n_norms = [sum(node.op == "batch_norm" for node in graph.nodes) for graph in graphs]
    assert n_norms == [49, 0] and cost(graphs[0]).macs == cost(graphs[1]).macs
    channels = sum(node.shape[0] for node in graphs[0].nodes if node.op == "batch_norm")
    assert cost(graphs[0]).params - cost(graphs[1]).params == channels


def test_its_written_source_gives_the_same_numbers() -> None:
    network = filled(EfficientNetLite((1, 24, 24), 3, None, (32, 32), (0.5,), (0.25,)))
    names: dict[str, object] = {}
    exec(source(network.graph), names)
    written = names["Network"]()  # type: ignore[operator]
    written.load_state_dict(network.state_dict())
    x = torch.randn(2, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(written.eval()(x), network(x), rtol=1e-4, atol=1e-5)
