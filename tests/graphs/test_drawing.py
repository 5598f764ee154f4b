from __future__ import annotations

import re
import time
from xml.etree import ElementTree

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs import layers, token_layers
from archsmith.graphs.drawing import draw, draw_cell, draw_network
from archsmith.graphs.figure import COLOURS, LABEL, text_width
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net, Value


def cell(net: Net, name: str, prev: Value, cur: Value, filters: int, stride: int = 1) -> Value:
    with net.scope(name, "ReductionCell" if stride == 2 else "NormalCell", prev=prev, cur=cur):
        left = layers.fit(net, prev, filters, 2 if prev.shape[1:] != cur.shape[1:] else 1, name="fit_prev")
        right = layers.relu_conv_bn(net, cur, filters, name="fit_cur")
        with net.scope("block0", "Block", left=left, right=right):
            a = layers.sep_conv(net, left, filters, 5, stride, name="left")
            a = net.op("drop_path", a, keep=0.9)
            b = layers.pool(net, right, "max", 3, stride, name="right")
            first = net.op("add", a, b)
        with net.scope("block1", "Block", x=first):
            second = net.op(
                "add", layers.factorized_conv(net, first, filters, 7), layers.dil_sep_conv(net, first, filters, 3)
            )
        return net.op("concat", first, second)


def cells(n: int = 4) -> Graph:
    net = Net({"image": (3, 32, 32)})
    prev = cur = layers.conv_bn(net, net.input("image"), 24, name="stem")
    filters = 8
    for i in range(3 * n + 2):
        stride = 2 if i in (n, 2 * n + 1) else 1
        filters *= stride
        prev, cur = cur, cell(net, f"cell{i}", prev, cur, filters, stride)
    net.output(layers.auxiliary_head(net, prev, 10), "auxiliary")
    net.output(layers.classifier(net, cur, 10))
    return net.graph()


def residual(blocks: int = 2, squeezed: int = 0) -> Graph:
    net = Net({"image": (3, 32, 32)})
    x = layers.conv_bn_relu(net, net.input("image"), 16, name="stem")
    for s, filters in enumerate((16, 32, 64)):
        with net.scope(f"stage{s}", "Stage", x=x):
            for b in range(blocks):
                x = layers.residual_block(
                    net, x, filters, stride=2 if s and not b else 1, squeezed=squeezed, name=f"block{b}"
                )
    net.output(layers.classifier(net, x, 10))
    return net.graph()


GRAPH = cells()


def texts(svg: str) -> list[str]:
    return [
        "".join(element.itertext()) for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    ]


def test_a_drawing_is_well_formed_and_self_contained() -> None:
    svg = draw(GRAPH)
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg") and root.get("viewBox")
    assert (
        "http" not in svg.replace('xmlns="http://www.w3.org/2000/svg"', "")
        and "<script" not in svg
        and "<image" not in svg
    )


def test_a_cell_shows_operations_as_one_box_each() -> None:
    shown = texts(draw_cell(GRAPH, "cell2"))
    for label in (
        "prev",
        "cur",
        "sep 5×5",
        "max pool 3×3",
        "1×7, 7×1 conv",
        "dil sep 3×3",
        "concat",
        "output",
        "Normal cell",
    ):
        assert label in shown
    assert shown.count("conv 1×1, 8") == 2
    assert "batch norm" not in shown and "drop path" not in shown


def test_strides_of_a_reduction_cell_are_shown() -> None:
    assert texts(draw_cell(GRAPH, "cell4")).count("stride 2") == 2


def test_adds_are_circles() -> None:
    assert draw_cell(GRAPH, "cell2").count("<circle") == 2


def test_a_network_piles_equal_cells() -> None:
    shown = texts(draw_network(GRAPH))
    piled = [text.partition("×")[2].strip() or "1" for text in shown if text.startswith("Normal cell")]
    assert piled == ["4", "4", "3", "1"]  # the auxiliary head takes what the third of the last four cells gives
    assert shown.count("Reduction cell") == 2
    assert {"image", "class", "auxiliary", "Classifier", "Auxiliary head", "3 × 32 × 32", "32 × 16 × 16"} <= set(shown)


def test_a_network_can_be_drawn_without_piles() -> None:
    assert texts(draw_network(GRAPH, piles=False)).count("Normal cell") == 12


def test_a_network_tells_its_size_without_the_auxiliary_head() -> None:
    graph = residual()
    params = sum(graph.facts(node).n_params for node in graph.nodes)
    assert any(f"{params / 1e3:.3g} k parameters" in text for text in texts(draw_network(graph)))


def test_stages_are_opened_down_to_their_blocks() -> None:
    assert texts(draw_network(residual())).count("Residual block") == 6


def test_squeeze_excite_is_one_box() -> None:
    shown = texts(draw_cell(residual(squeezed=4), "stage1.block0"))
    assert "squeeze-excite" in shown and "sigmoid" not in shown


def test_depth_opens_more() -> None:
    assert len(draw(GRAPH, depth=1)) < len(draw(GRAPH, depth=2)) < len(draw(GRAPH, depth=3))
    shown = texts(draw(GRAPH, scope="cell2.block0.left", depth=1))
    assert {"ReLU", "depthwise 5×5", "conv 1×1, 8", "batch norm"} <= set(shown)


def test_drawing_is_repeatable() -> None:
    assert draw(GRAPH) == draw(GRAPH) and draw_cell(GRAPH, "cell3") == draw_cell(GRAPH, "cell3")


def test_a_notebook_shows_a_graph() -> None:
    assert GRAPH._repr_svg_() == draw(GRAPH)


@pytest.mark.parametrize(
    "call", [lambda: draw_cell(GRAPH, "cell99"), lambda: draw(GRAPH, scope="cell99"), lambda: draw(GRAPH, depth=0)]
)
def test_wrong_arguments_are_named(call: object) -> None:
    assert callable(call)
    with pytest.raises(UsageError, match=r"cell99|depth"):
        call()


def test_texts_are_escaped() -> None:
    svg = draw_cell(GRAPH, "cell2", title='a < b & "c"')
    assert 'a < b & "c"' in texts(svg)


def test_texts_fit_their_boxes() -> None:
    svg = draw_network(GRAPH) + draw_cell(GRAPH, "cell4")
    for width, text in re.findall(
        r'<rect x="[^"]+" y="[^"]+" width="([\d.]+)"[^>]*/><text [^>]*font-size="12"[^>]*>([^<]*)<', svg
    ):
        assert text_width(text, LABEL) + 8 < float(width), text


def test_what_is_drawn_stays_inside_the_picture() -> None:
    svg = draw_cell(GRAPH, "cell4")
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1])  # type: ignore[index]
    shift = float(re.search(r"translate\(([\d.-]+)", svg)[1])  # type: ignore[index]
    inner = svg[svg.index("<g ") : svg.index("</g>")]
    for x, box_width in re.findall(r'<rect x="([\d.-]+)" y="[^"]+" width="([\d.]+)"', inner):
        assert float(x) + shift >= 0 and float(x) + shift + float(box_width) <= width
    for path in re.findall(r' d="(M[^"]*)"', inner):
        for x in re.findall(r"(?:M|C|(?<=\d) )([\d.-]+) [\d.-]+", path):
            assert 0 <= float(x) + shift <= width


@pytest.mark.clock
def test_twenty_cells_are_drawn_within_a_second() -> None:
    graph = cells(6)
    start = time.perf_counter()
    draw_network(graph, piles=False)
    assert time.perf_counter() - start < 1.0


def test_several_inputs_and_attention_are_drawn_in_words() -> None:
    net = Net({"numbers": (4,), "words": ((6,), "int")})
    x = token_layers.transformer_block(net, net.op("embedding", net.input("words"), size=9, dim=8), 2)
    x = net.op("concat", net.op("standardise", net.input("numbers")), net.op("token_mean", x))
    net.output(net.op("linear", x, features=3))
    graph = net.graph()
    shown = texts(draw_network(graph))
    assert {"numbers", "words", "embedding, 8", "standardise", "mean of tokens", "concat", "linear, 3"} <= set(shown)
    assert any("shapes are tokens × channels" in text for text in shown)
    inside = texts(draw_cell(graph, "block"))
    assert {"attention", "layer norm", "linear, 32", "GELU"} <= set(inside) and "softmax" not in inside
    assert texts(draw_cell(graph, "block.attention")).count("matrix product") == 2


def test_the_last_linear_layer_stands_out() -> None:
    net = Net({"numbers": (4,)})
    net.output(net.op("linear", net.op("relu", net.op("linear", net.input("numbers"), features=8)), features=3))
    svg = draw(net.graph())
    head, dense = (
        re.findall(rf'fill="{COLOURS[family][0]}" stroke="{COLOURS[family][1]}"', svg) for family in ("head", "dense")
    )
    assert len(head) == len(dense) == 1


def bottlenecks(expansions: tuple[int, ...], joined: int | None = None) -> Graph:
    """A chain of inverted bottlenecks; the one of number ``joined`` is added to the last one."""
    net = Net({"image": (8, 16, 16)})
    x, kept = net.input("image"), None
    for i, expansion in enumerate(expansions):
        with net.scope(f"a{i}", "InvertedBottleneck", x=x):
            y = net.op("conv", x, filters=8 * expansion, kernel=(1, 1))
            y = net.op("relu", net.op("batch_norm", y))
            y = net.op(
                "relu",
                net.op("batch_norm", net.op("conv", y, filters=8 * expansion, kernel=(3, 3), groups=8 * expansion)),
            )
            x = net.op("batch_norm", net.op("conv", y, filters=8, kernel=(1, 1)))
        kept = x if i == joined else kept
    if kept is not None:
        x = net.op("add", x, kept)
    net.output(net.op("linear", net.op("global_pool", x), features=2))
    return net.graph()


def piles(graph: Graph) -> list[str]:
    """How many blocks each pile stands for."""
    shown = [text for text in texts(draw_network(graph)) if "nverted bottleneck" in text]
    return [text.partition("×")[2].strip() or "1" for text in shown]


def test_boxes_of_other_widths_are_no_pile() -> None:
    assert piles(bottlenecks((2, 2, 2, 6, 6, 6))) == ["3", "3"]


def test_a_box_that_feeds_something_else_ends_its_pile() -> None:
    """The picture of six equal blocks, the third of which is added to the last one, shows both arrows into the sum."""
    assert piles(bottlenecks((2,) * 6)) == ["6"]
    assert piles(bottlenecks((2,) * 6, joined=2)) == ["3", "3"]
    assert piles(bottlenecks((2,) * 7, joined=4)) == ["5", "1", "1"]
