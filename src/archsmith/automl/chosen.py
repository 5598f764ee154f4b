"""The network that a job chose, kept as it was. A study that gets more can always fall back on it.

Its trial may lose its files, and its training goes on. What was chosen may also have been the best moment of a
training, which no checkpoint of that training holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from archsmith import catalog
from archsmith.automl.final_training import Candidate, Final
from archsmith.bundle.manifest import Origin
from archsmith.graphs.graph import Graph
from archsmith.graphs.network import Network
from archsmith.training import checkpoint
from archsmith.training.recipe import Recipe

FILE = re.compile(r"chosen\.(\d+)\.safetensors")


@dataclass(frozen=True)
class Chosen:
    """What was chosen in an earlier round of a study.

    ``network``: with its weights, in evaluation mode.
    ``trial``: that its training went on from; None: it was no trial.
    ``fixed``: was it the hand-made network?
    ``facts``: the rest of what was kept.
    """

    network: Network
    trial: int | None
    fixed: bool
    facts: Mapping[str, Any]

    def candidate(self, name: str) -> Candidate:
        """Of a network that is neither of a trial nor the hand-made one."""
        origin = self.facts["origin"]
        return Candidate(
            name,
            self.network.graph,
            catalog.build(Recipe, self.facts["recipe"]),
            origin=None if origin is None else Origin(**origin),
            trained=self.facts["trained"],
        )


def keep(final: Final, folder: Path, round: int) -> None:
    """Keep ``final``, which was chosen in this ``round`` of a study (see ``StudyView.round``), in ``folder``. What the
    round before chose stays, since this one may be cut off and begin anew.
    """
    candidate, network = final.candidate, final.network
    assert candidate is not None and network is not None
    facts = {
        "graph": network.graph.to_dict(),
        "trial": candidate.last_trial,
        "fixed": candidate.trial is None and candidate.space is not None,
        "trained": candidate.trained,
        "recipe": candidate.recipe.to_dict(),
        "origin": None if candidate.origin is None else asdict(candidate.origin),
        "seconds": final.seconds,
        "epochs": final.epochs,
        "cut": final.cut,
        "fell": final.fell,
    }
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.save(folder / f"chosen.{round}.safetensors", network.state_dict(), facts)
    for number, file in _kept(folder).items():
        if number < round - 1:
            file.unlink(missing_ok=True)


def chosen_before(folder: Path, round: int) -> Chosen | None:
    """What the last round before this ``round`` chose; None without one."""
    kept = {number: file for number, file in _kept(folder).items() if number < round}
    found = checkpoint.load(kept[max(kept)]) if kept else None
    if found is None:
        return None
    weights, facts = found
    network = Network(Graph.from_dict(facts["graph"]), seed=0)
    network.load_state_dict(weights)
    return Chosen(network.eval(), facts["trial"], facts["fixed"], facts)


def _kept(folder: Path) -> dict[int, Path]:
    """By round."""
    names = ((file, FILE.fullmatch(file.name)) for file in folder.glob("chosen.*.safetensors"))
    return {int(name[1]): file for file, name in names if name is not None}
