"""The web app on a study of 5,000 trials, on loopback, as Chromium sees it.

    python benchmarks/app.py [--trials 5000] [--only start|paint|live]

* start: seconds of the import of the app, seconds from its start to its first answer, and its memory;
* paint: seconds until the page of the study is first painted, and until its largest part is, at the first look, when
  the whole log is folded, and at later ones;
* live: what one update takes while trials go on being logged: CPU time of the app, and time in the browser from the
  message to the next frame. For information: from the log to the screen, which waits for the next look of the page.

The study is a real one: evolution over a toy, whose log is written by the engine. Needs chromium and playwright (extra
``e2e``). One line for each figure with its limit; the exit code is 1 if a limit is broken.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import record

PAINT_LIMIT, LIVE_LIMIT = 1.5, 0.2  # seconds
LOOKS, UPDATES = 5, 20
EVERY = 1.3  # seconds between two events that are logged: no multiple of the page's own second
TICK = os.sysconf("SC_CLK_TCK")
PARTS = ("start", "paint", "live")
IMPORT = "import time; t = time.perf_counter(); import archsmith.app.run, nicegui.ui; print(time.perf_counter() - t)"
# Notes for each message of some size how long it is until the next frame has been painted.
WATCH = """
window.took = [];
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", (event) => {
      if ((event.data.length ?? event.data.byteLength ?? event.data.size) < 80) return;
      const began = performance.now();
      requestAnimationFrame(() => setTimeout(() => window.took.push(performance.now() - began)));
    });
  }
};
"""
PAINTED = """
new Promise((resolve) => {
  let largest = 0;
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) largest = entry.startTime; })
    .observe({ type: "largest-contentful-paint", buffered: true });
  setTimeout(() => resolve([performance.getEntriesByName("first-contentful-paint")[0].startTime, largest]), 500);
})
"""


class Study:
    """A study of ``n`` trials that is still open: trials can be added one by one."""

    def __init__(self, workspace: Path, n: int) -> None:
        from archsmith.core.budget import Budget
        from archsmith.core.problem import Problem
        from archsmith.runtime.search import Search
        from archsmith.runtime.workspace import Workspace
        from archsmith.strategies.evolution import RegularizedEvolution
        from archsmith.testing.toys import Mixed, ToyEvaluator

        self.store = Workspace(workspace).create("many")
        search = Search(
            Problem(Mixed()), RegularizedEvolution(), ToyEvaluator(), budget=Budget(trials=n), store=self.store
        )
        search.run()
        self.id = self.store.folder.name
        self._events = [event for event in self.store.read() if event.kind in ("proposed", "finished")][-2:]
        self._n = n
        self.store.acquire()

    def add(self) -> None:
        """One trial more, as the last one was."""
        from archsmith.core.events import Event

        proposed, finished = self._events
        row = {**proposed.data["trials"][0], "trial": self._n}
        self.store.append([Event("proposed", {**proposed.data, "trials": [row]})])
        self.store.append([Event("finished", {**finished.data, "trial": self._n})])
        self._n += 1


class App:
    """``archsmith app`` in a process of its own. ``answered``: seconds from its start to its first answer."""

    def __init__(self, workspace: Path) -> None:
        began = time.perf_counter()
        words = [sys.executable, "-m", "archsmith", "app", "--port", "0", "--workspace", str(workspace)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.address = next(word for word in line.split() if word.startswith("http://"))
        urllib.request.urlopen(f"{self.address}/api/v1/about").close()
        self.answered = time.perf_counter() - began

    def __enter__(self) -> App:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)

    def cpu(self) -> float:
        """CPU seconds so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory_mb(self) -> float:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Bench:
    """``ok``: has every limit been kept so far?"""

    def __init__(self, app: App, study: Study, browser: Any) -> None:
        self.app, self.study, self.browser = app, study, browser
        self.ok = True

    def limit(self, told: str, kept: bool) -> None:
        print(f"{told}{'' if kept else '   BROKEN'}", flush=True)
        self.ok &= kept

    @property
    def page(self) -> str:
        return f"{self.app.address}/studies/{self.study.id}"

    def start(self) -> None:
        print(f"start: first answer after {self.app.answered:.2f} s, {self.app.memory_mb():.0f} MB")
        told = [float(subprocess.check_output([sys.executable, "-c", IMPORT])) for _ in range(3)]
        print(f"start: import of the app {statistics.median(told):.2f} s")

    def paint(self) -> None:
        for name, n in (("first look", 1), ("later looks", LOOKS)):
            seen = [self._painted() for _ in range(n)]
            first, largest = (statistics.median(each) / 1000 for each in zip(*seen, strict=True))
            self.limit(
                f"paint, {name}: first paint {first:.2f} s (limit {PAINT_LIMIT:g}), largest part {largest:.2f} s",
                first <= PAINT_LIMIT,
            )
        print(f"paint: the app then takes {self.app.memory_mb():.0f} MB")

    def _painted(self) -> tuple[float, float]:
        """Milliseconds until the first and the largest part of the page were there."""
        context = self.browser.new_context(viewport={"width": 1440, "height": 900})
        try:
            page = context.new_page()
            page.goto(self.page)
            first, largest = page.evaluate(PAINTED)
            return first, largest
        finally:
            context.close()

    def live(self) -> None:
        context = self.browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.add_init_script(WATCH)
        page.goto(self.page)
        page.wait_for_timeout(3000)
        idle = self._cpu_of(page, add=False)
        page.evaluate("window.took.length = 0")
        busy = self._cpu_of(page, add=True)
        took = [each / 1000 for each in page.evaluate("window.took")]
        context.close()
        if not took:
            self.limit("live: the page has not changed", False)
            return
        server = (busy - idle) / UPDATES
        browser = sorted(took)[int(0.95 * (len(took) - 1))]
        self.limit(
            f"live: an update takes {1000 * server:.0f} ms of the app and {1000 * browser:.0f} ms of the browser "
            f"(19 of 20), {1000 * (server + browser):.0f} ms (limit {1000 * LIVE_LIMIT:g})",
            server + browser <= LIVE_LIMIT,
        )

    def _cpu_of(self, page: Any, add: bool) -> float:
        """CPU seconds of the app in a while, with or without trials that are added."""
        before = self.app.cpu()
        for _ in range(UPDATES):
            if add:
                self.study.add()
            page.wait_for_timeout(1000 * EVERY)
        return self.app.cpu() - before


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--only", choices=PARTS, action="append", help="a part; may be repeated")
    options = parser.parse_args()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print('Skipped: this needs playwright (pip install -e ".[e2e]").')
        return 0
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("Skipped: this needs chromium.")
        return 0
    print(f"{options.trials:,} trials; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as running:
        study = Study(Path(folder), options.trials)
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with App(Path(folder)) as app:
            bench = Bench(app, study, browser)
            for part in PARTS:
                if not options.only or part in options.only:
                    getattr(bench, part)()
        browser.close()
        study.store.release()
    return 0 if bench.ok else 1


if __name__ == "__main__":
    sys.exit(record.run(main))
