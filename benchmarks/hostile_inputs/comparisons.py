"""Files beside a log, and the plans of comparisons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hostile_inputs.kit import (
    CANARY,
    DEEP,
    DIGITS,
    Act,
    Case,
    family,
    pickled,
)
from hostile_inputs.studies import Made, Use, listed, reported, resumed, shown, stopped, study_copy

# -- what lies beside a log, and comparisons ---------------------------------------------------------------------------


def with_file(name: str, content: bytes, use: Use = reported) -> Made:
    """A file in the folder of a finished job."""

    def make(folder: Path) -> Act:
        study = study_copy(folder, "classes").parent
        path = study / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return use(folder)

    return make


BESIDE: dict[str, Made] = {
    "a graph of brackets": with_file("final/graph.json", DEEP.encode()),
    "a graph of code": with_file("final/graph.json", json.dumps({"nodes": [{"op": f"{CANARY}:Trap"}]}).encode()),
    "a graph of a list": with_file("final/graph.json", b"[1]"),
    "predictions that are a pickle": with_file("final/predictions.npz", pickled()),
    "predictions of nothing": with_file("final/predictions.npz", b""),
    "predictions of rubbish": with_file("final/predictions.npz", b"PK\3\4" + bytes(500)),
    "weights that are a pickle": with_file("final/searched.safetensors", pickled()),
    "a checkpoint that is a pickle": with_file("trials/1/checkpoint.safetensors", pickled(), resumed),
    "a trial of brackets": with_file("trials/1/trial.json", DEEP.encode(), resumed),
    "a lease of brackets": with_file("lease.json", DEEP.encode(), listed),
    "a lease of a process 1": with_file("lease.json", b'{"pid": 1, "host": "x", "time": 9e99}', shown),
    "a lease of a list": with_file("lease.json", b"[1]", listed),
    "a lease of a process -1": with_file("lease.json", b'{"pid": -1, "host": "localhost"}', stopped),
    "a lease of no text": with_file("lease.json", b"\xff\xfe", shown),
    "a lease that is locked by nobody": with_file("lease.lock", b"\0" * 5000, resumed),
    "a log of changes that is rubbish": with_file("events.sqlite-wal", b"\x37\x7f\x06\x82" + b"\xff" * 9000, shown),
    "a log of changes of zeros": with_file("events.sqlite-wal", bytes(9000), shown),
    "a journal that undoes": with_file(
        "events.sqlite-journal", b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"\xff" * 900, shown
    ),
}

PLAN: dict[str, Any] = {
    "format": 2,
    "title": "x",
    "space": {"type": "table", "args": {"path": "digits"}},
    "evaluator": {"type": "table", "args": {"path": "digits"}},
    "problem": {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 1.0, 10.0]},
    "strategies": {"random": {"type": "random", "args": {}}},
    "judged_by": ["accuracy"],
    "runs": 1,
    "seconds": None,
    "trials": 2,
    "seed": 0,
}


def plan(content: Any) -> Made:
    """A comparison of that name is there already."""

    def make(folder: Path) -> Act:
        place = folder / "comparisons" / "c"
        place.mkdir(parents=True)
        (place / "comparison.json").write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return [
            "compare",
            "--bench",
            "digits",
            "--strategies",
            "random",
            "--runs",
            "1",
            "--trials",
            "2",
            "--name",
            "c",
            "--workspace",
            str(folder),
        ]

    return make


PLANS: dict[str, Made] = {
    "brackets": plan(DEEP.encode()),
    "nothing": plan(b""),
    "no text": plan(b"\xff"),
    "a list": plan([1]),
    "a pickle": plan(pickled()),
    "5,000 digits": plan(b'{"runs": ' + DIGITS.encode() + b"}"),
    "a later format": plan({**PLAN, "format": 99}),
    **{
        f"{name} of code": plan({**PLAN, name: {"type": f"{CANARY}:Trap", "args": {}}})
        for name in ("space", "evaluator")
    },
    "a strategy of code": plan({**PLAN, "strategies": {"x": {"type": f"{CANARY}:Trap", "args": {}}}}),
    "a strategy that leads out": plan({**PLAN, "strategies": {"../../x": {"type": "random", "args": {}}}}),
    **{f"{key} is a mapping": plan({**PLAN, key: {"x": 1}}) for key in PLAN},
    **{f"{key} is minus one": plan({**PLAN, key: -1}) for key in ("runs", "seed", "trials", "seconds", "problem")},
}


def cases() -> list[Case]:
    return [*family("files beside a log", BESIDE), *family("plans of comparisons", PLANS)]
