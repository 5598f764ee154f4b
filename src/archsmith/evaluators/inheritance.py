"""The weights that a trial starts with, and the files that it keeps for later trials.

* A trial that was killed goes on from its own checkpoint.
* A trial whose parent is the same architecture at a lower fidelity goes on from the parent's checkpoint, with the
  parent's seed. The result is the same as that of one long training.
* A child may inherit weights of other architectures: a parameter starts with the trained value of the parent's
  parameter that has the same weight key. Of several parents, the first one that has the key gives the value.

A child inherits the weights themselves, not their average. The average lags behind while a training still improves: on
the digits it was never better, and 0.2 to 3 points of accuracy worse (five or six children of each parent). Momentum is
not inherited. Neither are batch-norm statistics; training finds them again within its first steps. Parameters without a
parent get new random values.

Source of inheriting: Real et al. 2017, "Large-Scale Evolution of Image Classifiers" (ICML, arXiv 1703.01041), where a
child keeps the weights of layers with equal shapes. Difference: here the weight key decides, which also contains the
role of the weights. Cai et al. 2018 (AAAI, arXiv 1707.04873) and Elsken et al. 2019 (ICLR, arXiv 1804.09081) change
networks so that they compute the same as before; here a child computes something else and must train.

A trial's folder holds ``trial.json`` and the checkpoint of the training. The folder of a child also holds
``start.safetensors``, a copy of the inherited weights, because the parent's folder may be deleted before a killed child
starts again.
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
    """What a training starts with.

    ``seed``: seed of the training.
    ``inherited``: share of the parameters that come from other trials; 0 to 1.
    ``parent``: the first of these trials; None: no parameter is inherited.
    ``lineage_epochs``: epochs that the inherited weights were trained for before.
    ``lost``: True: there was a parent to inherit from or to go on from, but its files do not exist any more.
    ``cost``: units of work of one epoch (``training.work``); None: not known yet.
    """

    seed: int
    inherited: float = 0.0
    parent: int | None = None
    lineage_epochs: float = 0.0
    lost: bool = False
    cost: float | None = None

    def notes(self, epochs: float) -> dict[str, Scalar]:
        """Notes for the outcome of a trial that trained for ``epochs`` itself."""
        return {
            "inherited": round(self.inherited, 4),
            **({"parent": self.parent} if self.parent is not None else {}),
            "lineage_epochs": self.lineage_epochs + epochs,
            **({"parent_lost": True} if self.lost else {}),
        }


def begin(
    architecture: Architecture, context: Context, graph_of: Callable[[Architecture], Graph] | None = None
) -> Beginning:
    """Decide what the trial of ``context`` starts with, and write it into the trial's folder. With ``graph_of`` the
    trial inherits from its parents.
    """
    folder = context.workspace
    if folder is None:
        return Beginning(context.seed, lost=_needs_parent(context, graph_of))
    own = _record(folder)
    if own is not None and own.architecture == architecture:
        return own.beginning
    (folder / START).unlink(missing_ok=True)  # of an attempt that was killed before it wrote its record
    beginning = _continued(architecture, folder, context.parents)
    if beginning is None:
        beginning = Beginning(context.seed, lost=_needs_parent(context, graph_of))
        if graph_of is not None:
            beginning = _inherited(architecture, folder, context, beginning, graph_of)
    _write(folder, _Record(architecture, beginning))
    return beginning


def remember(architecture: Architecture, context: Context, beginning: Beginning) -> None:
    """Write ``beginning`` again, with what has become known of it."""
    if context.workspace is not None:
        _write(context.workspace, _Record(architecture, beginning))


def end(architecture: Architecture, context: Context, beginning: Beginning, epochs: float) -> None:
    """Record that the training is over and how many epochs it took. From now on other trials may inherit."""
    if context.workspace is not None:
        _write(context.workspace, _Record(architecture, beginning, epochs))


def inherited_weights(context: Context) -> Mapping[str, Tensor]:
    """The inherited weights by key; empty if the trial starts from scratch."""
    file = None if context.workspace is None else context.workspace / START
    if file is None or not file.exists():
        return {}
    found = checkpoint.load(file)
    if found is None:
        raise EvaluationError(f"The weights that this trial inherited cannot be read ({file}).")
    return found[0]


@dataclass(frozen=True)
class _Record:
    """The content of ``trial.json``.

    ``architecture``: of the trial.
    ``beginning``: what the training started with.
    ``epochs``: epochs that it trained; None: the training is not over.
    """

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


def _needs_parent(context: Context, graph_of: object | None) -> bool:
    return bool(context.parents) if graph_of is not None else context.continues


def _continued(architecture: Architecture, folder: Path, parents: tuple[int, ...]) -> Beginning | None:
    """The beginning of a parent that is the same architecture; its files are copied. None: there is no such parent, or
    its checkpoint cannot be read.
    """
    for parent in parents:
        theirs = folder.parent / str(parent)
        record = _record(theirs)
        if record is None or record.architecture != architecture or checkpoint.load(theirs / CHECKPOINT) is None:
            continue
        for name in (START, CHECKPOINT):
            if (theirs / name).exists():
                with replacing(folder / name) as draft:
                    shutil.copyfile(theirs / name, draft)
        return replace(record.beginning, lost=False)
    return None


def _inherited(
    architecture: Architecture,
    folder: Path,
    context: Context,
    beginning: Beginning,
    graph_of: Callable[[Architecture], Graph],
) -> Beginning:
    """Inherit from the parents whose finished training still has files. Shared weights go into the trial's folder."""
    graph = graph_of(architecture)
    shared: dict[str, Tensor] = {}
    for parent in context.parents:
        theirs = folder.parent / str(parent)
        record, found = _record(theirs), checkpoint.load(theirs / CHECKPOINT)
        if record is None or record.epochs is None or found is None:
            continue
        n_before, theirs_by_key = len(shared), weights_by_key(graph_of(record.architecture), found[0])
        shared, share = _shared(graph, theirs_by_key | shared)
        beginning = replace(beginning, inherited=share, lost=False)
        if len(shared) > n_before:
            beginning = replace(
                beginning,
                parent=parent if beginning.parent is None else beginning.parent,
                lineage_epochs=max(beginning.lineage_epochs, record.beginning.lineage_epochs + record.epochs),
            )
    if shared:
        checkpoint.save(folder / START, shared, {})
    return beginning


def weights_by_key(graph: Graph, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights in the checkpoint of a network of ``graph``, named ``<weight key>.<name>``."""
    keys = {node.name: node.key for node in graph.nodes if node.key is not None}
    places = ((*name.rpartition("."), tensor) for name, tensor in checkpoint.part(tensors, "network/").items())
    return {f"{keys[node]}.{local}": tensor for node, _, local, tensor in places if node in keys}


def _shared(graph: Graph, weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], float]:
    """The ``weights`` that are parameters of ``graph``, and their share of all its parameters."""
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
