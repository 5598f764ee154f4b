"""Identity: invariant to what does not matter, and to nothing else."""

import random
from collections.abc import Callable
from itertools import product

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs import layers
from archsmith.graphs.graph import Graph
from archsmith.graphs.identity import _parts, identity
from archsmith.graphs.net import Net, Value


def named(build: Callable[[Net, Value], Value], shape: tuple[int, int, int] = (4, 8, 8)) -> str:
    net = Net({"image": shape})
    net.output(build(net, net.input()))
    return identity(net.graph())


def conv(net: Net, x: Value, kernel: int = 3, filters: int = 4) -> Value:
    return net.op("conv", x, filters=filters, kernel=kernel)


def test_names_scopes_and_keys_do_not_matter() -> None:
    def plain(net: Net, x: Value) -> Value:
        return net.op("batch_norm", conv(net, x))

    def scoped(net: Net, x: Value) -> Value:
        with net.scope("cell", "Cell", role="other", x=x):
            return net.op("batch_norm", net.op("conv", x, filters=4, name="first"), name="second")

    assert named(plain) == named(scoped)


def test_the_order_of_nodes_and_of_symmetric_inputs_does_not_matter() -> None:
    for op in ("add", "concat"):

        def forwards(net: Net, x: Value, op: str = op) -> Value:
            a = conv(net, x, 3)
            return net.op(op, a, conv(net, x, 5))

        def backwards(net: Net, x: Value, op: str = op) -> Value:
            b = conv(net, x, 5)
            return net.op(op, conv(net, x, 3), b)

        def swapped(net: Net, x: Value, op: str = op) -> Value:
            a = conv(net, x, 3)
            return net.op(op, conv(net, x, 5), a)

        assert len({named(forwards), named(backwards), named(swapped)}) == 1


def test_one_layer_used_twice_is_not_two_equal_layers() -> None:
    def twice(net: Net, x: Value) -> Value:
        a = conv(net, x)
        return net.op("add", a, a)

    def two(net: Net, x: Value) -> Value:
        return net.op("add", conv(net, x), conv(net, x))

    assert named(twice) != named(two)


def test_who_uses_which_of_two_equal_layers_matters() -> None:
    def crossed(net: Net, x: Value, same: bool) -> Value:
        a, b = conv(net, x), conv(net, x)
        left = net.op("add", conv(net, a, 5), conv(net, a if same else b, 1))
        right = net.op("add", conv(net, b, 5), conv(net, b if same else a, 1))
        return net.op("concat", left, right)

    assert named(lambda net, x: crossed(net, x, True)) != named(lambda net, x: crossed(net, x, False))


def test_the_same_function_computed_twice_is_one() -> None:
    def shared(net: Net, x: Value) -> Value:
        y = net.op("relu", x)
        return net.op("add", conv(net, y), conv(net, y))

    def repeated(net: Net, x: Value) -> Value:
        return net.op("add", conv(net, net.op("relu", x)), conv(net, net.op("relu", x)))

    assert named(shared) == named(repeated)


def test_random_operations_are_never_merged() -> None:
    def shared(net: Net, x: Value) -> Value:
        y = net.op("drop_path", x, keep=0.5)
        return net.op("add", y, y)

    def repeated(net: Net, x: Value) -> Value:
        return net.op("add", net.op("drop_path", x, keep=0.5), net.op("drop_path", x, keep=0.5))

    assert named(shared) != named(repeated)


def test_an_identity_is_nothing() -> None:
    assert named(lambda net, x: conv(net, net.op("identity", x))) == named(conv)
    assert named(lambda net, x: net.op("identity", conv(net, x))) == named(conv)


def test_arguments_shapes_and_operations_matter() -> None:
    names = {
        named(conv),
        named(lambda net, x: conv(net, x, 5)),
        named(lambda net, x: conv(net, x, 3, 8)),
        named(conv, (4, 9, 9)),
        named(lambda net, x: net.op("max_pool", x)),
        named(lambda net, x: net.op("avg_pool", x)),
    }
    assert len(names) == 6


def test_names_of_inputs_and_outputs_matter() -> None:
    def graph(first: str, output: str) -> Graph:
        net = Net({"a": (4,), "b": (4,)})
        x = net.op("linear", net.input(first), features=3)
        net.output(net.op("concat", x, net.input("b" if first == "a" else "a")), output)
        return net.graph()

    assert len({identity(graph("a", "class")), identity(graph("b", "class")), identity(graph("a", "value"))}) == 3


def test_pnas_has_136_cells_of_one_block() -> None:
    def operation(net: Net, x: Value, i: int) -> Value:
        if i < 3:
            return layers.sep_conv(net, x, 4, 3 + 2 * i)
        if i == 3:
            return layers.factorized_conv(net, x, 4)
        if i == 4:
            return x
        return layers.dil_conv(net, x, 4) if i == 7 else layers.pool(net, x, "avg" if i == 5 else "max")

    names = set()
    for a, b, f, g in product(range(2), range(2), range(8), range(8)):
        net = Net({"prev": (4, 8, 8), "cur": (4, 8, 8)})
        inputs = (net.input("prev"), net.input("cur"))
        net.output(net.op("add", operation(net, inputs[a], f), operation(net, inputs[b], g)))
        names.add(identity(net.graph()))
    assert len(names) == 136  # of 256: Liu et al. 2018, arXiv 1712.00559


def exact(graph: Graph) -> tuple[object, ...]:
    """The smallest description over all topological orders: equal exactly for isomorphic graphs, and far too slow for
    anything but a test.
    """
    parts, ends = _parts(graph)
    best: list[tuple[object, ...]] = []

    def extend(place: dict[int, int], rows: tuple[object, ...]) -> None:
        if best and rows > best[0][: len(rows)]:
            return
        if len(place) == len(parts):
            best[:] = [rows]
        for i, part in enumerate(parts):
            if i not in place and all(j in place for j in part.inputs):
                inputs = [place[j] for j in part.inputs]
                row = (part.token, tuple(sorted(inputs) if part.symmetric else inputs), tuple(ends[i]))
                extend({**place, i: len(place)}, (*rows, row))

    extend({}, ())
    return best[0]


def test_it_agrees_with_the_exact_answer_on_random_graphs() -> None:
    rng = random.Random(0)
    by_name: dict[str, object] = {}
    by_answer: dict[object, str] = {}
    for _ in range(3000):
        net = Net({"image": (4, 8, 8)})
        values = [net.input()]
        for _ in range(rng.randint(3, 6)):
            op = rng.choice(["conv", "conv", "add", "add", "relu"])
            x, y = rng.choice(values), rng.choice(values)
            values.append(conv(net, x) if op == "conv" else net.op("add", x, y) if op == "add" else net.op("relu", x))
        net.output(net.op("concat", *values[-2:]))
        graph = net.graph()
        name, answer = identity(graph), exact(graph)
        assert by_name.setdefault(name, answer) == answer
        assert by_answer.setdefault(answer, name) == name
    assert len(by_name) > 500


def test_the_name_is_the_same_on_every_machine() -> None:
    # A stored history compares names across runs, so a change of this value needs a note in the changelog.
    assert named(conv) == "0203ee24155649973964fff711d07989"


def test_inputs_count_by_name_and_not_by_order() -> None:
    def fed(names: tuple[str, ...], first: str) -> str:
        net = Net(dict.fromkeys(names, (4,)))
        other = next(name for name in names if name != first)
        x = net.op("linear", net.input(first), features=3)
        net.output(net.op("add", x, net.op("tanh", net.op("linear", net.input(other), features=3))))
        return identity(net.graph())

    assert fed(("a", "b"), "a") == fed(("b", "a"), "a") != fed(("a", "b"), "b")


def test_what_is_no_graph_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match="graph of identity cannot be 3"):
        identity(3)  # type: ignore[arg-type]
