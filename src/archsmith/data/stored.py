"""Stored splits as evaluators use them: each process opens them once, and every trial gets the same examples."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

from archsmith import catalog
from archsmith.core.errors import DataError
from archsmith.data.examples import Examples, Splits, Store
from archsmith.data.splits import stratified
from archsmith.data.store_folder import FACTS, read_json


@lru_cache(maxsize=4)
def opened(folder: str) -> Splits:
    """The splits in ``folder``, of any kind. Raises DataError."""
    return cast(Store, catalog.get("data", kind_of(folder))).open(folder)


def kind_of(folder: str) -> str:
    """The kind of data that is stored in ``folder``, by its name in the catalogue. Raises DataError."""
    kind = str(read_json(folder, FACTS).get("kind", "image"))  # versions up to 0.1 stored pictures only
    if kind not in catalog.rows("data"):  # a module that a file names is not imported
        raise DataError(f"The data in {folder} are of the kind {kind[:40]!r}, which this Archsmith does not know.")
    return kind


@lru_cache(maxsize=8)
def split_of(folder: str, name: str, limit: int | None) -> Examples:
    """The split ``name`` of the stored data. With a ``limit``, that many of its examples: of each class its share, and
    always the same ones.
    """
    whole = opened(folder).by_name[name]
    if limit is None or limit >= len(whole):
        return whole
    return whole.take(stratified(whole.targets, len(whole.classes), limit, 0, f"limit_{name}"))
