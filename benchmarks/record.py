"""Writes one line of JSON for each run of a benchmark to ``benchmarks/history/<name>.jsonl``. See the README there."""

from __future__ import annotations

import io
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from archsmith.version import VERSION

HERE = Path(__file__).parent
HISTORY = HERE / "history"
OFF = "--no-history"
PARTS = {"--one", "--child"}  # options with which a benchmark starts itself for one measurement in a new process


class _Copied(io.TextIOBase):
    """Standard output that also keeps its text."""

    def __init__(self, screen: Any) -> None:
        self.screen, self.kept = screen, io.StringIO()

    def write(self, text: str) -> int:
        self.kept.write(text)
        return self.screen.write(text)

    def flush(self) -> None:
        self.screen.flush()


def run(main: Callable[[], int | None], history: Path = HISTORY) -> int:
    """Run a benchmark, write its line, and return its exit code. If it printed no number, there is no line."""
    wanted = OFF not in sys.argv and PARTS.isdisjoint(sys.argv)
    sys.argv[1:] = [word for word in sys.argv[1:] if word != OFF]
    screen, began = sys.stdout, time.monotonic()
    sys.stdout = copied = _Copied(screen)
    try:
        code = main() or 0
    finally:
        sys.stdout = screen
    figures = [line for line in copied.kept.getvalue().splitlines() if any(c.isdigit() for c in line)]
    figures = [line for line in figures if not line.startswith("Skipped")]
    if wanted and figures:
        append(Path(sys.argv[0]).stem, figures, code, time.monotonic() - began, history)
    return code


def append(name: str, figures: list[str], code: int, seconds: float, history: Path) -> None:
    """Add the line of a run that just ended."""
    row = {
        "benchmark": name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "version": VERSION,
        "machine": machine(),
        "arguments": [word.rpartition(os.sep)[2] for word in sys.argv[1:]],
        "seconds": round(seconds, 1),
        "exit": code,
        "figures": figures,
    }
    history.mkdir(parents=True, exist_ok=True)
    with (history / f"{name}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def commit() -> str | None:
    """The commit of this checkout, with ``+`` if files were changed; None outside a repository."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)benchmarks/history")
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+" if changed else "")


def _git(*words: str) -> str:
    command = ["git", "-C", str(HERE), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def machine() -> dict[str, Any]:
    """Facts of the machine that figures depend on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "python": platform.python_version(),
        "torch": _installed("torch"),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu(),
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "gpu": _gpu(),
    }


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def _gpu() -> str | None:
    torch = sys.modules.get("torch")  # a benchmark that did not load torch used no GPU
    return torch.cuda.get_device_name() if torch is not None and torch.cuda.is_available() else None
