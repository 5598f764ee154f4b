"""The benchmark tables that ship with the package, by name.

They span small spaces. Our own evaluator trained every network of them three times. ``benchmarks/make_tables.py`` made
them, and says on what data. With them a strategy can be tried within seconds:

    from archsmith.evaluators.table import TableEvaluator

    evaluator = TableEvaluator("digits", noisy=True)
    problem = evaluator.problem()
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from archsmith.core.errors import DataError

FOLDER = Path(__file__).parent / "tables"


def names() -> tuple[str, ...]:
    """The names of all shipped tables."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.npz")))


@lru_cache(maxsize=64)
def _shipped(name: str) -> str | None:
    path = FOLDER / f"{name}.npz"
    return str(path) if name == os.path.basename(name) and path.is_file() else None


def locate(path: str | Path) -> str:
    """The absolute path of a table's file. A shipped table is meant by its name alone. Raises DataError."""
    shipped = _shipped(str(path))
    if shipped is not None:
        return shipped
    file = os.path.abspath(os.path.expanduser(path))  # cheaper than Path.resolve(): every look-up comes through here
    if os.path.isfile(file):
        return file
    raise DataError(
        f"There is no table {str(path)!r}.", f"Give the path of an .npz file, or a shipped one: {', '.join(names())}."
    )
