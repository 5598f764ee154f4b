from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any, cast

import pytest

from archsmith.app import keeper


def run(folder: Path, code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-I", keeper.__file__, str(folder), sys.executable, "-c", code])


def test_what_a_command_says_and_how_it_ends_is_kept(tmp_path: Path) -> None:
    code = "import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)"
    assert run(tmp_path, code).wait(30) == 0
    assert sorted((tmp_path / "log").read_text().split()) == ["one", "two"]
    assert (tmp_path / "code").read_text() == "3"


def test_a_signal_that_ended_it_is_told(tmp_path: Path) -> None:
    with run(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)") as process:
        process.wait(30)
    assert (tmp_path / "code").read_text() == "-9"


def test_the_keeper_outlives_what_ends_the_command(tmp_path: Path) -> None:
    with run(tmp_path, "import time; print('up', flush=True); time.sleep(60)") as process:
        until = time.monotonic() + 30
        while not (tmp_path / "log").exists() and time.monotonic() < until:
            time.sleep(0.02)
        process.terminate()  # passed over
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)
        process.wait(30)
    assert (tmp_path / "code").read_text() == "-15"


@pytest.mark.parametrize("n", [0, 10, 3000])
def test_a_log_keeps_its_end_and_never_grows_beyond_its_limit(tmp_path: Path, n: int) -> None:
    said = tmp_path / "said"
    said.write_text("".join(f"line {i}\n" for i in range(n)))
    with said.open("rb", buffering=0) as source:
        keeper.keep(cast(IO[bytes], source), tmp_path / "log", most=10_000)
    kept = (tmp_path / "log").read_text().splitlines() if n else []
    assert sum(len(line) + 1 for line in kept) <= 10_000 + len(keeper.LEFT_OUT)
    assert kept[-1:] == ([f"line {n - 1}"] if n else [])


def test_what_the_disk_refuses_ends_no_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, refused = Path.open, [OSError(errno.ENOSPC, "No space left on device")]

    def full(path: Path, *how: Any, **more: Any) -> Any:
        if path.name == "log" and refused:
            raise refused.pop()
        return opened(path, *how, **more)

    said = tmp_path / "said"
    said.write_bytes(b"early\n" * 20_000 + b"late\n")
    monkeypatch.setattr(Path, "open", full)
    with opened(said, "rb", buffering=0) as source:
        keeper.keep(cast(IO[bytes], source), tmp_path / "log")
    assert not refused
    assert (tmp_path / "log").read_text().endswith("early\nlate\n")  # what came when there was room again


def test_a_command_whose_number_cannot_be_noted_at_first_is_still_watched(tmp_path: Path) -> None:
    (tmp_path / ".pid.draft").mkdir()  # nothing can be written there
    code = (
        "import os, sys, time; print('up', flush=True); time.sleep(0.2); os.rmdir(sys.argv[1] + '/.pid.draft')\n"
        "while not os.path.exists(sys.argv[1] + '/pid'): time.sleep(0.02)\n"
        "sys.exit(3)"
    )
    words = [sys.executable, "-I", keeper.__file__, str(tmp_path), sys.executable, "-c", code, str(tmp_path)]
    assert subprocess.Popen(words).wait(30) == 0
    assert ((tmp_path / "code").read_text(), (tmp_path / "log").read_text()) == ("3", "up\n")
