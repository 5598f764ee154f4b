"""In place of ``archsmith fit`` and ``archsmith studies resume``: a study that opens within a moment, does nothing and
hears commands. The seed says how it behaves: 1 is refused, 2 dies, 3 says a lot and ends, 4 hears nothing, 5 never
comes to its study.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from archsmith.core.events import Event
from archsmith.core.records import Closed, Opened, StudyRecord
from archsmith.runtime.workspace import Workspace

FIT = {"settings": {"data": "digits"}}


def main(words: list[str]) -> int:
    flags = dict(word.removeprefix("--").partition("=")[::2] for word in words if word.startswith("--"))
    seed = int(flags.get("seed", 0))
    if seed == 1:
        print("archsmith: The data are of no kind. Give others.", file=sys.stderr)
        return 2
    while seed == 5:
        time.sleep(0.05)
    place = Workspace(flags["workspace"])
    store = place.open(words[-1]) if words[0] == "studies" else place.create("short")
    store.acquire()
    if not any(True for _ in store.read()):
        problem = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 1, 1]}
        store.append([Event("study", {**StudyRecord(problem=problem, seed=seed).to_data(), "fit": FIT})])
    store.append([Event(Opened.kind, Opened(os.getpid()).to_data())])
    print("the secret is", os.environ.get("ARCHSMITH_TOKEN"), flush=True)
    until = time.monotonic() + 60
    while time.monotonic() < until and not (commands := [] if seed == 4 else [name for name, _ in store.commands()]):
        if seed == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if seed == 3:
            print("\n".join(f"line {i}" for i in range(200_000)), flush=True)
            commands = ["stop"]
            break
        time.sleep(0.02)
    reason = "interrupted" if "pause" in commands else "requested"
    store.append([Event(Closed.kind, Closed(reason, 1.0).to_data())])
    store.release()
    return 130 if reason == "interrupted" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
