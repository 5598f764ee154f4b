"""Laying out: names, scopes, weight keys, pruning, mistakes."""

import time

import pytest

from archsmith.core.errors import DeadEnd, UsageError
from archsmith.core.task import Input
from archsmith.graphs import layers
from archsmith.graphs.net import RESERVED, Net


def image(shape: tuple[int, ...] = (3, 8, 8)) -> Net:
    return Net({"image": shape})


def test_a_taken_name_gets_a_number() -> None:
    net = image()
    names = [net.op("relu", net.input()).name for _ in range(3)]
    assert names == ["relu", "relu2", "relu3"]


def test_a_number_that_is_taken_is_passed_over() -> None:
    net = image()
    names = [net.op("relu", net.input(), name=name).name for name in ("relu", "relu2", "relu")]
    assert names == ["relu", "relu2", "relu3"]


def test_scopes_nest_in_names_and_keys() -> None:
    net = image()
    with net.scope("cell0", "Cell"), net.scope("left", "Side", role="node2.sep3.from0"):
        net.output(net.op("conv", net.input(), filters=4, kernel=3))
    node = net.graph().nodes[-1]
    assert node.name == "cell0.left.conv"
    assert node.key == "cell0/node2.sep3.from0/conv:conv:4x3x3x3"


def test_the_key_says_the_shapes_of_all_parameters() -> None:
    net = image()
    net.output(net.op("conv", net.input(), filters=4, kernel=1, bias=True))
    assert net.graph().nodes[-1].key == "conv:conv:4x3x1x1+4"


def test_two_parts_in_one_role_keep_their_own_weights() -> None:
    net = image()
    outputs = []
    for name in ("a", "b"):
        with net.scope(name, "Side", role="same"):
            outputs.append(net.op("conv", net.input(), filters=4))
    net.output(net.op("add", *outputs))
    keys = [node.key for node in net.graph().nodes if node.key]
    assert keys == ["same/conv:conv:4x3x3x3", "same/conv:conv:4x3x3x3#2"]


def test_operations_without_parameters_have_no_key() -> None:
    net = image()
    net.output(net.op("max_pool", net.input()))
    assert net.graph().nodes[-1].key is None


def test_what_reaches_no_output_is_left_out() -> None:
    net = image()
    with net.scope("dead", "Cell"):
        dead = net.op("conv", net.input(), filters=4)
    with net.scope("alive", "Cell", x=net.input(), y=dead):
        net.output(net.op("relu", net.input()))
    graph = net.graph()
    assert [node.name for node in graph.nodes] == ["image", "alive.relu"]
    assert list(graph.scopes) == ["alive"]
    assert graph.scopes["alive"].inputs == {"x": "image"}


def test_an_unused_input_stays() -> None:
    net = Net({"image": (3, 8, 8), "extra": (4,)})
    net.output(net.op("relu", net.input("image")))
    assert net.graph().inputs == ("image", "extra")
    assert len(net.graph()) == 3


@pytest.mark.parametrize("name", ["forward", "train", "a.b", "1a", "class", "_hidden"])
def test_names_that_would_hide_a_method_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name"):
        image().scope(name, "Cell")


def test_every_attribute_of_a_module_is_reserved() -> None:
    nn = pytest.importorskip("torch.nn")
    from archsmith.graphs.network import Network

    net = image()
    net.output(net.op("relu", net.input()))
    for module in (nn.Module(), Network(net.graph())):
        assert {name for name in dir(module) if not name.startswith("_")} <= RESERVED


def test_a_network_needs_an_output() -> None:
    net = image()
    net.output(net.op("relu", net.input()), "auxiliary")
    with pytest.raises(UsageError, match="no output"):
        net.graph()


def test_an_output_is_declared_once() -> None:
    net = image()
    net.output(net.input())
    with pytest.raises(UsageError, match="already"):
        net.output(net.input())


def test_an_unknown_input_is_named() -> None:
    with pytest.raises(UsageError, match="sound"):
        image().input("sound")


def test_mistakes_are_usage_errors_and_vanished_images_dead_ends() -> None:
    net = image()
    for op, args in (
        ("cnv", {}),
        ("conv", {}),
        ("conv", {"filters": 4, "size": 3}),
        ("conv", {"filters": 4, "groups": 2}),
        ("conv", {"filters": [4]}),
    ):
        with pytest.raises(UsageError):
            net.op(op, net.input(), **args)
    with pytest.raises(DeadEnd):
        net.op("avg_pool", net.input(), kernel=9, padding=0)


@pytest.mark.clock
def test_a_net_of_a_thousand_nodes_is_laid_out_in_tens_of_milliseconds() -> None:
    def build() -> int:
        net = image((3, 32, 32))
        x = layers.conv_bn(net, net.input(), 16)
        for i in range(20):
            with net.scope(f"cell{i}", "Cell", x=x):
                x = net.op("add", *[layers.sep_conv(net, x, 16) for _ in range(6)])
        net.output(layers.classifier(net, x, 10))
        return len(net.graph())

    assert build() > 980
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        build()
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.05  # about 4 ms on a quiet core


def test_inputs_of_a_task_say_what_is_fed_in() -> None:
    net = Net([Input("numbers", "numbers", (4,)), Input("categories", "categories", (3,), n_codes=9)])
    net.output(
        net.op(
            "concat",
            net.input("numbers"),
            net.op("flatten", net.op("embedding", net.input("categories"), size=9, dim=2)),
        )
    )
    graph = net.graph()
    assert [graph.node(name).args for name in graph.inputs] == [{"shape": (4,)}, {"shape": (3,), "dtype": "int"}]
    again = Net({"numbers": (4,), "categories": ((3,), "int")})
    assert again.input("categories") == net.input("categories")
    with pytest.raises(UsageError, match="fixed shape"):
        Net([Input("text", "text", (None,))])


def test_codes_and_numbers_are_not_mixed_up() -> None:
    net = Net({"numbers": (4,), "categories": ((4,), "int")})
    numbers, categories = net.input("numbers"), net.input("categories")
    for op, values, args, said in (
        ("embedding", (numbers,), {"size": 3, "dim": 2}, "gives floats"),
        ("linear", (categories,), {"features": 3}, "gives codes"),
        ("add", (numbers, categories), {}, "'categories' gives codes"),
        ("linear", (net.op("reshape", categories, shape=(2, 2)),), {"features": 3}, "'reshape' gives codes"),
    ):
        with pytest.raises(UsageError, match=said):
            net.op(op, *values, **args)
    assert net.op("embedding", net.op("flatten", categories), size=3, dim=2).shape == (4, 2)


def test_an_input_of_floats_is_stored_as_ever() -> None:
    net = image()
    net.output(net.op("softmax", net.op("layer_norm", net.op("flatten", net.input()))))
    assert [dict(node.args) for node in net.graph().nodes] == [{"shape": (3, 8, 8)}, {}, {"eps": 1e-5}, {}]


def test_a_scope_with_slashes_is_told_what_to_do() -> None:
    with pytest.raises(UsageError, match="put one scope inside the other"):
        image().scope("stage0/cell0", "Cell")
