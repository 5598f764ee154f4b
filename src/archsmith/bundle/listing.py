"""``network.py`` of a bundle: the graph as readable PyTorch source, plus what is needed to use it without this library.

The network's classes come from ``archsmith.graphs.source``. Added are the comment on top, what the outputs mean,
``preprocess`` (the same arithmetic as inside ``model.onnx``, from the bundle's ``Exporter``), ``load`` and ``predict``.
The text needs torch, and safetensors for ``load``.
"""

from __future__ import annotations

import re
from dataclasses import replace

from archsmith.bundle.exporter import Exporter, literal
from archsmith.bundle.manifest import WEIGHTS
from archsmith.bundle.output import ModelOutput
from archsmith.graphs.graph import Graph
from archsmith.graphs.source import source

TOP = """\
# The network of this bundle as plain PyTorch. Nothing of Archsmith is needed; load() needs safetensors.
#
{lines}

"""

BOTTOM = '''

{meaning}
{constants}


def load(path: str | None = None) -> {class_name}:
    """The network with its trained weights, ready to predict; they lie beside this file unless a path is given."""
    from pathlib import Path

    from safetensors.torch import load_file

    network = {class_name}()
    network.load_state_dict(load_file(path or Path(__file__).with_name("{weights}")))
    return network.eval()


def predict(network: nn.Module, {argument}) -> torch.Tensor:
    """{words} -> {gives}."""
    with torch.no_grad():
        return {result}
'''

CLASSES = """\
CLASSES = {classes}
TEMPERATURE = {temperature!r}  # divides the logits before the softmax"""

TARGET = """\
TARGET = {target!r}  # what the regression target is
TARGET_MEAN, TARGET_STD = {mean!r}, {std!r}  # the network's output is in standard units of the training data"""


def listing(graph: Graph, exporter: Exporter, output: ModelOutput, class_name: str = "Network") -> str:
    """The text of ``network.py``; the same graph, intake and output give the same text."""
    given = exporter.argument_name()
    if output.is_regression:
        # its heading would speak of a class
        graph = replace(graph, outputs={output.name: next(iter(graph.outputs.values()))})
        names, shown = "TARGET, load, predict", f"print(TARGET, predict(load(), {given})[0].item())"
        meaning = TARGET.format(target=output.target, mean=output.mean, std=output.std)
        gives, result = "values (n,), in the unit of TARGET", f"(TARGET_MEAN + TARGET_STD * {exporter.call})[:, 0]"
    else:
        names, shown = "CLASSES, load, predict", f"print(CLASSES[predict(load(), {given})[0].argmax()])"
        meaning = CLASSES.format(classes=literal(output.classes), temperature=output.temperature)
        gives, result = (
            f"probabilities (n, {output.n}), in the order of CLASSES",
            f"({exporter.call} / TEMPERATURE).softmax(1)",
        )
    bottom = BOTTOM.format(
        meaning=meaning,
        constants=exporter.constants(),
        weights=WEIGHTS,
        class_name=class_name,
        argument=exporter.argument,
        words=exporter.argument_words,
        gives=gives,
        result=result,
    )
    return _top(exporter, names, shown) + _body(graph, class_name, exporter.imports()) + "\n" + bottom


def _top(exporter: Exporter, names: str, shown: str) -> str:
    """The comment on top: lines that run as they stand."""
    imports = [line for line in exporter.opening() if line.startswith(("import", "from"))]
    rest = [line for line in exporter.opening() if line not in imports and line]
    lines = [*imports, f"from network import {names}", "", *rest, shown]
    return TOP.format(lines="\n".join(f"#     {line}".rstrip() for line in lines))


def _body(graph: Graph, class_name: str, more: list[str]) -> str:
    """The classes. They import what the network needs; the functions below need torch in any case, and ``more``."""
    body = source(graph, class_name).strip("\n")
    lines = "".join(f"{line}\n" for line in more) + ("\n" if more else "")
    if "\nimport torch\n" not in body:
        lines += "import torch\n"
    return re.sub(r"^(?=(?:import|from) torch)", lines, body, count=1, flags=re.MULTILINE)
