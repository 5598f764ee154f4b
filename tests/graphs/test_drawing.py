from __future__ import annotations

import re
import time
from xml.etree import ElementTree

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs import drawing, layers, token_layers
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
    assert any("parameters" in text for text in texts(draw(GRAPH, depth=1)))
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


@pytest.mark.parametrize("depth", [None, 1, 2, 9])
def test_what_is_drawn_stays_inside_the_picture(depth: int | None) -> None:
    svg = draw(GRAPH, depth=depth)
    width, height = (float(size) for size in re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)', svg)[0])
    across, down = (float(shift) for shift in re.findall(r"translate\(([\d.-]+) ([\d.-]+)", svg)[0])
    inner = svg[svg.index("<g transform") :]
    for x, y, box_width, box_height in re.findall(
        r'<rect x="([\d.-]+)" y="([\d.-]+)" width="([\d.]+)" height="([\d.]+)"', inner
    ):
        assert float(x) + across >= 0 and float(x) + across + float(box_width) <= width
        assert float(y) + down >= 0 and float(y) + down + float(box_height) <= height
    for path in re.findall(r' d="(M[^"]*)"', inner):
        for x, y in re.findall(r"(?:M|C|Q|(?<=\d) )([\d.-]+) ([\d.-]+)", path):
            assert 0 <= float(x) + across <= width and 0 <= float(y) + down <= height


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


@pytest.mark.parametrize(("features", "end"), [(1, "value"), (3, "class")])
def test_the_end_says_what_comes_out(features: int, end: str) -> None:
    net = Net({"x": (4,)})
    net.output(net.op("linear", net.input("x"), features=features))
    assert f">{end}</text>" in draw(net.graph())


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


def tree(net: Net, x: Value, depth: int, name: str = "tree") -> Value:
    """A recursive part: two smaller ones of its kind side by side, or a convolution."""
    with net.scope(name, "Tree", x=x):
        if not depth:
            return net.op("conv", x, filters=4, kernel=3)
        return net.op("add", tree(net, x, depth - 1, "left"), net.op("relu", tree(net, x, depth - 1, "right")))


def forest(depth: int = 3) -> Graph:
    net = Net({"image": (4, 8, 8)})
    x = tree(net, net.op("batch_norm", net.input("image")), depth)
    net.output(layers.classifier(net, x, 2))
    return net.graph()


def frames(svg: str) -> dict[str, tuple[float, ...]]:
    """Left, top, right and bottom of every frame."""
    found = re.findall(r'<rect x="([^"]+)" y="([^"]+)" width="([^"]+)" height="([^"]+)"[^>]*data-name="([^"]+)"', svg)
    return {name: (float(x), float(y), float(x) + float(w), float(y) + float(h)) for x, y, w, h, name in found}


def test_recursion_is_drawn_as_frames_in_frames() -> None:
    found = frames(draw(forest(), depth=9))
    assert {path for path in found if "tree" in path} == {
        "tree",
        *("tree.left", "tree.right"),
        *(f"tree.{side}.{other}" for side in ("left", "right") for other in ("left", "right")),
    }
    for path, inner in found.items():
        outer = found.get(path.rpartition(".")[0])
        assert not outer or (
            outer[0] < inner[0] and outer[1] < inner[1] and outer[2] > inner[2] and outer[3] > inner[3]
        )


def test_recursion_is_seen_without_asking_for_a_depth() -> None:
    assert {"tree", "tree.left", "tree.right"} < set(frames(draw_network(forest())))
    assert {"tree.left.left", "tree.left.left.right"} < set(frames(draw_cell(forest(4), "tree.left")))


def test_blocks_of_a_cell_and_stages_have_no_frames() -> None:
    assert not frames(draw_cell(GRAPH, "cell2")) and not frames(draw_network(residual()))
    assert set(frames(draw_network(residual(blocks=1)))) == {f"stage{i}.block0" for i in range(3)}


def test_a_frame_is_called_by_its_kind_or_by_its_operation() -> None:
    shown = texts(draw(GRAPH, scope="cell2", depth=9))
    assert {"Block", "sep 5×5", "dil sep 3×3"} <= set(shown) and "Separable convolution" not in shown


def strided() -> Graph:
    net = Net({"image": (8, 16, 16)})
    with net.scope("stage", "Stage", x=net.input("image")):
        x = layers.inverted_bottleneck(net, net.input("image"), 8, 5, stride=2, name="first")
        x = layers.inverted_bottleneck(net, x, 8, 5, name="second")
    net.output(layers.classifier(net, x, 2))
    return net.graph()


@pytest.mark.parametrize("depth", [None, 2])
def test_an_inverted_bottleneck_is_called_so_at_any_stride(depth: int | None) -> None:
    shown = texts(draw(strided(), depth=depth))
    assert shown.count("Inverted bottleneck") == 2
    assert shown.count("depthwise 5×5 · 8 × 8 × 8") == 2
    assert not any("sep" in text for text in shown)


def test_a_stage_of_several_operations_is_not_called_by_one_of_them() -> None:
    net = Net({"image": (8, 16, 16)})
    with net.scope("stage", "Stage", x=net.input("image")):
        x = net.op("max_pool", net.op("conv", net.input("image"), filters=8, kernel=5), kernel=2, stride=2)
        x = net.op("conv", x, filters=8, kernel=3)
    net.output(net.op("linear", net.op("global_pool", net.op("relu", x)), features=2))
    assert "Stage" in texts(draw(net.graph(), depth=1))


def test_a_network_that_is_one_scope_is_opened() -> None:
    net = Net({"image": (8, 16, 16)})
    with net.scope("mine", "Family", image=net.input("image")):
        x = net.op("conv", net.op("relu", net.op("conv", net.input("image"), filters=8, kernel=5)), filters=8, kernel=3)
        x = net.op("global_pool", x)
    net.output(net.op("linear", x, features=2))
    assert "Family" not in texts(draw_network(net.graph()))


def test_a_long_network_is_a_page_with_the_same_boxes() -> None:
    graph = residual(blocks=12)
    page, strip = draw_network(graph, piles=False), draw_network(graph, piles=False, pages=False)
    assert sorted(texts(page)) == sorted(texts(strip))
    width, height = (float(size) for size in re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)', page)[0])
    assert 0.5 < width / height < 2 and height < 1500


def test_boxes_tell_where_they_are_in_the_network() -> None:
    tips = [e.text for e in ElementTree.fromstring(draw_network(GRAPH)).iter("{http://www.w3.org/2000/svg}title")]
    assert {"stem", "cell0, cell1, cell2, cell3", "classifier"} < set(tips)


def test_a_part_of_one_operation_says_which() -> None:
    net = Net({"image": (8, 16, 16)})
    x = net.input("image")
    for i, op in enumerate(("relu", "conv", "squeeze")):
        with net.scope(f"part{i}", "Part", x=x):
            if op == "squeeze":
                x = layers.squeeze_excite(net, x, 4, name="body")
            else:
                x = net.op("relu", x) if op == "relu" else net.op("conv", x, filters=8, kernel=1)
    net.output(net.op("linear", net.op("global_pool", x), features=2))
    shown = texts(draw_network(net.graph()))
    assert {"ReLU · 8 × 16 × 16", "conv 1×1 · 8 × 16 × 16", "squeeze-excite"} <= set(shown)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (999, "999"),
        (1_000, "1 k"),
        (999_499, "999 k"),
        (999_600, "1 M"),
        (999_700_000, "1 G"),
        (2_500_000_000_000, "2.5 T"),
    ],
)
def test_a_count_has_three_digits_and_a_letter(number: int, said: str) -> None:
    assert drawing._count(number) == said
