"""An isomorphism-invariant name of a graph, so that equal networks are recognised as equal however they were described.

Weisfeiler–Lehman refinement over the acyclic graph: every node is named by its operation, arguments and inputs, then by
that name and the names of whatever uses it, then by that and its inputs again. Names, scopes and weight keys play no
part; the order of inputs does not matter where the operation is symmetric. Equal computations without weights are one,
two equal layers with weights are two.

Where several equal nodes are used more than once each, refinement alone cannot tell who uses which, so each of them in
turn is marked and the graph refined again (one level of individualisation). Graphs that only deeper levels could tell
apart do not come up in practice: a test compares with the exact answer on thousands of small graphs.
"""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import NamedTuple

from archsmith.core.fields import checked
from archsmith.graphs.graph import Graph
from archsmith.graphs.operations import INPUT, OPERATIONS


class _Part(NamedTuple):
    """A node that stands for itself and for all that compute the same.

    ``token``: operation and arguments.
    ``symmetric``: the order of the inputs does not matter.
    ``inputs``: positions in the list of parts.
    ``users``: who takes it, as positions, each with the place of the input there.
    """

    token: bytes
    symmetric: bool
    inputs: tuple[int, ...]
    # with the place of the input among those of the user, empty where that does not matter
    users: list[tuple[int, bytes]]


@checked
def identity(graph: Graph) -> str:
    """32 hexadecimal digits: equal for isomorphic graphs, the same on every machine."""
    parts, ends = _parts(graph)
    colours = _refine(parts, ends, None)
    counts = Counter(colours)
    twins = [i for i, part in enumerate(parts) if len(part.users) > 1 and counts[colours[i]] > 1]
    views = [b"".join(sorted(_refine(parts, ends, i))) for i in twins]
    return blake2b(b"".join(sorted(colours) + sorted(views)), digest_size=16).hexdigest()


def _parts(graph: Graph) -> tuple[list[_Part], list[list[bytes]]]:
    """The nodes without identities and repetitions, and for each of them the outputs of the graph that it is."""
    place: dict[str, int] = {}
    seen: dict[tuple[bytes, tuple[int, ...]], int] = {}
    # nodes with equal arguments share one dictionary, which is alive as long as the graph
    tokens: dict[tuple[str, int], bytes] = {}
    parts: list[_Part] = []
    for node in graph.nodes:
        op, inputs = node.op, tuple([place[name] for name in node.inputs])
        row = OPERATIONS[op]
        if row.neutral:
            place[node.name] = inputs[0]
            continue
        token = tokens.get((op, id(node.args)))
        if token is None:
            token = tokens[op, id(node.args)] = repr((op, sorted(node.args.items()))).encode()
        if op == INPUT:
            token += node.name.encode()
        symmetric = row.symmetric
        if symmetric:
            inputs = tuple(sorted(inputs))
        here = len(parts)
        if not row.owns:  # what has weights or draws is never merged with an equal one
            here = seen.setdefault((token, inputs), here)
        place[node.name] = here
        if here == len(parts):
            parts.append(_Part(token, symmetric, inputs, []))
            for position, source in enumerate(inputs):
                parts[source].users.append((here, b"" if symmetric or not position else b"%d" % position))
    ends: list[list[bytes]] = [[] for _ in parts]
    for output, name in graph.outputs.items():
        ends[place[name]].append(b"output " + output.encode())
    return parts, ends


def _refine(parts: list[_Part], ends: list[list[bytes]], marked: int | None) -> list[bytes]:
    """A name of 8 bytes for every part, equal only for parts that look the same from everywhere. ``marked`` is told
    apart from its equals.
    """
    forward: list[bytes] = []
    for i, (token, symmetric, inputs, _) in enumerate(parts):
        names = [forward[j] for j in inputs]
        if symmetric:
            names.sort()
        names.append(token)
        if i == marked:
            names.append(b"marked")
        forward.append(blake2b(b"".join(names), digest_size=8).digest())
    backward: list[bytes] = [b""] * len(parts)
    for i in range(len(parts) - 1, -1, -1):
        names = [backward[j] + position for j, position in parts[i].users]
        names += ends[i]
        if len(names) > 1:
            names.sort()
        names.append(forward[i])
        backward[i] = blake2b(b"".join(names), digest_size=8).digest()
    again: list[bytes] = []
    for i, (_, symmetric, inputs, _) in enumerate(parts):
        names = [again[j] for j in inputs]
        if symmetric:
            names.sort()
        names.append(backward[i])
        again.append(blake2b(b"".join(names), digest_size=8).digest())
    return again
