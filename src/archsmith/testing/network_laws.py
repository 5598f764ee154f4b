"""Laws of spaces that lay out networks: the graph, its counts, the built module, the shared weights and the generated
source agree. Needs torch.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from archsmith.core.architecture import RECIPE, Architecture
from archsmith.core.errors import DeadEnd
from archsmith.core.fields import check_above_0, check_from_0, checked
from archsmith.core.space import Decision, Range
from archsmith.graphs.network_space import NetworkSpace
from archsmith.testing.elsewhere import differs_elsewhere
from archsmith.testing.need import keeping, need
from archsmith.testing.nesting import NestingTrace
from archsmith.testing.randomness import global_randomness

N_REBUILDS = 4  # of each sample: one of two networks at random is found out in all but one of eight samples
N_CONTEXTS = 80  # from half of them on, a decision is called idle: one that matters in a tenth, once in 70 (0.9**40)


@checked
def check_network_space(space: NetworkSpace, *, n_samples: int = 3, batch: int = 2, seed: int = 0) -> None:
    """Raises AssertionError when a NetworkSpace breaks a law of networks, with the law and what was found. Keep
    ``space`` at a small scale: every sample is built and run.

    Networks are laid out again in this process, and in another one where that can import the class of the space.

    ``n_samples``: how many architectures are tried.
    ``batch``: examples in the forward passes.
    ``seed``: of architectures, weights and examples.
    """
    check_above_0("check_network_space", n_samples=n_samples, batch=batch)
    check_from_0("check_network_space", seed=seed)
    import torch  # noqa: F401 - where it is missing, that is no broken law

    rng = np.random.default_rng(seed)
    with keeping("questions"):
        samples = [space.sample(rng) for _ in range(n_samples)]
    for number, architecture in enumerate(samples):
        _check_questions(space, architecture)
        _check_rebuilt(space, architecture)
        with keeping("configuration"):
            graph = space.graph(architecture)
        _check_identity(space, architecture, graph, rng)
        _check_network(space, graph, batch, seed + number)
    _check_effect(space, samples, rng)
    _check_elsewhere(space, n_samples, seed)


@keeping("same questions")
def _check_questions(space: Any, architecture: Architecture) -> None:
    trace = NestingTrace(lambda path, options, weights: architecture[path])
    space.build(trace, space.net())
    built = list(trace.decisions.values())
    decided = [d for d in space.decisions(architecture) if not d.path.startswith(RECIPE)]
    need(built == decided, "same questions", f"build() and decide() ask different questions of {architecture}.")


@keeping("same network")
def _check_rebuilt(space: Any, architecture: Architecture) -> None:
    from archsmith.graphs.network_space import lay_out

    name, before = type(space).__name__, global_randomness()
    first, *others = [lay_out(space, architecture) for _ in range(N_REBUILDS)]
    for other in others:
        need(
            other.to_dict() == first.to_dict(),
            "same network",
            f"{name}.build laid out two networks for one architecture, {_differ(first, other)}. What differs between "
            f"networks must come from choose(): {architecture}.",
        )
    need(
        global_randomness() == before,
        "generators only",
        f"{name}.build draws from a global generator. What differs between networks must come from choose().",
    )


def _differ(a: Any, b: Any) -> str:
    from archsmith.graphs.cost import cost

    if cost(a).params != cost(b).params:
        return f"of {cost(a).params} and {cost(b).params} parameters"
    if len(a.nodes) != len(b.nodes):
        return f"of {len(a.nodes)} and {len(b.nodes)} operations"
    one, other = next(((x, y) for x, y in zip(a.nodes, b.nodes, strict=True) if x != y), (a.outputs, b.outputs))
    return f"with {one} in one and {other} in the other"


@keeping("same network")
def _check_elsewhere(space: Any, n_samples: int, seed: int) -> None:
    differs = differs_elsewhere(space, n_samples, seed)
    need(differs is None, "same network", f"{type(space).__name__} is another space in another process: {differs}")


@keeping("effect")
def _check_effect(space: Any, samples: list[Architecture], rng: np.random.Generator) -> None:
    """Every decision about the network changes it in some architecture."""
    settled: set[str] = set()
    for architecture in samples:
        for decision in space.decisions(architecture):
            if decision.path in settled or decision.path.startswith(RECIPE):
                continue
            settled.add(decision.path)
            n_tried = _n_idle(space, architecture, decision, rng)
            need(
                n_tried is None,
                "effect",
                f"{decision.path!r} of {type(space).__name__} changes nothing: {n_tried} pairs of architectures that "
                "differ in it have equal networks. Lay something out by it, or leave the question out; what is about "
                "training belongs to the recipe.",
            )


def _n_idle(space: Any, architecture: Architecture, decision: Decision, rng: np.random.Generator) -> int | None:
    """In how many architectures another answer was tried without any effect; None where one had an effect, or where
    too few could be tried. The architectures are those of a random walk that begins with ``architecture``.
    """
    from archsmith.graphs.identity import identity
    from archsmith.graphs.network_space import lay_out

    path, n_tried = decision.path, 0
    for _ in range(N_CONTEXTS):
        asked = next((d for d in space.decisions(architecture) if d.path == path), None)
        options = [] if asked is None else _others(asked, rng)
        for option in options:
            try:
                other = space.complete(architecture.replace({path: option}), rng)
            except DeadEnd:
                continue
            if other.get(path) != option:
                continue
            n_tried += 1
            if identity(lay_out(space, other)) != identity(lay_out(space, architecture)):
                return None
        walked = space.mutate(architecture, rng)
        architecture = walked if path in walked else architecture
    return n_tried if n_tried >= N_CONTEXTS // 2 else None


def _others(decision: Decision, rng: np.random.Generator) -> list[Any]:
    """Another answer at random, if there is one."""
    options = decision.options
    if isinstance(options, Range):
        drawn = [options.at(rng.random()) for _ in range(3)]
        return [option for option in drawn if option != decision.answer][:1]
    left = [option for option in options if not (option == decision.answer and type(option) is type(decision.answer))]
    return [left[int(rng.integers(len(left)))]] if left else []


@keeping("identity")
def _check_identity(space: Any, architecture: Any, graph: Any, rng: np.random.Generator) -> None:
    from archsmith.graphs.graph import Graph
    from archsmith.graphs.identity import identity

    need(
        space.identity(architecture) == space.identity(type(architecture).from_json(architecture.to_json())),
        "identity",
        "it changes with JSON.",
    )
    need(
        identity(relabelled(graph, rng)) == identity(graph),
        "identity",
        f"it depends on the names or the order of nodes: {architecture}.",
    )
    need(
        identity(Graph.from_dict(graph.to_dict())) == identity(graph),
        "identity",
        f"it does not survive to_dict(): {architecture}.",
    )


def relabelled(graph: Any, rng: np.random.Generator) -> Any:
    """The same graph with other node names, in another topological order, without scopes. Inputs keep their names,
    which mean something.
    """
    names = {
        node.name: node.name if node.name in graph.inputs else f"n{number}" for number, node in enumerate(graph.nodes)
    }
    renamed = {
        names[n.name]: dataclasses.replace(n, name=names[n.name], inputs=tuple(names[i] for i in n.inputs))
        for n in graph.nodes
    }
    order: list[Any] = []
    placed: set[str] = set()
    waiting = dict(renamed)
    while waiting:
        ready = [name for name, node in waiting.items() if all(i in placed for i in node.inputs)]
        chosen = ready[int(rng.integers(len(ready)))]
        order.append(waiting.pop(chosen))
        placed.add(chosen)
    outputs = {output: names[name] for output, name in graph.outputs.items()}
    return dataclasses.replace(
        graph, nodes=tuple(order), scopes={}, inputs=tuple(names[i] for i in graph.inputs), outputs=outputs
    )


def random_batch(space: Any, batch: int, seed: int = 0) -> Any:
    """What the networks of a space take: a tensor of random values for each of its inputs, in a mapping by name; bare
    where there is one input. Codes are below ``n_codes``, and columns with missing values have some.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    given = {}
    for entry in space.inputs:
        size = (batch, *entry.shape)
        if entry.n_codes is not None:
            given[entry.name] = torch.randint(0, entry.n_codes, size, generator=generator)
            continue
        given[entry.name] = torch.randn(size, generator=generator)
        for column in entry.missing:
            given[entry.name][:: 2 + column % 3, column] = torch.nan
    return given if len(given) > 1 else next(iter(given.values()))


def _last(batch: Any) -> list[Any]:
    """The tensors of a batch as the network lays them out: images in channels_last."""
    import torch

    tensors = list(batch.values()) if isinstance(batch, dict) else [batch]
    return [t.contiguous(memory_format=torch.channels_last) if t.dim() == 4 else t for t in tensors]


@keeping("network")
def _check_network(space: Any, graph: Any, batch: int, seed: int) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from archsmith.graphs.bank import WeightBank
    from archsmith.graphs.cost import cost
    from archsmith.graphs.network import Network, inherit, recalibrate
    from archsmith.graphs.source import source

    state = torch.random.get_rng_state()
    network = Network(graph, seed=seed).eval()
    need(
        torch.equal(torch.random.get_rng_state(), state),
        "generators only",
        "building a network with a seed moved torch's global generator.",
    )
    built = sum(parameter.numel() for parameter in network.parameters())
    need(
        cost(graph).params == built,
        "params",
        f"the graph counts {cost(graph).params} parameters, the built network has {built}.",
    )
    examples = random_batch(space, batch, seed)
    with torch.no_grad():
        with FlopCounterMode(display=False) as counter:
            network(examples)
        need(
            cost(graph).macs * batch * 2 == counter.get_total_flops(),
            "macs",
            "the graph counts other multiply-adds than torch does.",
        )
        outputs = network.forward_all(examples)
        for name, node in graph.outputs.items():
            found, declared = tuple(outputs[name].shape), (batch, *graph.node(node).shape)
            need(found == declared, "shapes", f"output {name!r} has shape {found}, the graph declares {declared}.")
        expected = network(examples)
        need(
            expected.shape == (batch, space.n_outputs),
            "shapes",
            f"the network gives {tuple(expected.shape)}, not {(batch, space.n_outputs)}.",
        )

        again = Network(graph, seed=seed).eval()
        need(torch.equal(again(examples), expected), "generators only", "two networks with the same seed differ.")

        scope: dict[str, Any] = {"__name__": "generated"}
        exec(compile(source(graph), "<generated>", "exec"), scope)
        reloaded = scope["Network"]()
        reloaded.load_state_dict(network.state_dict())
        reloaded.eval().to(memory_format=torch.channels_last)  # as Network runs: other memory formats round differently
        need(
            torch.equal(reloaded(*_last(examples)), expected),
            "source",
            "the generated source computes something else.",
        )

        child = Network(graph, WeightBank())
        inherit(again, child)
        for either in (child, again):  # a child has no statistics of its own before
            recalibrate(either, [examples])
            either.eval()
        need(
            torch.equal(again(examples), child(examples)),
            "bank",
            "a child of a bank and a stand-alone network with its weights differ.",
        )
