"""What all tests share: few threads, and the command line run as a person runs it, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# The same few examples each time, whatever the speed of the machine: hypothesis looks for defects, CI repeats.
settings.register_profile(
    "archsmith",
    derandomize=True,
    max_examples=15,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.load_profile("archsmith")

# numpy and torch are loaded later: many small test networks on few cores are fastest with one thread each, children
# included.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON line on standard output; fails when there is anything else."""
        lines = self.out.splitlines()
        assert len(lines) == 1, f"exit code {self.code}, {len(lines)} lines: {self.out}{self.err}"
        return json.loads(lines[0])


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """For a new process: like the present one, with a home of its own and a wide, dumb terminal; ``import archsmith``
    finds this checkout.
    """
    home = tmp_path / "home"
    home.mkdir()
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR", "PYTHONWARNINGS")
    }
    path = os.pathsep.join(filter(None, (str(ROOT / "src"), os.environ.get("PYTHONPATH"))))
    return {**inherited, "HOME": str(home), "PYTHONPATH": path, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}


@pytest.fixture
def no_room() -> Callable[[], contextlib.AbstractContextManager[None]]:
    """``with no_room():`` the system lets no file have more than 1,000 bytes, much as on a full disk."""
    resource = pytest.importorskip("resource")

    @contextlib.contextmanager
    def limited() -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture
def archsmith(tmp_path: Path, environment: dict[str, str]) -> Callable[..., Ran]:
    """``archsmith("zoo", "--json")`` runs the command in a new process, in an empty home, and returns how it ended."""

    def run(*words: str | Path, cwd: Path | None = None, timeout: float = 120.0) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "archsmith", *map(str, words)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd=cwd or tmp_path,
            env=environment,
            timeout=timeout,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run
