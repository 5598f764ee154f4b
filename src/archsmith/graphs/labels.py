"""What the boxes of a drawing are called, and their colours: read from the operations inside, so that spaces of other
people are labelled as well as ours.
"""

from __future__ import annotations

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
    deep = [node for node in convs if _groups(node) > 1 and _groups(node) == node.shape[0]]
    if deep:
        wide = max(deep, key=lambda node: max(pair(node.args.get("kernel", 1))))
        name = "depthwise" if len(convs) == len(deep) else "dil sep" if _dilated(wide) else "sep"
        return f"{name} {size_of(wide.args)}", "separable"
    lines = [kernel for kernel in (pair(node.args.get("kernel", 1)) for node in convs) if kernel[0] != kernel[1]]
    if len(lines) > 1:
        return ", ".join(f"{h}×{w}" for h, w in lines) + " conv", row.family
    wide = max(convs, key=lambda node: pair(node.args.get("kernel", 1)))
    return ("dil " if _dilated(wide) else "") + _operation(wide), row.family


def _dilated(node: Node) -> bool:
    return max(pair(node.args.get("dilation", 1))) > 1


def _groups(node: Node) -> int:
    groups = node.args.get("groups", 1)
    return groups if isinstance(groups, int) else 1


def size_of(args: Mapping[str, object]) -> str:
    height, width = pair(args.get("kernel", 1))
    return f"{height}×{width}"
