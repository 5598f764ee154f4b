"""What the boxes of a drawing are called, and their colours: read from the operations inside, so that spaces of other
people are labelled as well as ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from archsmith.graphs.graph import Node
from archsmith.graphs.operation import pair
from archsmith.graphs.operations import OPERATIONS, Operation
from archsmith.graphs.wording import words


def describe(nodes: Sequence[Node], kind: str = "") -> tuple[str, str]:
    """What the nodes of one operation compute, in a few words such as ``sep 5×5`` or ``conv 3×3, 64``, and its family
    of colours.
    """
    composite = named(kind)
    if composite:
        return composite, "pooling" if "reduc" in composite else "pointwise"
    lead = max(nodes, key=lambda node: OPERATIONS[node.op].rank)
    row = OPERATIONS[lead.op]
    if row.rank and row.family == "convolution":
        return _convolution([node for node in nodes if OPERATIONS[node.op].family == row.family], row)
    if row.rank and row.family != "pooling" and kind:
        return words(kind), row.family
    if row.rank or len(nodes) == 1:
        last = [node for node in nodes if node.op == lead.op][-1]
        return _operation(last if row.width else lead), row.family
    lead = next((node for node in nodes if not OPERATIONS[node.op].label), nodes[0])
    return (words(kind) if kind else _operation(lead)), OPERATIONS[lead.op].family


def is_one(nodes: Sequence[Node], kind: str = "") -> bool:
    """Is a chain of nodes one operation: at most one that counts, with its activations and normalisations, or several
    that have a name together (a separable convolution, also twice; a 1×k and a k×1 one; a pool that fits its channels)?
    """
    if named(kind):
        return True
    counting = [node for node in nodes if OPERATIONS[node.op].rank]
    if len(counting) <= 1:
        return True
    if _in_parts(counting):
        return False
    convs = [node for node in counting if OPERATIONS[node.op].family == "convolution"]
    pools = [node for node in counting if OPERATIONS[node.op].family == "pooling"]
    if len(convs) + len(pools) < len(counting):
        return False
    if pools:
        return len(pools) == 1 and len(convs) == 1 and _is_pointwise(convs[0])
    return _is_separable(convs) or _is_factorised(convs)


def _in_parts(nodes: Sequence[Node]) -> bool:
    """Does a scope inside hold several of these nodes, but not all? Then it has a name of its own, such as each of two
    separable convolutions in a row.
    """
    paths = [node.name.split(".") for node in nodes]
    common = next((i for i, names in enumerate(zip(*paths, strict=False)) if len(set(names)) > 1), 0)
    held = Counter(path[common] for path in paths)
    return any(1 < n < len(nodes) for n in held.values())


def named(kind: str) -> str | None:
    """The label of the composites that are no chains."""
    low = kind.lower()
    if "factor" in low and "reduc" in low:
        return "factorised reduction"
    if "squeeze" in low:
        return "squeeze-excite"
    if low == "attention":
        return "attention"
    return None


def _operation(node: Node) -> str:
    """One operation in a few words: what it is called, its kernel, how wide its output is."""
    row = OPERATIONS[node.op]
    label = row.label or node.op.replace("_", " ")
    if "kernel" in node.args:
        label += f" {size_of(node.args)}"
    return f"{label}, {node.args[row.width]}" if row.width else label


def _convolution(convs: Sequence[Node], row: Operation) -> tuple[str, str]:
    """The label and the family of one or more convolutions."""
    deep = [node for node in convs if _is_depthwise(node)]
    if deep:
        wide = max(deep, key=lambda node: max(pair(node.args.get("kernel", 1))))
        name = "sep" if _is_separable(convs) or _feeds_pointwise(deep, convs) else "depthwise"
        return f"{'dil ' if _dilated(wide) else ''}{name} {size_of(wide.args)}", "separable"
    if _is_factorised(convs):
        return ", ".join(size_of(node.args) for node in convs) + " conv", row.family
    wide = max(convs, key=lambda node: pair(node.args.get("kernel", 1)))
    return ("dil " if _dilated(wide) else "") + _operation(wide), row.family


def _is_separable(convs: Sequence[Node]) -> bool:
    """Depthwise and pointwise by turns, beginning with a depthwise one. (An inverted bottleneck begins with a pointwise
    one, which makes it wider.)
    """
    kinds = [(_is_depthwise(one), _is_pointwise(other)) for one, other in zip(convs[::2], convs[1::2], strict=False)]
    return bool(convs) and len(convs) % 2 == 0 and all(all(kind) for kind in kinds)


def _feeds_pointwise(deep: Sequence[Node], convs: Sequence[Node]) -> bool:
    """Is a pointwise convolution right behind each of these depthwise ones, with nothing between?"""
    fed = {source for node in convs if _is_pointwise(node) for source in node.inputs}
    return all(node.name in fed for node in deep)


def _is_factorised(convs: Sequence[Node]) -> bool:
    """A 1×k convolution and a k×1 one, or the other way round."""
    sizes = [pair(node.args.get("kernel", 1)) for node in convs]
    return len(sizes) == 2 and sizes[0] == sizes[1][::-1] and 1 in sizes[0] and sizes[0] != sizes[1]


def _is_depthwise(node: Node) -> bool:
    return bool(node.args.get("groups", 1) == node.shape[0] > 1)


def _is_pointwise(node: Node) -> bool:
    return pair(node.args.get("kernel", 1)) == (1, 1) and not _is_depthwise(node)


def _dilated(node: Node) -> bool:
    return max(pair(node.args.get("dilation", 1))) > 1


def size_of(args: Mapping[str, object]) -> str:
    height, width = pair(args.get("kernel", 1))
    return f"{height}×{width}"
