"""Stored splits as evaluators ask for them: opened once a process, and cut to the same examples in every trial."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import cast

from archsmith import catalog
from archsmith.core.errors import DataError
from archsmith.data.examples import Examples, Splits, Store
from archsmith.data.splits import stratified

FACTS = "splits.json"  # in every folder of stored splits, whatever their kind


@lru_cache(maxsize=4)
def opened(folder: str) -> Splits:
    """The splits in ``folder``, of whatever kind. Raises DataError."""
    return cast(Store, catalog.get("data", kind_of(folder))).open(folder)


def kind_of(folder: str) -> str:
    """The kind of data that is stored in ``folder``, by its name in the catalogue. Raises DataError."""
    try:
        facts = json.loads((Path(folder) / FACTS).read_text(encoding="utf-8"))
        return str(facts.get("kind", "image"))  # up to version 0.1 there were pictures only
    except FileNotFoundError as error:
        raise DataError(f"There are no stored data in {str(folder)!r}.", "Read the data again.") from error
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(
            f"The stored data in {str(folder)!r} are damaged.", "Delete the folder and read the data again."
        ) from error


@lru_cache(maxsize=8)
def split_of(folder: str, name: str, limit: int | None) -> Examples:
    """A split of the stored data, cut to ``limit`` examples (None: all), of classes each by its share; the same ones
    whoever asks.
    """
    whole = opened(folder).parts[name]
    if limit is None or limit >= len(whole):
        return whole
    return whole.take(stratified(whole.targets, len(whole.classes), limit, 0, f"limit_{name}"))
