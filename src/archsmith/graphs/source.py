"""Write a graph as a PyTorch file that a person can read, change and train. The file imports torch and nothing else.

Every scope becomes an ``nn.Module`` with the scope's name. So the keys of ``state_dict`` are those of
``archsmith.graphs.network.Network``, and its weights load with ``strict=True``. Scopes that differ in numbers only
share one class (see ``skeletons``). Lines are at most 120 characters long (see ``statements``).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Any

from archsmith.core.errors import UsageError
from archsmith.core.fields import checked
from archsmith.graphs.graph import AUXILIARY, Graph, Node
from archsmith.graphs.operations import Call
from archsmith.graphs.skeleton import Code, Hole, Instance, Module, Skeleton, walk
from archsmith.graphs.skeletons import skeletons
from archsmith.graphs.statements import Body, indented, wrapped
from archsmith.graphs.wording import words

DROPPING = "DropPath"  # the class whose drop probability grows during training


@checked
def source(graph: Graph, class_name: str = "Network") -> str:
    """The text of a Python file with the network of ``graph`` as the class ``class_name``.

    ``forward`` returns the main output. A network with more outputs also has ``forward_all``, which returns all of them
    by name.
    """
    classes = skeletons(graph)
    modules = [step.what for c in classes for step in c.steps if isinstance(step.what, Module)]
    own = {_class_name(module): module.name for module in modules if not module.name.startswith("nn.")}
    order = _order(classes)
    _name_classes(order[:-1], {class_name, *own, "Tensor"})
    classes[-1].name = class_name
    bodies = [_text_of(own[name]) for name in sorted(own)]
    bodies += [_class(c, classes) for c in order[:-1]]
    bodies.append(_network(classes[-1], classes, graph, DROPPING in own))
    text = "\n\n\n".join(bodies)
    imports = ["import torch"] if re.search(r"\btorch\.", text) else []
    imports += ["import torch.nn.functional as F"] if "F." in text else []
    return f"{_heading(graph, class_name)}\n\n{chr(10).join([*imports, 'from torch import Tensor, nn'])}\n\n\n{text}\n"


def _class_name(module: Module) -> str:
    return Call(module.name).class_name


def _text_of(name: str) -> str:
    """The source of a class that torch does not have."""
    from archsmith.graphs.modules import found  # loads torch, which nothing else here needs

    try:
        return inspect.getsource(found(name)).strip("\n")
    except OSError as error:
        raise UsageError(f"The source of the class {name!r} cannot be read.", "Put it into a .py file.") from error


def _starts(modules: Iterable[Module]) -> list[str]:
    """The statements that initialise weights like ``Network`` where torch has another default."""
    starts: dict[str, dict[str, None]] = {}
    for module in modules:
        if module.start:
            starts.setdefault(_class_name(module), {}).update(dict.fromkeys(module.start))
    lines = ["for module in self.modules():"] if starts else []
    for k, (name, statements) in enumerate(starts.items()):
        lines.append(f"    {'elif' if k else 'if'} isinstance(module, {name}):")
        lines += indented([line for statement in statements for line in statement.split("\n")], 8)
    return lines


def _order(classes: Sequence[Skeleton]) -> list[Skeleton]:
    """The classes in the order of first use; each one comes after the classes that it uses."""
    order: list[Skeleton] = []

    def visit(skeleton: Skeleton) -> None:
        for step in skeleton.steps:
            if isinstance(step.what, int) and classes[step.what] not in order:
                visit(classes[step.what])
        order.append(skeleton)

    visit(classes[-1])
    return order


def _name_classes(classes: Sequence[Skeleton], taken: set[str]) -> None:
    """Give each class its kind as its name, with a number where several classes have the same kind."""
    for skeleton in classes:
        kind = re.sub(r"\W", "", skeleton.kind) or "Part"
        name, count = kind, 1
        while name in taken:
            count += 1
            name = f"{kind}{count}"
        taken.add(name)
        skeleton.name = name


def _heading(graph: Graph, class_name: str) -> str:
    served = graph.without(AUXILIARY)
    params, macs = _params(served, served.nodes), sum(served.facts(node).macs for node in served.nodes)
    ins = ", ".join(f"{name} {_shape(graph.node(name).shape)}" for name in graph.inputs)
    outs = ", ".join(f"{name} {_shape(graph.node(node).shape)}" for name, node in served.outputs.items())
    facts = f"{params:,} parameters, {macs:,} multiply-adds for one example."
    extra = _params(graph, graph.nodes) - params
    if AUXILIARY in graph.outputs:
        facts += f"\nThe auxiliary head has {extra:,} more parameters; it is for training only."
    return f'"""{class_name}: {ins} -> {outs}.\n\n{facts}\n"""'


def _params(graph: Graph, nodes: Iterable[Node]) -> int:
    return sum(graph.facts(node).n_params for node in nodes)


def _shape(shape: Sequence[int]) -> str:
    return f"(N, {', '.join(map(str, shape))})"


# Classes


def _class(skeleton: Skeleton, classes: Sequence[Skeleton]) -> str:
    lines = [f"class {skeleton.name}(nn.Module):", f'    """{_about(skeleton)}"""', ""]
    if _attributes(skeleton):
        lines += [*_init(skeleton, classes), ""]
    names = ", ".join(f"{argument}: Tensor" for argument in skeleton.arguments)
    result = "Tensor" if len(skeleton.outputs) == 1 else f"tuple[{', '.join(['Tensor'] * len(skeleton.outputs))}]"
    lines += indented(wrapped(f"def forward(self, {names}) -> {result}:", 4), 4)
    lines += indented(Body(skeleton, classes).lines(), 8)
    return "\n".join(lines)


def _about(skeleton: Skeleton) -> str:
    """The docstring: the kind of the class and its shapes."""
    first = skeleton.instances[0]
    shapes = _mapping(first)
    if any(_mapping(instance) != shapes for instance in skeleton.instances):
        shapes = f"for example {shapes}"
    count = len(skeleton.instances)
    return f"{words(skeleton.kind)}{f', {count} times' if count > 1 else ''}: {shapes}."


def _mapping(instance: Instance) -> str:
    ins = ", ".join(map(_shape, instance.in_shapes))
    if len(instance.in_shapes) > 2 and len(set(instance.in_shapes)) == 1:
        ins = f"{len(instance.in_shapes)} of {_shape(instance.in_shapes[0])}"
    return f"{ins} -> {', '.join(map(_shape, instance.out_shapes))}"


def _attributes(skeleton: Skeleton) -> list[int]:
    return [k for k, step in enumerate(skeleton.steps) if not isinstance(step.what, Code)]


def _init(skeleton: Skeleton, classes: Sequence[Skeleton]) -> list[str]:
    parameters = []
    with_default: list[str] = []
    for parameter in skeleton.parameters:
        kind = "float" if any(isinstance(value, float) for value in parameter.column) else "int"
        if parameter.role == "stride" and 1 in parameter.column and parameter is skeleton.parameters[-1]:
            with_default.append(f"{parameter.name}: {kind} = 1")
        else:
            parameters.append(f"{parameter.name}: {kind}")
    lines = indented(wrapped(f"def __init__({', '.join(['self', *parameters, *with_default])}) -> None:", 4), 4)
    lines.append("        super().__init__()")
    for k in _attributes(skeleton):
        lines += indented(wrapped(f"self.{skeleton.steps[k].local} = {_constructor(skeleton, k, classes)}", 8), 8)
        what = skeleton.steps[k].what
        if isinstance(what, Module) and what.gain != 1.0:
            start = "nn.init.zeros_({})" if what.gain == 0.0 else f"nn.init.constant_({{}}, {what.gain!r})"
            lines.append(f"        {start.format(f'self.{skeleton.steps[k].local}.weight')}")
    return lines


class _Text(str):
    """Text whose ``repr`` is the text itself, so that it can stand among values that are written by ``repr``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _constructor(skeleton: Skeleton, k: int, classes: Sequence[Skeleton]) -> str:
    step, fills = skeleton.steps[k], skeleton.fills[k]
    if isinstance(step.what, int):
        child = classes[step.what]
        written: list[str] = []
        for parameter, fill in zip(child.parameters, fills, strict=True):
            if (
                parameter.role == "stride"
                and fill == "1"
                and parameter is child.parameters[-1]
                and 1 in parameter.column
            ):
                continue
            wide = parameter.role in ("filters", "channels", "in_channels")
            written.append(fill if wide and all("=" not in text for text in written) else f"{parameter.name}={fill}")
        return f"{child.name}({', '.join(written)})"
    assert isinstance(step.what, Module)
    texts = iter(fills)

    def text(hole: Hole) -> _Text:
        return _Text(next(texts))

    args, kwargs = walk(step.what, text)
    named = {name: _short(value) for name, value in kwargs}
    defaults = {name: _short(value) for name, value in step.what.options}
    shown = [_short(value) for value in args] + [
        f"{name}={value}" for name, value in named.items() if defaults.get(name) != value
    ]
    return f"{_class_name(step.what)}({', '.join(shown)})"


def _short(value: Any) -> str:
    """A value of a constructor call. Equal numbers for height and width are written once."""
    same = isinstance(value, tuple) and len(value) == 2 and repr(value[0]) == repr(value[1])
    return repr(value[0] if same else value)


def _network(skeleton: Skeleton, classes: Sequence[Skeleton], graph: Graph, drops: bool) -> str:
    outputs = dict(zip(graph.outputs, skeleton.outputs, strict=True))
    main = graph.main_output
    ins = ", ".join(
        f"{a} {_shape(s)}" for a, s in zip(skeleton.arguments, skeleton.instances[0].in_shapes, strict=True)
    )
    lines = [
        f"class {skeleton.name}(nn.Module):",
        f'    """The network: {ins} to {main} {_shape(graph.node(graph.outputs[main]).shape)}."""',
        "",
    ]
    lines += _init(skeleton, classes)
    modules = [step.what for c in classes for step in c.steps if isinstance(step.what, Module)]
    lines += indented(_starts(modules), 8)
    arguments = ", ".join(f"{argument}: Tensor" for argument in skeleton.arguments)
    lines += ["", *indented(wrapped(f"def forward(self, {arguments}) -> Tensor:", 4), 4)]
    body = Body(skeleton, classes, root=True)
    if len(outputs) == 1:
        lines += indented(body.lines(), 8)
    else:
        passed = ", ".join(skeleton.arguments)
        extra = AUXILIARY in outputs
        switch = ", auxiliary: bool = True" if extra else ""
        note = "; the auxiliary one is for training only" if extra else ""
        lines.append(f'        return self.forward_all({passed}{", auxiliary=False" if extra else ""})["{main}"]')
        lines += ["", *indented(wrapped(f"def forward_all(self, {arguments}{switch}) -> dict[str, Tensor]:", 4), 4)]
        lines.append(f'        """Every output by name{note}."""')
        lines += indented(body.lines_by_name(outputs), 8)
    if drops:
        lines += [
            "",
            "    def set_progress(self, fraction: float) -> None:",
            '        """Set how far the training is, from 0 to 1. Paths are dropped more often towards the end."""',
            "        for module in self.modules():",
            f"            if isinstance(module, {DROPPING}):",
            "                module.progress = fraction",
        ]
    return "\n".join(lines)
