"""The export half of tables: a model that takes raw numbers and texts.

In front of the network, numbers in double precision become what float32 can tell apart (their offsets are subtracted
first), and one ``LabelEncoder`` of ONNX-ML for each column of categories looks up the codes. torch has no texts, so the
encoders are put in front of the exported program.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from archsmith.bundle import table_source
from archsmith.bundle.exporter import Exporter
from archsmith.bundle.tables import TableIntake
from archsmith.core.seeds import generator
from archsmith.data.tables.cells import LARGEST, iso_text
from archsmith.data.tables.columns import NUMBER, code_offsets
from archsmith.data.tables.encode import CATEGORIES_INPUT, NUMBERS_INPUT, encode
from archsmith.graphs.network import Batch

ML_DOMAIN, ML_VERSION = "ai.onnx.ml", 3
CODES = "codes"  # what the exported program calls the categories, once they were looked up
N_RANDOM = 64
N_FIRST = 256  # rows that network.py is verified with
SHOWN = 4  # columns in the example on top of network.py

PREPROCESS_SOURCE = '''

def preprocess(rows: list[dict]) -> {type}:
    """Rows as mappings of column names to values -> {what}.

    A column that a row lacks counts as missing.
    """
{lines}'''


class Preprocess(nn.Module):
    """float64 ``(n, d)`` and codes ``(n, k)`` -> what the network takes: float32 numbers without their offsets, NaN
    where they are missing, and the codes.
    """

    def __init__(self, intake: TableIntake) -> None:
        super().__init__()
        self.names = [entry.name for entry in intake.model_inputs]
        offsets = torch.tensor([column.offset for column in intake.numbers], dtype=torch.float64)
        self.register_buffer("offsets", offsets)

    def forward(self, *inputs: Tensor) -> Batch:
        found = dict(zip(self.names, inputs, strict=True))
        if NUMBERS_INPUT in found:
            numbers = found[NUMBERS_INPUT]
            known = torch.where(numbers.abs() <= LARGEST, numbers, torch.nan)
            found[NUMBERS_INPUT] = (known - cast(Tensor, self.offsets)).to(torch.float32)
        return bare(found)


def bare(tensors: dict[str, Tensor]) -> Batch:
    """A network with one input is given it without a name."""
    return next(iter(tensors.values())) if len(tensors) == 1 else tensors


class TableExporter(Exporter):
    """``Exporter`` of tables. Raw examples are whatever ``Predictor`` takes, except an iterator."""

    argument = "rows: list[dict]"
    argument_words = "Rows as mappings of column names to values"

    def __init__(self, intake: TableIntake) -> None:
        self.intake = intake
        star = "*" if intake.numbers and intake.categories else ""
        self.call = f"network({star}preprocess(rows))"

    # model.onnx

    def preprocessing(self) -> nn.Module:
        return Preprocess(self.intake)

    def example(self) -> dict[str, Tensor]:
        found = {}
        if self.intake.numbers:
            found[NUMBERS_INPUT] = torch.zeros(3, len(self.intake.numbers), dtype=torch.float64)
        if self.intake.categories:
            found[CATEGORIES_INPUT] = torch.tensor([code_offsets(self.intake.columns)] * 3)
        return found

    def free(self) -> dict[str, dict[int, Any]]:
        batch = torch.export.Dim("batch", min=1)
        return {entry.name: {0: batch} for entry in self.intake.model_inputs}

    def finish(self, model: Any) -> None:
        """Texts in the place of codes."""
        if not self.intake.categories:
            return
        from onnx import TensorProto, helper

        graph = model.graph
        for entry in graph.input:
            if entry.name == CATEGORIES_INPUT:
                entry.type.tensor_type.elem_type = TensorProto.STRING
        for node in graph.node:
            for place, name in enumerate(node.input):
                if name == CATEGORIES_INPUT:
                    node.input[place] = CODES
        nodes = [*self._lookups(), *graph.node]
        del graph.node[:]
        graph.node.extend(nodes)
        model.opset_import.append(helper.make_opsetid(ML_DOMAIN, ML_VERSION))

    def _lookups(self) -> Iterator[Any]:
        """The nodes from texts ``(n, k)`` to codes ``(n, k)``."""
        from onnx import helper

        columns = self.intake.categories
        texts = [f"text_{place}" for place in range(len(columns))]
        codes = [f"code_{place}" for place in range(len(columns))]
        yield helper.make_node("Split", [CATEGORIES_INPUT], texts, name="columns", axis=1, num_outputs=len(columns))
        for column, first, text, found in zip(columns, code_offsets(self.intake.columns), texts, codes, strict=True):
            yield helper.make_node(
                "LabelEncoder",
                [text],
                [found],
                name=f"look_up_{found}",
                domain=ML_DOMAIN,
                keys_strings=list(column.categories),
                values_int64s=list(range(first + 1, first + column.n_codes)),
                default_int64=first,
            )
        yield helper.make_node("Concat", codes, [CODES], name="look_up", axis=1)

    # network.py

    def opening(self) -> list[str]:
        shown = ", ".join(f"{column.name!r}: {_typical(column)!r}" for column in self.intake.columns[:SHOWN])
        return ["# A column that is not there counts as missing.", f"rows = [{{{shown}}}]"]

    def imports(self) -> list[str]:
        return table_source.imports(self.intake.numbers)

    def constants(self) -> str:
        parts, lines, kinds = [], "", []
        if self.intake.numbers:
            parts.append(table_source.of_numbers(self.intake.numbers))
            lines += table_source.NUMBERS_LINES
            kinds.append("numbers")
        if self.intake.categories:
            parts.append(table_source.of_categories(self.intake.categories))
            lines += table_source.CATEGORIES_LINES
            kinds.append("categories")
        types = {"numbers": "float32", "categories": "int64"}
        what = " and ".join(f"{kind} {types[kind]} (n, {len(getattr(self.intake, kind))})" for kind in kinds)
        lines += f"    return {', '.join(kinds)}"
        result = "torch.Tensor" if len(kinds) == 1 else "tuple[torch.Tensor, torch.Tensor]"
        return "\n\n".join(parts) + PREPROCESS_SOURCE.format(type=result, what=what, lines=lines)

    # Verification

    def random_examples(self) -> list[dict[str, object]]:
        return self.records(self.intake.sample(N_RANDOM, generator(0, "bundle", "verify")))

    def records(self, examples: Any, most: int = N_RANDOM) -> list[dict[str, object]]:
        """The first rows as mappings of column names to a float, a date as text, the text of a category, or None."""
        intake, _, table = next(self.intake.tables(examples))
        inputs = intake.inputs(table)
        n = min(most, len(next(iter(inputs.values()))))
        rows: list[dict[str, object]] = [{} for _ in range(n)]
        for place, column in enumerate(self.intake.numbers):
            for row, value in zip(rows, inputs[NUMBERS_INPUT][:n, place].tolist(), strict=True):
                known = iso_text(value, 6) if column.is_date and value == value else value
                row[column.name] = None if value != value else known
        for place, column in enumerate(self.intake.categories):
            for row, text in zip(rows, inputs[CATEGORIES_INPUT][:n, place], strict=True):
                row[column.name] = text or None
        return rows

    def prepared(self, examples: Any) -> Iterator[Batch]:
        for intake, first, table in self.intake.tables(examples):
            arrays = encode(intake.columns, table, first_row=first)
            yield bare({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()})

    def first(self, examples: Any) -> list[dict[str, object]]:
        return self.records(examples, N_FIRST)

    def batch(self, prepared: Any) -> Batch:
        if isinstance(prepared, Tensor):
            return prepared
        return dict(zip((NUMBERS_INPUT, CATEGORIES_INPUT), prepared, strict=True))


def _typical(column: Any) -> object:
    if column.kind != NUMBER:
        return column.categories[0]
    return iso_text(column.median or 0.0) if column.is_date else column.median
