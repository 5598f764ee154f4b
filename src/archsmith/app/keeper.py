"""What stands between the app and a search: it runs one command, keeps the end of what that says, and how it ended.

    python -I keeper.py FOLDER COMMAND...

A search outlives the app that started it, so nobody of the app may be needed to empty its pipe or to see its end. The
keeper does both. It needs nothing but Python's own library, and writes into FOLDER: ``pid`` (of the command), ``log``
(what it said), ``code`` (how it ended; below 0: the signal that ended it).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

LOG, PID, CODE = "log", "pid", "code"
MOST_BYTES = 2**20  # of a log; then only its second half is kept
LEFT_OUT = b"[what was said before is left out]\n"
AGAIN_SECONDS = 1.0  # after which what a full disk refused is written again
LINGER_SECONDS = 2.0  # that a command's own children may hold its pipe longer than it lives


def main(folder: Path, command: list[str]) -> None:
    """Run ``command`` to its end."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # they are for the command, which this one outlives
        signal.signal(number, lambda number, frame: None)
    # Not in a block: its end would wait for the pipe.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert child.stdout is not None
    keeping = threading.Thread(target=keep, args=(child.stdout, folder / LOG), daemon=True)
    keeping.start()
    while not _written(folder / PID, child.pid) and child.poll() is None:  # nobody finds the study without it
        time.sleep(AGAIN_SECONDS)
    code = child.wait()
    keeping.join(LINGER_SECONDS)
    _written(folder / CODE, code)
    os._exit(0)


def keep(said: IO[bytes], log: Path, most: int = MOST_BYTES) -> None:
    """Write what comes out of ``said`` to ``log``, which never has more than ``most`` bytes. What a full disk does not
    take is lost: the command goes on, and would stand still in front of a pipe that nobody reads.
    """
    while data := os.read(said.fileno(), 65_536):
        with contextlib.suppress(OSError):
            _add(data, log, most)


def _add(data: bytes, log: Path, most: int) -> None:
    with log.open("ab") as file:
        file.write(data)
        size = file.tell()
    if size > most:
        kept = log.read_bytes()[-most // 2 :].partition(b"\n")[2]
        _replace(log, LEFT_OUT + kept)


def _written(path: Path, number: int) -> bool:
    """Write ``number`` into the file ``path``. Did the disk take it?"""
    try:
        _replace(path, str(number).encode())
    except OSError:
        return False
    return True


def _replace(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(data)
    os.replace(draft, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
