"""``model.onnx``: preprocessing, network, and what its outputs mean, as one program.

It comes from ``torch.onnx.export(dynamo=True)``, with a free number of examples. What the exporter adds for its own
debugging (stack traces with paths of the training machine) is taken out again.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from archsmith.bundle.exporter import Exporter
from archsmith.bundle.output import ModelOutput
from archsmith.core.errors import ArchsmithError
from archsmith.version import VERSION


class Whole(nn.Module):
    """What becomes ``model.onnx``: tensors of the program's inputs in, float32 ``(n, n_classes)`` probabilities or
    ``(n, 1)`` regression targets out.
    """

    def __init__(self, network: nn.Module, preprocess: nn.Module, output: ModelOutput) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.network = network
        self.meaning = meaning(output)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.meaning(self.network(self.preprocess(*inputs)).to(torch.float32))


def meaning(output: ModelOutput) -> Callable[[Tensor], Tensor]:
    """From outputs of the network ``(n, k)`` to those of the model."""
    return partial(values if output.is_regression else probabilities, output=output)


def probabilities(logits: Tensor, output: ModelOutput) -> Tensor:
    """Softmax at the temperature, ``(n, n_classes)``."""
    # Without the test, a division by 1 would stay in every exported graph.
    return torch.softmax(logits if output.temperature == 1.0 else logits / output.temperature, dim=1)


def values(outputs: Tensor, output: ModelOutput) -> Tensor:
    """From standard units to the target's own, ``(n, 1)``."""
    return output.mean + output.std * outputs


def onnx_bytes(
    network: nn.Module, exporter: Exporter, output: ModelOutput, told: Mapping[str, str] | None = None
) -> bytes:
    """``model.onnx`` of a network that is ready for export. ``told``: goes into the metadata of the file, where any
    ONNX runtime and viewer finds it.
    """
    example = exporter.example()
    free = exporter.free()
    with _quiet():
        program = torch.onnx.export(
            Whole(network, exporter.preprocessing(), output).eval(),
            tuple(example.values()),
            input_names=list(example),
            output_names=[output.name],
            dynamic_shapes={"inputs": tuple(free[name] for name in example)},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise ArchsmithError("torch.onnx.export returned nothing.")
    model = program.model_proto
    exporter.finish(model)
    _strip(model)
    for key, value in (told or {}).items():
        model.metadata_props.add(key=key, value=value)
    content: bytes = model.SerializeToString()
    return content


def _strip(model: Any) -> None:
    """Remove the exporter's debugging notes: stack traces, paths, Python class names. Names and weights stay."""
    for holder in (
        model,
        model.graph,
        *model.graph.node,
        *model.graph.input,
        *model.graph.output,
        *model.graph.initializer,
        *model.graph.value_info,
    ):
        del holder.metadata_props[:]
        holder.ClearField("doc_string")
    for function in model.functions:
        for holder in (function, *function.node, *function.value_info):
            del holder.metadata_props[:]
            holder.ClearField("doc_string")
    model.producer_name, model.producer_version = "archsmith", VERSION
    model.graph.name = "network"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's warnings are about its own insides, and a person can do nothing about them; errors still come
    through.
    """
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
