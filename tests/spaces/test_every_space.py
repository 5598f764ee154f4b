"""What holds for every space of networks, at small scales."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archsmith import catalog
from archsmith.core.architecture import Architecture
from archsmith.core.space import Trace
from archsmith.graphs.cost import cost
from archsmith.graphs.graph import Graph
from archsmith.graphs.identity import identity
from archsmith.graphs.net import Net
from archsmith.graphs.network_space import NetworkSpace
from archsmith.spaces.conv_stages import ConvStages, ConvStagesScale
from archsmith.spaces.darts import AMOEBANET_OPERATIONS, Darts, DartsScale
from archsmith.spaces.enas_macro import EnasMacro, EnasMacroScale
from archsmith.spaces.enas_micro import EnasMicro, EnasMicroScale
from archsmith.spaces.grammar import Grammar, GrammarScale
from archsmith.spaces.nasbench201 import NasBench201, NasBench201Scale
from archsmith.spaces.nasnet import NasNet, NasNetScale
from archsmith.spaces.pictures import Pictures
from archsmith.spaces.pnas import Pnas
from archsmith.spaces.recipe import ImageRecipe, PictureRecipe

SHAPE = (3, 16, 16)
ODD = (1, 27, 21)

SPACES: dict[str, NetworkSpace] = {
    "conv_stages": ConvStages(SHAPE, recipe=ImageRecipe()),
    "pictures": Pictures(SHAPE, recipe=PictureRecipe(), scale=ConvStagesScale(filters=8)),
    "nasnet": NasNet(SHAPE, scale=NasNetScale(4, 1)),
    "nasnet_chosen": NasNet(SHAPE, output="chosen", scale=NasNetScale(4, 1, keep=0.7, dropout=0.1)),
    "nasnet_projected": NasNet(
        SHAPE, recipe=ImageRecipe(), scale=NasNetScale(4, 2, ends="project", skip_reduction_input=True)
    ),
    "nasnet_imagenet": NasNet((3, 65, 65), output="all", scale=NasNetScale(8, 1, stem="imagenet")),
    "pnas": Pnas(SHAPE, scale=NasNetScale(4, 1, skip_reduction_input=True)),
    "enas_micro": EnasMicro(SHAPE, scale=EnasMicroScale(4, 3)),
    "enas_micro_shared": EnasMicro(SHAPE, scale=EnasMicroScale(4, 3, shared=True, keep=0.6)),
    "enas_macro": EnasMacro(SHAPE, layers=6, scale=EnasMacroScale(4)),
    "enas_macro_final": EnasMacro(SHAPE, layers=6, scale=EnasMacroScale(4, grow=True, skips="concat", dropout=0.5)),
    "darts": Darts(SHAPE, scale=DartsScale(4, 3, keep=0.8)),
    "darts_imagenet": Darts((3, 64, 64), scale=DartsScale(4, 3, stem="imagenet")),
    "amoebanet": Darts(
        SHAPE, operations=AMOEBANET_OPERATIONS, nodes=5, distinct=False, output="chosen", scale=DartsScale(4, 3)
    ),
    "nasbench201": NasBench201(SHAPE, scale=NasBench201Scale(4, 1)),
    "grammar": Grammar(SHAPE),
}
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


@every_space
def test_samples_and_their_relatives_are_points_of_the_space(space: NetworkSpace) -> None:
    rng = np.random.default_rng(0)
    other = space.sample(rng)
    for _ in range(5):
        sample = space.sample(rng)
        for architecture in (sample, space.mutate(sample, rng), space.crossover(sample, other, rng)):
            space.validate(architecture)
            space.graph(architecture)


@every_space
def test_a_size_that_a_space_knows_is_what_random_walks_find(
    space: NetworkSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = space.known_size()
    assert (known is not None) == (space.recipe is None and not isinstance(space, ConvStages | Pictures | Grammar))
    if known is None:
        return
    monkeypatch.setattr(type(space), "known_size", lambda self: None)
    walked = space.size(400)
    assert abs(walked.number / known - 1) <= 4 * walked.relative_error + 1e-9


@every_space
def test_a_mutation_changes_something(space: NetworkSpace) -> None:
    rng = np.random.default_rng(1)
    sample = space.sample(rng)
    assert space.mutate(sample, rng) != sample


@every_space
def test_build_and_decide_ask_the_same_questions_in_the_same_order(space: NetworkSpace) -> None:
    rng = np.random.default_rng(2)
    for _ in range(5):
        sample = space.sample(rng)
        built = Trace(lambda path, options, weights, sample=sample: sample[path])  # type: ignore[misc]
        space.build(built, Net({"image": space.input_shape}))
        if space.recipe is not None:
            space.recipe.decide(built)
        assert list(built.decisions.values()) == list(space.decisions(sample))


@every_space
def test_architecture_and_graph_survive_json(space: NetworkSpace) -> None:
    sample = space.sample(np.random.default_rng(3))
    again = Architecture.from_json(sample.to_json())
    assert again == sample
    assert space.identity(again) == space.identity(sample)
    graph = space.graph(sample)
    assert identity(Graph.from_dict(graph.to_dict())) == identity(graph)


@every_space
def test_the_output_has_the_wanted_shape_whatever_the_image(space: NetworkSpace) -> None:
    rng = np.random.default_rng(4)
    for shape in (space.input_shape, ODD):
        sized = replace(space, input_shape=shape, n_outputs=7)
        graph = sized.graph(sized.sample(rng))
        assert graph.node(graph.inputs[0]).shape == shape
        assert graph.node(graph.outputs["class"]).shape == (7,)


@every_space
def test_the_network_runs_and_has_the_counted_parameters(space: NetworkSpace) -> None:
    torch = pytest.importorskip("torch")
    from archsmith.graphs.network import Network

    torch.set_num_threads(1)
    graph = space.graph(space.sample(np.random.default_rng(5)))
    network = Network(graph, seed=0)
    assert sum(p.numel() for p in network.parameters()) == cost(graph).params
    with torch.no_grad():
        assert network(torch.zeros(2, *space.input_shape)).shape == (2, 10)


@every_space
def test_the_space_can_be_rebuilt_from_its_spec(space: NetworkSpace) -> None:
    assert catalog.from_spec(catalog.to_spec(space), "space") == space


@every_space
def test_drawn_parts_have_the_declared_kinds(space: NetworkSpace) -> None:
    graph = space.graph(space.sample(np.random.default_rng(6)))
    assert {scope.kind for scope in graph.scopes.values()} & set(space.cell_kinds)


SCALED: list[tuple[NetworkSpace, NetworkSpace]] = [
    (ConvStages(SHAPE), ConvStages((1, 200, 100), n_outputs=3, scale=ConvStagesScale(filters=40))),
    (Pictures(SHAPE), Pictures((1, 200, 100), n_outputs=3, scale=ConvStagesScale(filters=40))),
    (NasNet(SHAPE), NasNet((1, 64, 64), scale=NasNetScale(8, 1, stem="imagenet"))),
    (Pnas(SHAPE), Pnas((1, 28, 28), scale=NasNetScale(8, 3))),
    (EnasMicro(SHAPE), EnasMicro((1, 28, 28), scale=EnasMicroScale(8, 6, shared=True))),
    (EnasMacro(SHAPE), EnasMacro((1, 28, 28), scale=EnasMacroScale(8, grow=True, skips="concat"))),
    (Darts(SHAPE), Darts((1, 28, 28), scale=DartsScale(8, 6))),
    (NasBench201(SHAPE), NasBench201((1, 28, 28), scale=NasBench201Scale(8, 2))),
]


@pytest.mark.parametrize("small, large", SCALED, ids=[type(small).__name__ for small, _ in SCALED])
def test_a_transferable_space_asks_the_same_questions_at_every_scale(small: NetworkSpace, large: NetworkSpace) -> None:
    assert small.transferable
    rng = np.random.default_rng(7)
    for _ in range(10):
        sample = small.sample(rng)
        assert small.decisions(sample) == large.decisions(sample)
        large.graph(sample)


def test_the_grammar_says_that_it_does_not_carry_over() -> None:
    assert not Grammar.transferable


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: NasNet(operations=("sep9x9",)),
        lambda: NasNet(combines=("mul",)),
        lambda: NasNet(blocks=0),
        lambda: NasNet(output="some"),
        lambda: NasNetScale(stem="mnist"),
        lambda: NasNetScale(ends="sum"),
        lambda: NasNetScale(keep=0.0),
        lambda: DartsScale(cells=2),
        lambda: EnasMicroScale(layers=1),
        lambda: EnasMacro(operations=("conv7x7",)),
        lambda: EnasMacroScale(skips="none"),
        lambda: NasBench201Scale(filters=0),
        lambda: ConvStages(max_work=0.5),
        lambda: ConvStagesScale(filters=1),
        lambda: GrammarScale(max_filters=8),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong: object) -> None:
    from archsmith.core.errors import UsageError

    with pytest.raises(UsageError):
        wrong()  # type: ignore[operator]


@every_space
def test_sketches_tell_networks_apart(space: NetworkSpace) -> None:
    rng = np.random.default_rng(3)
    samples = [space.sample(rng) for _ in range(8)]
    sketches = [space.sketch(sample) for sample in samples]
    assert sketches == [space.sketch(sample) for sample in samples]
    space.validate(space.live(samples[0]))
    assert all(sketch.paths is not None for sketch in sketches)
    seen = {(tuple(sorted(sketch.numbers.items())), tuple(sorted((sketch.paths or {}).items()))) for sketch in sketches}
    assert len(seen) >= min(6, len({space.identity(sample.structure) for sample in samples}) - 2)
