"""From encoded rows to what a network takes: the same rows. Scaling and filling of gaps are operations of the network,
so that the exported model holds them too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archsmith.data.examples import Batch

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class TablePipeline:
    """``Pipeline`` of tables. Batches are not augmented."""

    def augmented(self, batch: Batch, generator: torch.Generator) -> Batch:
        return batch

    def inputs(self, batch: Batch) -> Batch:
        return batch
