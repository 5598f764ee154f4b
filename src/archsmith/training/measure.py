"""How good a network is: accuracy and log loss, in float32."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archsmith.data.images import ImageSet
from archsmith.training.batches import Normalisation, plain_batches


@dataclass(frozen=True)
class Score:
    """``accuracy`` in [0, 1], ``log_loss`` in nats a picture, over ``n`` pictures."""

    accuracy: float
    log_loss: float
    n: int


def logits(
    network: nn.Module,
    data: ImageSet,
    normalisation: Normalisation,
    *,
    batch_size: int = 256,
    limit: int | None = None,
    check: Callable[[], None] | None = None,
) -> Tensor:
    """The network's logits float32 ``(n, n_classes)`` on the first ``limit`` pictures, in evaluation mode. Calls ``check`` each batch."""
    was_training = network.training
    network.eval()
    rows = []
    try:
        with torch.inference_mode():
            for images, _ in plain_batches(data, normalisation, batch_size, limit):
                if check is not None:
                    check()
                rows.append(network(images).float())
    finally:
        network.train(was_training)
    return torch.cat(rows)


def score(outputs: Tensor, labels: Tensor) -> Score:
    """Accuracy and log loss of logits ``(n, n_classes)`` against ``(n,)``."""
    return Score(
        accuracy=float((outputs.argmax(1) == labels).double().mean()),
        log_loss=float(nn.functional.cross_entropy(outputs.double(), labels)),
        n=len(labels),
    )


def evaluate(
    network: nn.Module,
    data: ImageSet,
    normalisation: Normalisation,
    *,
    batch_size: int = 256,
    limit: int | None = None,
    check: Callable[[], None] | None = None,
) -> Score:
    """``score`` of ``network`` on ``data``; arguments as in ``logits``."""
    outputs = logits(network, data, normalisation, batch_size=batch_size, limit=limit, check=check)
    return score(outputs, torch.from_numpy(data.labels[: len(outputs)].copy()))
