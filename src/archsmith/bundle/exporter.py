"""The export half of an ``Intake``: what stands in front of the network in ``model.onnx`` and in ``network.py``, and an
independent way to the same inputs, with which both are verified. Needs torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor, nn

from archsmith.graphs.network import Batch


class Exporter(ABC):
    """How the examples of one kind of data are brought to a network, for export and its verification.

    ``argument``: of ``preprocess`` and ``predict`` in ``network.py``, as source text.
    ``argument_words``: what that is, for their docstrings.
    ``call``: what ``network.py`` calls to get outputs, as source text.
    """

    argument: str
    argument_words: str
    call: str

    # model.onnx

    @abstractmethod
    def preprocessing(self) -> nn.Module:
        """From the tensors of ``example`` to what the network takes."""

    @abstractmethod
    def example(self) -> dict[str, Tensor]:
        """A batch of each of the program's inputs, to export with."""

    @abstractmethod
    def free(self) -> dict[str, dict[int, Any]]:
        """The axes of each input that may have any length."""

    def finish(self, model: Any) -> None:  # noqa: B027  # nothing is left to do for most
        """The last changes of the exported ONNX model, in place."""

    # network.py

    @abstractmethod
    def opening(self) -> list[str]:
        """The lines at the top of ``network.py`` that make ``argument``, without the network."""

    def imports(self) -> list[str]:
        """What ``constants`` needs besides torch, as lines of source text."""
        return []

    @abstractmethod
    def constants(self) -> str:
        """Constants and functions of ``network.py``, ``preprocess`` among them, as source text."""

    def argument_name(self) -> str:
        """``argument`` without its type."""
        return self.argument.partition(":")[0]

    # Verification

    @abstractmethod
    def random_examples(self) -> Any:
        """Examples of every kind that the intake takes, as ``Predictor`` is given them."""

    @abstractmethod
    def prepared(self, examples: Any) -> Iterator[Batch]:
        """What the trained network takes, in batches, by way of numpy: so the comparison does not lean on the module
        that was exported.
        """

    @abstractmethod
    def first(self, examples: Any) -> Any:
        """Some examples, as ``preprocess`` in ``network.py`` takes them."""

    def batch(self, prepared: Any) -> Batch:
        """What the trained network takes, of what ``preprocess`` in ``network.py`` gave."""
        found: Batch = prepared
        return found


def literal(values: Sequence[object], indent: str = "    ") -> str:
    """A tuple as source text, several values a line when there are many."""
    words = [f"{value!r}," for value in values]
    if sum(map(len, words)) < 100:
        line = " ".join(words)
        return f"({line})" if len(words) == 1 else f"({line[:-1]})"
    lines, line = [], indent[:-1]
    for word in words:
        if len(line) + len(word) > 118 and line.strip():
            lines.append(line)
            line = indent[:-1]
        line += " " + word
    return "(\n" + "\n".join([*lines, line]) + "\n" + indent[:-4] + ")"
