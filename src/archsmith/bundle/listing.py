"""``network.py`` of a bundle: the graph as readable PyTorch source, plus what is needed to use it without this library.

The network's classes come from ``archsmith.graphs.source``; added are the comment on top, what the outputs mean,
``preprocess`` (the same arithmetic as ``archsmith.bundle.preprocess``, in a dozen lines), ``load`` and ``predict``. The
text needs torch, and safetensors for ``load``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from archsmith.bundle.manifest import WEIGHTS, Preprocessing
from archsmith.core.task import Output
from archsmith.graphs.graph import Graph
from archsmith.graphs.source import source

TOP = """\
# The network of this bundle as plain PyTorch. Nothing of Archsmith is needed; load() reads its weights with safetensors.
#
#     import numpy, torch
#     from PIL import Image
#     from network import {names}
#
#     image = torch.from_numpy(numpy.array(Image.open("picture.png").convert("{mode}")))
#     images = image.reshape(1, *image.shape[:2], {channels})
#     {answer}

"""

BOTTOM = '''

{constants}
HEIGHT, WIDTH, CHANNELS = {height}, {width}, {channels}
MEAN = {mean}  # of each channel, for values from 0 to 1
STD = {std}


def resize_weights(n_in: int, n_out: int) -> torch.Tensor:
    """Triangle filter (n_out, n_in), widened when shrinking so that every pixel counts; the identity for equal sizes."""
    ours = 2 * torch.arange(n_out)[:, None] + 1
    theirs = 2 * torch.arange(n_in)[None, :] + 1
    weights = torch.relu(1.0 - (theirs * n_out - ours * n_in).abs().float() / (2.0 * max(n_in, n_out)))
    return weights / weights.sum(1, keepdim=True)


def preprocess(images: torch.Tensor) -> torch.Tensor:
    """uint8 (n, height, width, {channels}) of any size -> float32 (n, {channels}, {height}, {width}), as the network takes it."""
    n, height, width, channels = images.shape
    rows = resize_weights(height, HEIGHT) @ images.float().reshape(n, height, width * channels)
    pixels = rows.reshape(n, HEIGHT, width, channels).permute(0, 3, 1, 2) @ resize_weights(width, WIDTH).T
    return (pixels / 255.0 - torch.tensor(MEAN).view(-1, 1, 1)) / torch.tensor(STD).view(-1, 1, 1)


def load(path: str = "{weights}") -> {class_name}:
    """The network with its trained weights, ready to predict."""
    from safetensors.torch import load_file

    network = {class_name}()
    network.load_state_dict(load_file(path))
    return network.eval()


{predict}
'''

CLASS_CONSTANTS = """\
CLASSES = {classes}
TEMPERATURE = {temperature}  # divides the logits before the softmax"""

PREDICT_CLASSES = '''\
def predict(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """uint8 (n, height, width, {channels}) of any size -> probabilities (n, {n}), in the order of CLASSES."""
    with torch.no_grad():
        return (network(preprocess(images)) / TEMPERATURE).softmax(1)'''

NUMBER_CONSTANTS = """\
TARGET = {name}  # what the number is
TARGET_MEAN, TARGET_STD = {mean!r}, {std!r}  # the network's output is in standard units of the training data"""

PREDICT_NUMBER = '''\
def predict(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """uint8 (n, height, width, {channels}) of any size -> numbers (n,), in the units of TARGET."""
    with torch.no_grad():
        return (TARGET_MEAN + TARGET_STD * network(preprocess(images)))[:, 0]'''


def listing(graph: Graph, settings: Preprocessing, output: Output, class_name: str = "Network") -> str:
    """The text of ``network.py``; the same graph, settings and output give the same text."""
    mode = "L" if settings.channels == 1 else "RGB"
    if output.kind == "number":
        # its heading would speak of a class
        graph = replace(graph, outputs={"number": next(iter(graph.outputs.values()))})
        names, answer = "TARGET, load, predict", "print(TARGET, predict(load(), images)[0].item())"
        constants = NUMBER_CONSTANTS.format(name=repr(output.name), mean=settings.target_mean, std=settings.target_std)
        predict = PREDICT_NUMBER.format(channels=settings.channels)
    else:
        names, answer = "CLASSES, load, predict", "print(CLASSES[predict(load(), images)[0].argmax()])"
        constants = CLASS_CONSTANTS.format(classes=_tuple(output.classes), temperature=repr(settings.temperature))
        predict = PREDICT_CLASSES.format(channels=settings.channels, n=output.n)
    bottom = BOTTOM.format(
        constants=constants,
        predict=predict,
        height=settings.height,
        width=settings.width,
        channels=settings.channels,
        mean=_tuple(settings.mean),
        std=_tuple(settings.std),
        weights=WEIGHTS,
        class_name=class_name,
    )
    body = source(graph, class_name).strip("\n")
    if "\nimport torch\n" not in body:  # it imports what the network needs; the functions below need torch in any case
        body = re.sub(r"^(?=(?:import|from) torch)", "import torch\n", body, count=1, flags=re.MULTILINE)
    return TOP.format(mode=mode, channels=settings.channels, names=names, answer=answer) + body + "\n" + bottom


def _tuple(values: Sequence[object]) -> str:
    """A tuple as source text, several values a line when there are many."""
    words = [f"{value!r}," for value in values]
    if sum(map(len, words)) < 100:
        line = " ".join(words)
        return f"({line})" if len(words) == 1 else f"({line[:-1]})"
    lines, line = [], "   "
    for word in words:
        if len(line) + len(word) > 140:
            lines.append(line)
            line = "   "
        line += " " + word
    return "(\n" + "\n".join([*lines, line]) + "\n)"
