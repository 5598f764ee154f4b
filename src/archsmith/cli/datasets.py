"""A researcher's search on a data set: read and split it as the main job does, and build space, evaluator and problem
for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

SPACE, EVALUATOR = "conv_stages", "training"  # where none is named
EPOCHS = 4.0  # of a trial


def problem_on(
    data: str,
    space: str | None,
    evaluator: str | None,
    given: Mapping[str, Mapping[str, Any]],
    objectives: tuple[Any, ...],
    constraints: tuple[Any, ...],
    epochs: float | None,
    *,
    root: Path,
    seed: int,
) -> tuple[Any, Any]:
    """The problem and the evaluator; ``root`` is where decoded pictures are kept. A space gets its shapes from the
    data, and all else from ``given``.

    Raises UsageError for a space without networks or an evaluator that reads no data, before anything is read, and
    DataError.
    """
    import dataclasses

    from archsmith import catalog
    from archsmith.core.errors import UsageError
    from archsmith.core.problem import Fidelity, Objective, Problem
    from archsmith.graphs.network_space import NetworkSpace

    space_class, cls = catalog.get("space", space or SPACE), catalog.get("evaluator", evaluator or EVALUATOR)
    if not issubclass(space_class, NetworkSpace):
        raise UsageError(
            f"The space {space!r} has no networks, so it cannot be searched on data.", "See: archsmith catalog space"
        )
    fields = {field.name for field in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else set()
    if not fields >= {"data", "space"}:
        raise UsageError(
            f"The evaluator {evaluator!r} reads no data.",
            "With --data it is training, shared_weights, proxies, or one of your own.",
        )
    loaded = _read(data, root, seed)
    task = loaded.splits.task
    shapes = catalog.to_spec(space_class.for_task(task))["args"]
    chosen = catalog.build(space_class, {**shapes, **given.get("space", {})})
    args = {"space": catalog.to_spec(chosen), "data": str(loaded.folder), **given.get("evaluator", {})}
    built = catalog.build(cls, args)
    most = epochs or EPOCHS
    return Problem(
        chosen, objectives or (Objective(built.metrics[0]),), constraints, Fidelity("epochs", most / 4, most)
    ), built


def _read(data: str, root: Path, seed: int) -> Any:
    """The loaded data; how far the reading is stands on standard error."""
    from rich.console import Console
    from rich.progress import Progress

    from archsmith.cli.output import to_stderr
    from archsmith.data.images.load import load

    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(f"reading {data}", total=None)
        loaded = load(
            data, root, seed=seed, progress=lambda what, done, total: shown.update(task, completed=done, total=total)
        )
    to_stderr(*loaded.findings.lines())
    return loaded
