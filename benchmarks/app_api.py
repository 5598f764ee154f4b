"""Every address of the app's API: is each answered well when it is asked well, and none with an error of the app
whatever it is asked?

    python benchmarks/app_api.py [--schemathesis PROGRAM] [--seconds 600] [--examples 50]

The app runs in an empty workspace with one short study of the sample. First each address of the description
(OpenAPI) is asked as a person would; then schemathesis (``pip install schemathesis``, best in an environment of its
own) makes requests of all kinds from the description, some with ids that exist. An answer of 500 or more is a fault.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import record

API = "/api/v1"
STREAM = f"{API}/studies/{{id}}/events"  # never ends, so only its beginning is asked for
REMOVE = ("DELETE", f"{API}/studies/{{study}}")  # asked last: all others need the study
WAIT_SECONDS = 900.0
TABLE = "height,width,kind\n" + "".join(f"{i % 17},{i % 5},{'ab'[i % 2]}\n" for i in range(300))

HOOKS = """
import json, os, random
import schemathesis

KNOWN = json.loads(os.environ["KNOWN"])
random.seed(0)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if not path_parameters or context.operation.method.upper() == "DELETE":
        return path_parameters
    for name in path_parameters:
        known = KNOWN.get(f"{context.operation.path} {name}") or KNOWN.get(name)
        if known and random.random() < 0.6:
            path_parameters[name] = random.choice(known)
    return path_parameters


@schemathesis.hook
def after_call(context, case, response):
    with open(os.environ["CALLS"], "a") as file:
        file.write(json.dumps([case.operation.method.upper(), case.operation.path, response.status_code]) + "\\n")
"""


class Answer(NamedTuple):
    """Of one request. ``json``: its content, where it is JSON."""

    status: int
    json: Any


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--schemathesis", default="schemathesis")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--examples", type=int, default=50)
    given = parser.parse_args()
    if shutil.which(given.schemathesis) is None:
        print("Skipped: schemathesis is not installed.")
        return 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place, app(Path(place)) as address:
        walk = Walk(address)
        walk.all()
        calls = fuzzed(given, address, walk.known(), Path(place))
        walk.end()
    asked = [(method, path) for path, methods in walk.paths.items() for method in methods]
    reached = {(method, path) for method, path, status in [*walk.calls, *calls] if 200 <= status < 300}
    faults = Counter((method, path, status) for method, path, status in [*walk.calls, *calls] if status >= 500)
    faults = Counter({key: n for key, n in faults.items() if key[2] not in (503, 507)})  # busy, full
    for method, path in asked:
        if (method, path) not in reached:
            print(f"never answered well: {method} {path}", walk.said.get((method, path), ""))
    for (method, path, status), n in faults.items():
        print(f"{status} from {method} {path}: {n} times")
    print(f"{len(reached & {*asked})} of {len(asked)} addresses were answered well")
    print(f"{len(calls):,} requests of schemathesis, {sum(faults.values())} answered with an error of the app")
    return int(bool(faults) or len(reached & {*asked}) < len(asked))


@contextlib.contextmanager
def app(place: Path) -> Iterator[str]:
    """An app that runs; its address."""
    said, allowed = place / "said", place / "allowed"
    allowed.mkdir()
    (allowed / "own.csv").write_text(TABLE)
    compare = ["compare", "--bench", "digits", "--strategies", "random,local", "--trials", "5", "--runs", "2"]
    compare += ["--workspace", str(place / "workspace")]
    subprocess.run([sys.executable, "-m", "archsmith", *compare], check=True, capture_output=True)
    words = ["app", "--port", "0", "--workspace", str(place / "workspace"), "--allow-paths", str(allowed)]
    with said.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", "archsmith", *words], stdout=file, stderr=file)
    try:
        while not (found := re.search(r"http://\S+", said.read_text())):
            if process.poll() is not None:
                raise SystemExit(said.read_text())
            time.sleep(0.1)
        yield found[0]
    finally:
        process.terminate()
        process.wait()
        sys.stderr.write("".join(said.read_text().splitlines(keepends=True)[1:][-40:]))


class Walk:
    """Asks each address as a person would."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.calls: list[tuple[str, str, int]] = []
        self.said: dict[tuple[str, str], str] = {}
        self.study = ""
        self.paths: dict[str, list[str]] = {}
        self.network = self.table = ""

    def all(self) -> None:
        """From the description of the API to the last address."""
        document = self.ask("GET", f"{API}/openapi.json").json
        self.paths = {path: [method.upper() for method in methods] for path, methods in document["paths"].items()}
        self.study = self.ok("POST", "/studies", {}, {"data": "digits", "seconds": 600, "pretrained": False})["study"]
        self.ok("POST", "/studies/{study}/pause", {"study": self.study})
        self.ok("POST", "/studies/{study}/resume", {"study": self.study}, {"more": None})
        self.until(lambda: self.ask("GET", f"{API}/studies/{self.study}/trials/0").status == 200)
        self.ok("POST", "/studies/{study}/stop", {"study": self.study})
        self.ended()
        self.table = self.ok("POST", "/data", {}, TABLE.encode(), query="?name=own.csv")["id"]
        self.settled(self.table)
        self.ok("POST", "/data/{id}/check", {"id": self.table}, {"target": "kind"})
        self.settled(self.table)
        path = self.ok("POST", "/data/paths", {}, {"path": "own.csv"})["id"]
        self.settled(path)
        self.settled("digits", checked=False)
        self.ok("DELETE", "/data/{id}", {"id": path})
        for method, template in [(method, path) for path, methods in self.paths.items() for method in methods]:
            if not any(call[:2] == (method, template) for call in (*self.calls, REMOVE)):
                self.guess(method, template)

    def end(self) -> None:
        """End what was started, since searches and servers outlive the app; and remove the study."""
        for job in self.ask("GET", f"{API}/jobs").json["jobs"]:
            if job["running"]:
                self.ask("POST", f"{API}/studies/{job['study'] or job['id']}/pause")
        self.ask("DELETE", f"{API}/models/{self.study}/endpoint")
        self.ok("DELETE", "/studies/{study}", {"study": self.study})

    def ended(self) -> None:
        """Wait until the study runs no more."""
        self.until(lambda: not self.ask("GET", f"{API}/studies/{self.study}/log").json["running"])

    def settled(self, id: str, *, checked: bool = True) -> None:
        """Wait until the app has looked at data."""
        if not checked:
            self.ask("POST", f"{API}/data/{id}/check", {})
        self.until(
            lambda: (
                (found := self.ask("GET", f"{API}/data/{id}").json)["state"] != "checking" and not found["measuring"]
            )
        )

    def guess(self, method: str, template: str) -> None:
        """Ask for what exists: the ids of the walk, and otherwise the first of a list."""
        values = {}
        for name in re.findall(r"{(\w+)}", template):
            values[name] = next(iter(self.values(template, name)), "0")
        body: Any = {"label": "1"} if method == "PUT" else None
        query = ""
        if template.endswith(("/predict", "/occlusion")):
            body = self.picture()
        if template.endswith("/forecast"):
            body = {}
        if template.endswith("/differences"):
            query = f"?study={self.study}&a=exported&b=0"
        self.ok(method, template.removeprefix(API), values, body, query=query)

    def values(self, template: str, name: str) -> list[str]:
        known = self.known()
        return known.get(f"{template} {name}") or known.get(name) or []

    def known(self) -> dict[str, list[str]]:
        """What exists, by the names of parameters."""
        mistakes = self.found("index", f"/models/{self.study}/mistakes")
        compared = self.found("name", "/comparisons")
        return {
            "study": [self.study],
            "id": [self.study, self.table, "digits"],
            **{f"{path} id": [self.table, "digits"] for path in self.paths if path.startswith(f"{API}/data/")},
            f"{API}/data/{{id}}/pictures/{{place}} id": ["digits"],
            f"{API}/models/{{id}}/files/{{name}} name": self.found("name", f"/models/{self.study}/files"),
            f"{API}/comparisons/{{name}} name": compared,
            f"{API}/comparisons/{{name}}/files/{{file}} name": compared,
            "name": ["exported", "0"],
            "file": ["results.json"],
            "trial": ["0"],
            "index": mistakes,
            "place": ["0"],
        }

    def found(self, name: str, path: str) -> list[str]:
        """All values of ``name`` in what an address says."""
        said = json.dumps(self.ask("GET", API + path).json)
        return sorted({text.strip('"') for text in re.findall(rf'"{name}": ("[^"]+"|\d+)', said)})

    def picture(self) -> bytes:
        """A small PNG."""
        import io

        from PIL import Image

        made = io.BytesIO()
        Image.new("L", (8, 8), 7).save(made, "PNG")
        return made.getvalue()

    def ok(self, method: str, template: str, values: dict[str, str], body: Any = None, *, query: str = "") -> Any:
        """Ask; what came of it is noted under the ``template``."""
        path = API + re.sub(r"{(\w+)}", lambda found: quote(values[found[1]], safe=""), template)
        answer = self.ask(method, path + query, body, beginning=API + template == STREAM)
        self.calls.append((method, API + template, answer.status))
        if answer.status >= 300 and method == "POST" and template.startswith("/studies"):
            raise SystemExit(f"{method} {path}: {answer.status} {answer.json}")
        if answer.status >= 300:
            self.said[method, API + template] = f"{answer.status} {str(answer.json)[:200]}"
        return answer.json

    def ask(self, method: str, path: str, body: Any = None, *, beginning: bool = False) -> Answer:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        kind = {} if data is None else {"content-type": "application/json"}
        if isinstance(body, bytes):
            kind = {"content-type": "image/png" if body.startswith(b"\x89PNG") else "application/octet-stream"}
        request = urllib.request.Request(self.address + path, data, kind, method=method)
        try:
            with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:
                said = answer.read(50) if beginning else answer.read()
                return Answer(
                    answer.status, json.loads(said or b"null") if "json" in answer.headers.get_content_type() else None
                )
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode("utf-8", "replace"))

    def until(self, true: Any) -> None:
        end = time.monotonic() + WAIT_SECONDS
        while not true():
            if time.monotonic() > end:
                raise SystemExit("The app takes too long.")
            time.sleep(0.5)


def fuzzed(
    given: argparse.Namespace, address: str, known: dict[str, list[str]], place: Path
) -> list[tuple[str, str, int]]:
    """What schemathesis asked: method, address, and status."""
    (place / "app_api_hooks.py").write_text(HOOKS)
    calls = place / "calls"
    environment = {
        **os.environ,
        "PYTHONPATH": str(place),
        "SCHEMATHESIS_HOOKS": "app_api_hooks",
        "KNOWN": json.dumps(known),
        "CALLS": str(calls),
    }
    words = ["run", f"{address}{API}/openapi.json", "--checks", "not_a_server_error", "--seed", "0"]
    words += ["--phases", "examples,coverage,fuzzing", "--max-examples", str(given.examples), "--continue-on-failure"]
    words += ["--max-time", str(given.seconds), "--request-timeout", "60", "--exclude-path", STREAM]
    words += ["--suppress-health-check", "all"]
    done = subprocess.run([given.schemathesis, *words], env=environment, cwd=place, capture_output=True, text=True)
    sys.stderr.write(done.stdout[-3000:] + done.stderr[-2000:])
    return [tuple(json.loads(line)) for line in calls.read_text().splitlines()] if calls.exists() else []


if __name__ == "__main__":
    sys.exit(record.run(main))
