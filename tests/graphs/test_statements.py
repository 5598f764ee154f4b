"""The lines of forward methods. That they compute the same as the graph is tested in test_source."""

from __future__ import annotations

import ast

import pytest

from archsmith.graphs.graph import AUXILIARY, Graph
from archsmith.graphs.net import Net, Value
from archsmith.graphs.skeletons import skeletons
from archsmith.graphs.statements import WIDTH, Body, indented, wrapped


def start() -> tuple[Net, Value]:
    net = Net({"given": (4,)})
    return net, net.input("given")


def body(graph: Graph) -> Body:
    classes = skeletons(graph)
    return Body(classes[-1], classes, root=True)


def lines(net: Net) -> list[str]:
    return body(net.graph()).lines()


def by_name(net: Net) -> list[str]:
    graph = net.graph()
    found = body(graph)
    return found.lines_by_name(dict(zip(graph.outputs, found.skeleton.outputs, strict=True)))


def test_what_is_used_once_is_written_inside() -> None:
    net, x = start()
    net.output(net.op("linear", net.op("relu", net.op("linear", x, features=4, name="a")), features=2, name="b"))
    assert lines(net) == ["return self.b(F.relu(self.a(given)))"]


def test_what_is_used_twice_has_a_name() -> None:
    net, x = start()
    y = net.op("linear", x, features=4, name="a")
    net.output(net.op("add", net.op("relu", y), y))
    assert lines(net) == ["a = self.a(given)", "return F.relu(a) + a"]


def test_a_long_chain_gets_lines_of_its_own_under_one_name() -> None:
    net, x = start()
    for i in range(6):
        x = net.op("linear", x, features=4, name=f"l{i}")
    net.output(x)
    assert lines(net) == [
        "x = self.l3(self.l2(self.l1(self.l0(given))))",
        "return self.l5(self.l4(x))",
    ]


def test_an_identity_is_no_statement() -> None:
    net, x = start()
    net.output(net.op("linear", net.op("identity", x), features=2, name="a"))
    assert lines(net) == ["return self.a(given)"]


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("mul", "add", "return (given + given) * given"),
        ("add", "mul", "return given * given + given"),
        ("add", "add", "return (given + given) + given"),
    ],
)
def test_brackets_show_the_order_but_not_around_products_in_sums(outer: str, inner: str, expected: str) -> None:
    net, x = start()
    net.output(net.op(outer, net.op(inner, x, x), x))
    assert lines(net) == [expected]


def test_several_outputs_are_returned_in_order() -> None:
    net, x = start()
    net.output(net.op("linear", x, features=2, name="a"))
    net.output(net.op("linear", x, features=3, name="b"), AUXILIARY)
    assert lines(net) == ["a = self.a(given)", "b = self.b(given)", "return a, b"]


def test_outputs_by_name_leave_the_auxiliary_one_to_the_end() -> None:
    net, x = start()
    net.output(net.op("linear", x, features=3, name="b"), AUXILIARY)
    net.output(net.op("linear", x, features=2, name="a"))
    assert by_name(net) == [
        'outputs = {"class": self.a(given)}',
        "if auxiliary:",
        '    outputs["auxiliary"] = self.b(given)',
        "return outputs",
    ]


def test_a_value_that_only_the_auxiliary_output_shares_keeps_its_name() -> None:
    net, x = start()
    y = net.op("linear", x, features=4, name="up")
    net.output(net.op("linear", net.op("add", net.op("relu", y), x), features=2, name="head"))
    net.output(net.op("linear", y, features=2, name="side"), AUXILIARY)
    assert by_name(net) == [
        "up = self.up(given)",
        'outputs = {"class": self.head(F.relu(up) + given)}',
        "if auxiliary:",
        '    outputs["auxiliary"] = self.side(up)',
        "return outputs",
    ]


@pytest.mark.parametrize(("same", "written"), [(False, "self.side(x)"), (True, "x")])
def test_an_auxiliary_output_may_be_made_of_the_main_one(same: bool, written: str) -> None:
    net, x = start()
    y = net.op("linear", x, features=2, name="up")
    net.output(y)
    net.output(y if same else net.op("linear", y, features=2, name="side"), AUXILIARY)
    main, outputs, condition, auxiliary, _ = by_name(net)
    name = main.partition(" = ")[0]
    assert outputs == f'outputs = {{"class": {name}}}'
    assert (condition, auxiliary) == ("if auxiliary:", f'    outputs["auxiliary"] = {written.replace("x", name)}')


# Text


def test_indented_lines_leave_empty_ones_empty() -> None:
    assert indented(["a", "", "  b"], 4) == ["    a", "", "      b"]


SUM = " + ".join(f"self.a_long_name_{i}(value)" for i in range(9))
CALL = f"torch.cat([{', '.join(f'a_long_name_{i}' for i in range(8))}], dim=1)"
LONG = [f"y = {SUM}", f"return {SUM}", f"y = {CALL}", f"return {CALL}", f"y = {CALL}.mean(1)"]


@pytest.mark.parametrize("line", LONG)
def test_long_lines_are_broken_without_another_meaning(line: str) -> None:
    found = wrapped(line, 12)
    assert len(found) > 1
    assert all(len(part) + 12 <= WIDTH for part in found)
    broken, whole = ("\n".join(["def f():", *indented(part, 4)]) for part in (found, [line]))
    assert ast.dump(ast.parse(broken)) == ast.dump(ast.parse(whole))


@pytest.mark.parametrize("line", ["y = self.a(x) + self.b(x)", "return x", "x" * WIDTH])
def test_lines_stay_whole_where_they_fit_or_cannot_be_broken(line: str) -> None:
    assert wrapped(line, 8) == [line]
