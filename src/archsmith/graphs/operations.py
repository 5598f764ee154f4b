"""The operation table: every primitive that a graph may hold, each declared in one row.

``archsmith.graphs.operation`` says what a row is. The rows are in ``basic_operations``, ``image_operations``,
``token_operations`` and ``table_operations``. Whatever asks about an operation imports this module, so that the table
is filled.
"""

from __future__ import annotations

from archsmith.graphs import basic_operations as _basic  # noqa: F401
from archsmith.graphs import image_operations as _images  # noqa: F401
from archsmith.graphs import table_operations as _tables  # noqa: F401
from archsmith.graphs import token_operations as _tokens  # noqa: F401
from archsmith.graphs.operation import (
    FLOAT,
    INPUT,
    INTEGER,
    OPERATIONS,
    REQUIRED,
    Args,
    Call,
    Facts,
    Ins,
    Operation,
    Shape,
    infer,
    register,
    same_shape,
)

__all__ = [
    "FLOAT",
    "INPUT",
    "INTEGER",
    "OPERATIONS",
    "REQUIRED",
    "Args",
    "Call",
    "Facts",
    "Ins",
    "Operation",
    "Shape",
    "infer",
    "register",
    "same_shape",
]
