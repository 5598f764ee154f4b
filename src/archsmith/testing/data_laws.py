"""Laws of a kind of data: its examples, its splits, and the pipeline that brings a batch to a network."""

from __future__ import annotations

from typing import Any

import numpy as np

from archsmith.core.errors import UsageError
from archsmith.core.fields import said
from archsmith.testing.need import keeping, need

SOME = 8  # examples that a law looks at


def check_data(splits: Any) -> None:
    """All laws of the splits of one kind of data (``archsmith.data.examples.Splits``).

    Raises AssertionError with the law that is broken.
    """
    if not hasattr(splits, "by_name"):
        raise UsageError(f"The splits {said(splits)}.", "Give archsmith.data.examples.Splits.")
    with keeping("data"):
        for name, examples in splits.by_name.items():
            _check_examples(name, examples)
        _check_alike(splits)
        _check_pipeline(splits)


@keeping("examples")
def _check_examples(name: str, examples: Any) -> None:
    n = len(examples)
    need(n > 0, "examples", f"A split has examples: {name} has none.")
    need(
        examples.targets.shape == (n,),
        "examples",
        f"Every example has a target: {name} has {examples.targets.shape} for {n}.",
    )
    need(examples.n_bytes > 0, "examples", f"Rows take memory: {name} says {examples.n_bytes} bytes.")
    some = np.arange(n)[::-1][:SOME].copy()
    batch, taken = examples.batch(some), examples.take(some)
    need(
        len(taken) == len(some),
        "examples",
        f"take() gives as many examples as it was asked for: {len(taken)}, not {len(some)}.",
    )
    need(np.array_equal(taken.targets, examples.targets[some]), "examples", "take() keeps the target of each example.")
    again = taken.batch(np.arange(len(some)))
    for key, rows in batch.items():
        need(
            len(rows) == len(some), "examples", f"A batch has the rows that it was asked for: {key!r} has {len(rows)}."
        )
        need(
            not np.shares_memory(rows, examples.batch(np.arange(n))[key]),
            "examples",
            f"A batch is a copy: {key!r} is not.",
        )
        need(_equal(rows, again[key]), "examples", f"take() and batch() give the same rows: {key!r} differs.")
        for place in range(len(some)):
            alone = examples.batch(some[place : place + 1])[key]
            need(_equal(alone[0], rows[place]), "examples", f"A row does not depend on its batch: {key!r} differs.")


@keeping("splits")
def _check_alike(splits: Any) -> None:
    train = splits.train
    for name, examples in splits.by_name.items():
        need(examples.classes == train.classes, "splits", f"All splits have the same classes: {name} differs.")
        need(examples.inputs == train.inputs, "splits", f"All splits have the same inputs: {name} differs.")
    need(splits.task.inputs == train.inputs, "splits", "The task takes what the examples give.")
    need(isinstance(splits.kind, str) and bool(splits.kind), "splits", "A kind of data has a name.")


@keeping("pipeline")
def _check_pipeline(splits: Any) -> None:
    import torch

    train, n = splits.train, min(SOME, len(splits.train))
    raw = {key: torch.from_numpy(rows) for key, rows in train.batch(np.arange(n)).items()}
    for pipeline in (splits.pipeline(), splits.pipeline(splits.augmentation())):
        changed = [pipeline.augmented(raw, torch.Generator().manual_seed(5)) for _ in range(2)]
        for key in raw:
            need(
                torch.equal(torch.nan_to_num(changed[0][key]), torch.nan_to_num(changed[1][key])),
                "pipeline",
                f"The same generator augments alike: {key!r} differs.",
            )
        given = pipeline.inputs(changed[0])
        for entry in train.inputs:
            need(entry.name in given, "pipeline", f"The pipeline gives every input: {entry.name!r} is missing.")
            rows = given[entry.name]
            fits = all(wanted in (None, found) for wanted, found in zip(entry.shape, rows.shape[1:], strict=True))
            need(
                len(rows) == n and fits,
                "pipeline",
                f"{entry.name!r} has the shape {tuple(rows.shape)}, not {entry.shape}.",
            )
            codes = not rows.is_floating_point()
            need(codes == (entry.n_codes is not None), "pipeline", f"{entry.name!r} is of codes where n_codes says so.")
            if entry.n_codes is not None:
                within = int(rows.min()) >= 0 and int(rows.max()) < entry.n_codes
                need(within, "pipeline", f"The codes of {entry.name!r} lie in 0..{entry.n_codes - 1}.")


def _equal(a: Any, b: Any) -> bool:
    return bool(np.array_equal(a, b, equal_nan=np.issubdtype(np.asarray(a).dtype, np.floating)))
