"""Columns of Arrow, as a Parquet file gives them, in the forms of ``archsmith.data.tables.cells``.

Numbers and dates become arrays, and of texts each different one is looked at once, so that many rows cost little.
Values of other types go through Python, one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from archsmith.data.tables.cells import NUMBERS, TEXTS, Raw, Repeated, raw

TRUTH = ("False", "True", "")


def raw_of_arrow(column: Any, name: str) -> Raw:
    """The values of a ``pyarrow.Array`` ``(n,)``. Raises DataError for values that are no numbers, texts or dates."""
    from pyarrow import types

    kind = column.type
    if types.is_integer(kind) or types.is_floating(kind):
        # Whole numbers stay whole where none is missing: as categories, they have other names than floats.
        whole = types.is_integer(kind) and not column.null_count
        return Raw(NUMBERS, (column if whole else column.cast("float64", safe=False)).to_numpy(zero_copy_only=False))
    if types.is_boolean(kind):
        return Raw(TEXTS, Repeated(TRUTH, column.cast("int8").fill_null(2).to_numpy(zero_copy_only=False)))
    if types.is_date(kind) or types.is_timestamp(kind):
        return raw(column.to_numpy(zero_copy_only=False), name)
    if types.is_string(kind) or types.is_large_string(kind):
        column = column.dictionary_encode()
    if not types.is_dictionary(column.type):
        return raw(column.to_pylist(), name)
    values = column.dictionary
    if not (types.is_string(values.type) or types.is_large_string(values.type)) or len(values) > len(column):
        return raw_of_arrow(column.dictionary_decode(), name)
    texts = ["" if text is None else text for text in values.to_pylist()]
    places = column.indices.fill_null(len(texts)) if column.null_count else column.indices
    return Raw(TEXTS, Repeated([*texts, ""], places.to_numpy(zero_copy_only=False).astype(np.int64)))
