"""Batches of tables go to the network as they are."""

from __future__ import annotations

import pytest

from archsmith.data.tables.pipeline import TablePipeline

torch = pytest.importorskip("torch")


def test_batches_pass_unchanged() -> None:
    batch = {"numbers": torch.zeros(2, 3), "categories": torch.ones(2, 1, dtype=torch.int64)}
    pipeline = TablePipeline()
    assert pipeline.inputs(batch) is batch
    assert pipeline.augmented(batch, torch.Generator()) is batch
