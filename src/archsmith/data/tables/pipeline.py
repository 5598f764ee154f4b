"""From encoded rows to what a network takes, which are the same rows.

To scale numbers and to fill in missing values are operations of the network, so that the exported model has them, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archsmith.data.examples import Batch

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class TablePipeline:
    """The ``Pipeline`` of tables. Batches are not augmented."""

    def augmented(self, batch: Batch, generator: torch.Generator) -> Batch:
        return batch

    def inputs(self, batch: Batch) -> Batch:
        return batch
