"""Which scopes of a graph are boxes, which are frames, and which arrows run between them."""

from __future__ import annotations

import pytest

from archsmith.graphs import layers
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net, Value
from archsmith.graphs.view import View, ancestors, inside, is_operation, level, view


def tree(net: Net, x: Value, depth: int, name: str = "tree") -> Value:
    """A recursive part: a convolution beside a smaller one of its kind."""
    with net.scope(name, "Tree", x=x):
        y = net.op("conv", x, filters=8, kernel=3)
        return net.op("add", y, tree(net, x, depth - 1, "left") if depth else x)


def recursive(depth: int = 2) -> Graph:
    net = Net({"image": (8, 8, 8)})
    x = net.op("relu", tree(net, net.input("image"), depth))
    net.output(layers.classifier(net, x, 2))
    return net.graph()


def opened(graph: Graph, deepest: int, root: str = "") -> View:
    return view(graph, root, lambda path: level(path) >= deepest)


def test_paths_have_levels_and_ancestors() -> None:
    assert [level(path) for path in ("", "a", "a.b.c")] == [0, 1, 3]
    assert list(ancestors("a.b.c")) == ["a", "a.b"]


def test_opened_scopes_are_frames_in_each_other() -> None:
    shown = opened(recursive(), 9)
    assert shown.frames == {
        "tree": "",
        "tree.left": "tree",
        "tree.left.left": "tree.left",
        "classifier": "",
    }
    assert {item.path: item.frame for item in shown.items}["tree.left.left.conv"] == "tree.left.left"


def test_arrows_cross_the_frames() -> None:
    shown = opened(recursive(), 9)
    assert ("image", "tree.left.left.add") in shown.edges
    assert ("tree.left.left.add", "tree.left.add") in shown.edges
    assert len(shown.edges) == 13


def test_a_closed_scope_is_one_item_with_all_its_arrows() -> None:
    shown = opened(recursive(), 2)
    assert [item.path for item in shown.items if item.closed] == ["tree.left"]
    assert {("image", "tree.left"), ("tree.left", "tree.add"), ("image", "tree.conv")} < set(shown.edges)
    assert next(item for item in shown.items if item.closed).shape == (8, 8, 8)


def test_what_enters_a_scope_goes_by_its_argument() -> None:
    shown = opened(recursive(), 9, root="tree.left")
    assert [(item.path, item.kind) for item in shown.items if item.is_port] == [("<image", "x"), (">output", "output")]


@pytest.mark.parametrize(("n_inner", "frames"), [(1, []), (2, ["part"])])
def test_a_frame_around_one_thing_is_left_out(n_inner: int, frames: list[str]) -> None:
    net = Net({"image": (8, 8, 8)})
    x = net.op("relu", net.input("image"))
    with net.scope("part", "Part", x=x):
        for _ in range(n_inner):
            x = net.op("conv", x, filters=8)
    net.output(net.op("linear", net.op("global_pool", x), features=2))
    assert list(opened(net.graph(), 9).frames) == frames


def test_a_frame_around_everything_is_left_out() -> None:
    net = Net({"image": (8, 8, 8)})
    with net.scope("all", "Family", image=net.input("image")):
        x = net.op("global_pool", net.op("conv", net.input("image"), filters=8))
    net.output(net.op("linear", x, features=2))
    assert not opened(net.graph(), 9).frames


def test_a_view_without_some_frames_keeps_those_around() -> None:
    shown = opened(recursive(), 9).unframed(["tree.left"])
    assert shown.frames == {"tree": "", "tree.left.left": "tree", "classifier": ""}
    assert {item.path: item.frame for item in shown.items}["tree.left.conv"] == "tree"


def test_dropout_is_passed_over() -> None:
    net = Net({"numbers": (8,)})
    x = net.op("linear", net.op("dropout", net.op("relu", net.input("numbers")), p=0.5), features=2)
    net.output(x)
    assert set(opened(net.graph(), 9).edges) == {("numbers", "relu"), ("relu", "linear"), ("linear", ">class")}


def scopes() -> Graph:
    net = Net({"image": (8, 16, 16)})
    x = layers.sep_conv(net, net.input("image"), 8, 5, name="sep")
    x = layers.pool(net, x, "max", filters=12, name="pool")
    x = layers.factorized_conv(net, x, 12, name="strips")
    x = layers.squeeze_excite(net, x, 4, name="squeezed")
    x = layers.inverted_bottleneck(net, x, 16, 5, stride=2, name="strided")
    x = layers.inverted_bottleneck(net, x, 16, 5, name="shortcut")
    with net.scope("two", "Stage", x=x):
        x = layers.conv_bn_relu(net, layers.conv_bn_relu(net, x, 16), 16)
    with net.scope("chain", "Chain", x=x):
        x = layers.sep_conv(net, layers.sep_conv(net, x, 16, 3), 16, 5)
    with net.scope("wrapped", "Chain", x=x):
        x = layers.sep_conv(net, x, 16, 3)
    net.output(layers.classifier(net, x, 2))
    return net.graph()


@pytest.mark.parametrize(
    ("path", "one"),
    [
        ("chain", False),
        ("wrapped", True),
        ("sep", True),
        ("pool", True),
        ("strips", True),
        ("squeezed", True),
        ("classifier", True),
        ("strided", False),
        ("shortcut", False),
        ("two", False),
    ],
)
def test_one_operation_is_told_from_several(path: str, one: bool) -> None:
    graph = scopes()
    assert is_operation(graph, path, inside(graph)[path]) is one
