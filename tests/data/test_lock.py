from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from archsmith.data.lock import FileLock

HOLD = """
import sys, time
from pathlib import Path
from archsmith.data.lock import FileLock
assert FileLock(Path(sys.argv[1])).take()
print("taken", flush=True)
time.sleep(60)
"""


def test_one_holder_at_a_time_in_one_process_too(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "l"), FileLock(tmp_path / "l")
    assert first.take()
    assert not second.take()
    first.release()
    assert not (tmp_path / "l").exists()
    assert second.take()
    second.release()
    second.release()


def test_a_killed_holder_holds_nothing(tmp_path: Path, environment: dict[str, str]) -> None:
    path = tmp_path / "l"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == b"taken"
        assert not FileLock(path).take()
        child.send_signal(signal.SIGKILL)
        child.wait()
    lock = FileLock(path)
    assert lock.take()
    lock.release()
