"""What does a server of a bundle take where nothing is installed? The steps of the bundle's own ``Dockerfile`` are
carried out in a fresh virtual environment: seconds of the installation, its size, seconds of ``import archsmith``, and
seconds from the start of the server to its first prediction.

    python benchmarks/serve_clean.py models/digits

Without a bundle, one of the digits is made first. A wheel is built from this checkout and laid beside the Dockerfile.
``USER`` and ``RUN useradd`` are left out, and ``/srv`` and the port are replaced; all else is done as it stands there.
It is an error if torch can be imported afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import secrets
import shlex
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import record

from archsmith.bundle.manifest import DOCKERFILE, read
from archsmith.client import Client
from archsmith.core.errors import ArchsmithError
from archsmith.core.seeds import generator

ROOT = Path(__file__).resolve().parent.parent
IMPORT_SECONDS, FIRST_SECONDS = 0.5, 2.0  # limits
RUNS = 5
PATIENCE = 60.0  # seconds after which a server that does not answer has failed
IMPORT = "import time; began = time.perf_counter(); import archsmith; print(time.perf_counter() - began)"


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Instructions of a Dockerfile and what they say, with lines that go on joined."""
    joined = re.sub(r"\\\n\s*", "", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    for line in filter(None, joined.splitlines()):
        word, _, rest = line.partition(" ")
        yield word, rest


class Image:
    """What the steps make: a folder in the place of ``/srv``, and a virtual environment.

    ``context``: the folder of the Dockerfile.
    ``place``: an empty folder.
    """

    def __init__(self, context: Path, place: Path) -> None:
        self.context, self.srv, self.venv = context, place / "srv", place / "venv"
        self.port = free_port()
        self.command: list[str] = []
        self.health: list[str] = []
        self.install_seconds = 0.0
        # nothing of this process: neither its packages nor its settings
        self.environment = {
            "PATH": f"{self.venv / 'bin'}:{os.defpath}",
            "HOME": str(place),
            "ARCHSMITH_TOKEN": secrets.token_urlsafe(),
            **{name: value for name, value in os.environ.items() if name.startswith("PIP_") or "proxy" in name.lower()},
        }

    def build(self) -> None:
        for word, rest in steps((self.context / DOCKERFILE).read_text(encoding="utf-8")):
            print(f"{word} {rest}", file=sys.stderr)
            getattr(self, f"_{word.lower()}", lambda rest: None)(rest)

    def _from(self, rest: str) -> None:
        subprocess.run([sys.executable, "-m", "venv", str(self.venv)], check=True)

    def _copy(self, rest: str) -> None:
        *patterns, target = rest.split()
        folder = Path(self._here(target))
        folder.mkdir(parents=True, exist_ok=True)
        for pattern in patterns:
            for path in self.context.glob(pattern):
                shutil.copy2(path, folder)

    def _run(self, rest: str) -> None:
        if rest.startswith("useradd"):
            return
        began = time.perf_counter()
        self.call([*shlex.split(self._here(rest)), "--quiet"])
        self.install_seconds += time.perf_counter() - began

    def _healthcheck(self, rest: str) -> None:
        self.health = json.loads(self._here(rest.partition("CMD ")[2]))

    def _cmd(self, rest: str) -> None:
        self.command = json.loads(self._here(rest))

    def _here(self, text: str) -> str:
        return text.replace("/srv", str(self.srv)).replace("8000", str(self.port))

    def call(self, command: list[str]) -> str:
        """What a program of the environment prints; it ends in an error if that does."""
        found = shutil.which(command[0], path=self.environment["PATH"]) or command[0]
        done = subprocess.run(
            [found, *command[1:]], env=self.environment, cwd=self.srv, stdout=subprocess.PIPE, text=True
        )
        done.check_returncode()
        return done.stdout

    def serve(self) -> subprocess.Popen[bytes]:
        found = shutil.which(self.command[0], path=self.environment["PATH"])
        assert found, f"{self.command[0]} is not installed"
        return subprocess.Popen([found, *self.command[1:]], env=self.environment, cwd=self.srv)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def first_prediction(image: Image, example: object) -> tuple[float, float]:
    """Seconds from the start of the server to its first prediction, and CPU seconds of its life: its health is checked,
    and it ends.
    """
    client = Client(f"http://127.0.0.1:{image.port}", image.environment["ARCHSMITH_TOKEN"])
    began = time.perf_counter()
    server = image.serve()
    try:
        while True:
            try:
                (model,) = client.models()
                (prediction,) = client.predict(model["name"], [example])
                break
            except ArchsmithError:
                if server.poll() is not None or time.perf_counter() - began > PATIENCE:
                    raise
                time.sleep(0.02)
        seconds = time.perf_counter() - began
        assert "error" not in prediction, prediction
        image.call(image.health)
    finally:
        server.terminate()
        before = cpu_of_ended()
        code = server.wait(PATIENCE)
    assert code == 0, f"the server ended with {code}"
    return seconds, cpu_of_ended() - before


def cpu_of_ended() -> float:
    """CPU seconds of all processes that this one has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def without_torch(image: Image) -> bool:
    try:
        image.call(["python", "-c", "import torch"])
    except subprocess.CalledProcessError:
        return True
    return False


def size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6


def an_example(bundle: Path) -> object:
    """One random example as a client sends it."""
    intake = read(bundle).intake
    schema = intake.example_schema()
    return schema["example"] if "columns" in intake.form() else intake.sample(1, generator(0, "serve clean"))[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path, nargs="?", help="default: one of the digits, made in 20 seconds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="serve-clean-") as folder:
        place = Path(folder)
        context = place / "bundle"
        if options.bundle is None:
            fit = [sys.executable, "-m", "archsmith", "fit", "digits", "--time", "20s"]
            subprocess.run([*fit, "--workspace", str(place / "studies"), "--out", str(context)], check=True)
        else:
            shutil.copytree(options.bundle, context)
        wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(context), str(ROOT)]
        subprocess.run(wheel, check=True)
        image = Image(context, place)
        image.build()
        assert without_torch(image), "torch is installed"
        (site,) = image.venv.glob("lib/python*/site-packages")
        import_seconds = statistics.median(float(image.call(["python", "-c", IMPORT])) for _ in range(RUNS))
        first, cpu = zip(*(first_prediction(image, an_example(context)) for _ in range(RUNS)), strict=True)
        print(f"installation: {image.install_seconds:.1f} s, {size_mb(site):.0f} MB of packages, without torch")
        print(f"import archsmith: {import_seconds:.3f} s (limit {IMPORT_SECONDS} s; median of {RUNS})")
        print(
            f"start to first prediction: {statistics.median(first):.2f} s (limit {FIRST_SECONDS} s; median of {RUNS}, "
            f"slowest {max(first):.2f} s); the first one ever {first[0]:.2f} s; {statistics.median(cpu):.2f} s of CPU "
            "from start to end of the server"
        )
        return int(import_seconds > IMPORT_SECONDS or statistics.median(first) > FIRST_SECONDS)


if __name__ == "__main__":
    sys.exit(record.run(main))
