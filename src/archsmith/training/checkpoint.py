"""A checkpoint: a training on disk. One safetensors file holds the tensors, with everything else as JSON in its header.

The file is replaced in one step. A process that is killed at any moment leaves the previous checkpoint or the new one,
never half of each.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from archsmith.core.files import json_value, replacing

HEADER = "archsmith"
OF_THE_SYSTEM = re.compile(r"\(os error (\d+)\)")  # in what safetensors says where the system refuses


def save(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write ``tensors`` and ``facts`` (JSON) to ``path``, whole or not at all. Raises OSError."""
    # safetensors stores row-major tensors on the CPU. Other tensors are copied.
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replacing(path) as draft:
        try:
            save_file(stored, str(draft), metadata={HEADER: json.dumps(facts)})
        except SafetensorError as error:
            found = OF_THE_SYSTEM.search(str(error))
            if found is None:
                raise
            raise OSError(int(found[1]), os.strerror(int(found[1]))) from error


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """What ``save`` wrote, or None when there is no readable checkpoint at ``path``."""
    try:
        with safe_open(str(path), framework="pt") as file:
            facts = json_value((file.metadata() or {})[HEADER])
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118 (not a mapping)
    except (OSError, SafetensorError, KeyError, ValueError):
        return None


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix``, by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
