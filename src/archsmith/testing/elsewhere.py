"""Asks a space in another process too. There, sets of texts have another order, and nothing is remembered: a program
that depends on more than its answers shows it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np

from archsmith import catalog
from archsmith.core.errors import ArchsmithError, told
from archsmith.core.space import Range

_inside = False  # is this the other process?


def differs_elsewhere(space: Any, n_samples: int, seed: int) -> str | None:
    """A sentence on the first difference between ``space`` here and in a new process: in samples from the same seed,
    in their questions, in their networks. None where there is none.

    None also for a space that a new process cannot rebuild: its class is defined in the main script, a notebook or a
    function, or cannot be written down.
    """
    try:
        spec = catalog.to_spec(space)
    except ArchsmithError:
        return None
    if _inside or spec["type"].startswith("__main__:"):
        return None
    order = {"space": spec, "modules": catalog.admitted(spec), "n_samples": n_samples, "seed": seed}
    hashing = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from archsmith.testing.elsewhere import main; main()"],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": hashing, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if done.returncode != 0:
        return None
    there = json.loads(done.stdout)
    if isinstance(there, str):
        return there
    return _difference(json.loads(json.dumps(_rows(space, n_samples, seed))), there)


def _rows(space: Any, n_samples: int, seed: int) -> list[dict[str, Any]]:
    rng, rows = np.random.default_rng(seed), []
    for _ in range(n_samples):
        architecture = space.sample(rng)
        questions = [
            [d.path, repr(d.options) if isinstance(d.options, Range) else list(d.options)]
            for d in space.decisions(architecture)
        ]
        row = {"questions": questions, "architecture": dict(architecture)}
        if hasattr(space, "build"):
            from archsmith.graphs.network_space import lay_out

            row["network"] = lay_out(space, architecture).to_dict()
        rows.append(row)
    return rows


def _difference(here: list[dict[str, Any]], there: list[dict[str, Any]]) -> str | None:
    for ours, theirs in zip(here, there, strict=True):
        for one, other in zip(ours["questions"], theirs["questions"], strict=False):
            if one != other:
                return f"it asks {one[0]!r} with the options {one[1]} here, and {other[0]!r} with {other[1]} there."
        for what in ours:
            if ours[what] != theirs[what]:
                return f"the {what} of {ours['architecture']} differs."
    return None


def main() -> None:
    """What the new process does: reads the order from standard input, writes what it found to standard output."""
    global _inside
    _inside = True
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the space prints is no part of it
    order = json.load(sys.stdin)
    try:
        for module in order["modules"]:
            catalog.admit(module)
        space = catalog.from_spec(order["space"], "space")
    except (Exception, SystemExit):
        sys.exit(1)
    found: Any
    try:
        found = _rows(space, order["n_samples"], order["seed"])
    except Exception as error:
        found = f"there it raised {told(error)}"
    with out:
        json.dump(found, out)
