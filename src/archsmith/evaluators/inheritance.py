"""What a trial begins with, and what its folder keeps for trials that come after it.

* After a kill it goes on with its own files.
* A trial whose parent is the same architecture at a lower fidelity goes on where that one stopped, with its seed, as
  one long training would have.
* A child may inherit: every parameter that a parent knows by the same weight key begins where the parent's training
  ended. With several parents the first one that has a weight gives it. Taken are the weights themselves, not their
  average, which lags behind while a training still improves (on the digits, five or six children of a parent each, the
  average was never better, and 0.2 to 3 points of accuracy worse). Momentum is left behind, and so are batch-norm
  statistics, which training finds anew within its first steps; new parts begin fresh.

Source of the last: Real et al. 2017, "Large-Scale Evolution of Image Classifiers" (ICML, arXiv 1703.01041), where a
child keeps the weights of layers whose shapes match. Theirs is by layer, ours by weight key, which also says what role
the weights had. Cai et al. 2018 (AAAI, arXiv 1707.04873) and Elsken et al. 2019 (ICLR, arXiv 1804.09081) change
networks by morphisms that keep what they compute; here a child computes something else, and has to train.

A folder holds ``trial.json``, the checkpoint of the training, and of a child ``start.safetensors``, a copy of what it
inherited: the parent's folder may be gone when a killed attempt begins again.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import EvaluationError, UsageError
from archsmith.core.files import replacing, write_text
from archsmith.core.protocols import Context
from archsmith.graphs.graph import Graph
from archsmith.training import checkpoint

if TYPE_CHECKING:
    from torch import Tensor

CHECKPOINT = "checkpoint.safetensors"
START = "start.safetensors"
TRIAL = "trial.json"


@dataclass(frozen=True)
class Beginning:
    """What a training begins with.

    ``seed`` of the training; ``inherited`` the share of its parameters that come from other trials, ``parent`` the
    first of these and ``lineage_epochs`` what their weights had been trained for before; ``lost``: there was a parent
    to inherit from, but nothing is left of its training.
    """

    seed: int
    inherited: float = 0.0
    parent: int | None = None
    lineage_epochs: float = 0.0
    lost: bool = False

    def notes(self, epochs: float) -> dict[str, Scalar]:
        """For the outcome of a trial that took ``epochs`` of its own."""
        return {
            "inherited": round(self.inherited, 4),
            **({"parent": self.parent} if self.parent is not None else {}),
            "lineage_epochs": self.lineage_epochs + epochs,
            **({"parent_lost": True} if self.lost else {}),
        }


def begin(
    architecture: Architecture, context: Context, graph_of: Callable[[Architecture], Graph] | None = None
) -> Beginning:
    """Find out what the trial of ``context`` begins with, and put that into its folder. With ``graph_of`` it inherits
    from its parents.
    """
    folder = context.workspace
    if folder is None:
        return Beginning(context.seed, lost=graph_of is not None and bool(context.parents))
    own = _record(folder)
    if own is not None and own.architecture == architecture:
        return own.beginning
    (folder / START).unlink(missing_ok=True)  # of an attempt that was killed before it could write down what it is
    beginning = _continued(architecture, folder, context.parents)
    if beginning is None:
        beginning = Beginning(context.seed) if graph_of is None else _inherited(architecture, folder, context, graph_of)
    _write(folder, _Record(architecture, beginning))
    return beginning


def end(architecture: Architecture, context: Context, beginning: Beginning, epochs: float) -> None:
    """Write down that the training is over and how many epochs it took: from now on others may inherit."""
    if context.workspace is not None:
        _write(context.workspace, _Record(architecture, beginning, epochs))


def inherited_weights(context: Context) -> Mapping[str, Tensor]:
    """The weights by key that the trial inherits; none for one that begins from scratch."""
    file = None if context.workspace is None else context.workspace / START
    if file is None or not file.exists():
        return {}
    found = checkpoint.load(file)
    if found is None:
        raise EvaluationError(f"The weights that this trial inherited cannot be read ({file}).")
    return found[0]


@dataclass(frozen=True)
class _Record:
    """``trial.json``; ``epochs`` None: the training is not over."""

    architecture: Architecture
    beginning: Beginning
    epochs: float | None = None


def _record(folder: Path) -> _Record | None:
    try:
        known = json.loads((folder / TRIAL).read_text(encoding="utf-8"))
        return _Record(Architecture(known["architecture"]), Beginning(**known["beginning"]), known["epochs"])
    except (OSError, ValueError, KeyError, TypeError, UsageError):
        return None


def _write(folder: Path, record: _Record) -> None:
    text = json.dumps(
        {"architecture": dict(record.architecture), "beginning": asdict(record.beginning), "epochs": record.epochs}
    )
    write_text(folder / TRIAL, text)


def _continued(architecture: Architecture, folder: Path, parents: tuple[int, ...]) -> Beginning | None:
    """Of a parent that is the same architecture, with its files copied; None where there is none."""
    for parent in parents:
        theirs = folder.parent / str(parent)
        record = _record(theirs)
        if record is None or record.architecture != architecture:
            continue
        for name in (START, CHECKPOINT):
            if (theirs / name).exists():
                with replacing(folder / name) as draft:
                    shutil.copyfile(theirs / name, draft)
        return record.beginning
    return None


def _inherited(
    architecture: Architecture, folder: Path, context: Context, graph_of: Callable[[Architecture], Graph]
) -> Beginning:
    """From the parents whose training is over and still there; what is shared lies in the trial's folder afterwards."""
    beginning = Beginning(context.seed, lost=bool(context.parents))
    weights: dict[str, Tensor] = {}
    for parent in context.parents:
        theirs = folder.parent / str(parent)
        record, found = _record(theirs), checkpoint.load(theirs / CHECKPOINT)
        if record is None or record.epochs is None or found is None:
            continue
        weights = weights_by_key(graph_of(record.architecture), found[0]) | weights
        beginning = replace(
            beginning,
            parent=parent if beginning.parent is None else beginning.parent,
            lineage_epochs=max(beginning.lineage_epochs, record.beginning.lineage_epochs + record.epochs),
            lost=False,
        )
    shared, share = _shared(graph_of(architecture), weights)
    if not shared:
        return replace(beginning, lineage_epochs=0.0)
    checkpoint.save(folder / START, shared, {})
    return replace(beginning, inherited=share)


def weights_by_key(graph: Graph, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the checkpoint of a network of ``graph`` holds of it, as ``<weight key>.<name>``."""
    keys = {node.name: node.key for node in graph.nodes if node.key is not None}
    places = ((*name.rpartition("."), tensor) for name, tensor in checkpoint.part(tensors, "network/").items())
    return {f"{keys[node]}.{local}": tensor for node, _, local, tensor in places if node in keys}


def _shared(graph: Graph, weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], float]:
    """Those of ``weights`` that are parameters of ``graph``, and the share of its parameters that they are."""
    needed = {
        f"{node.key}.{name}": tuple(shape)
        for node in graph.nodes
        if node.key
        for name, shape in graph.facts(node).params.items()
    }
    shared = {
        name: weights[name] for name, shape in needed.items() if name in weights and tuple(weights[name].shape) == shape
    }
    total = sum(math.prod(shape) for shape in needed.values())
    return shared, sum(math.prod(needed[name]) for name in shared) / total if total else 0.0
