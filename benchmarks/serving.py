"""A server of bundles under load, on loopback, against a bare loop over onnxruntime on the same machine.

    python benchmarks/serving.py [--only throughput|overhead|latency|soak|reload|cold] [--requests N] [--minutes M]

* throughput: requests a second for a network whose bare latency is 3 ms or more, as a share of a bare loop;
* overhead: CPU time that the server adds to a request, for a network of the size of the digits;
* latency: p99 against the mean at half of the highest load, and, for information, with arrivals at random;
* soak: errors in many requests, and the growth of the memory over minutes;
* reload: requests that are dropped while versions are exchanged, and what SIGTERM leaves unfinished;
* cold: time to import the server, and from its start to the first prediction.

Networks have random weights: speed does not depend on them. The load comes from a process of its own. One line for
each figure with its limit; the exit code is 1 if a limit is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import record

SHARE_LIMIT, OVERHEAD_LIMIT_MS, TAIL_LIMIT = 0.8, 0.5, 3.0
IMPORT_LIMIT, FIRST_LIMIT = 0.5, 2.0  # seconds
GROWTH_LIMIT_MB = 20.0
LEAST_MS = 3.0  # bare latency of the large network
PARTS = ("cold", "throughput", "overhead", "latency", "reload", "soak")
CONNECTIONS = 16
TICK = os.sysconf("SC_CLK_TCK")


# Networks


def make(folder: Path, side: int, filters: int, blocks: int, seed: int = 0) -> Path:
    """A bundle of grey pictures of ``side``×``side`` pixels: residual blocks of 3×3 convolutions."""
    from archsmith.bundle.export import export
    from archsmith.bundle.images import ImageIntake
    from archsmith.core.task import image_classification
    from archsmith.graphs.net import Net
    from archsmith.graphs.network import Network

    net = Net({"image": (1, side, side)})
    x = net.op("relu", net.op("conv", net.input("image"), filters=filters, kernel=(3, 3)))
    for _ in range(blocks):
        x = net.op("add", x, net.op("relu", net.op("conv", x, filters=filters, kernel=(3, 3))))
    net.output(net.op("linear", net.op("global_pool", x), features=10))
    graph = net.graph()
    task = image_classification((1, side, side), tuple("0123456789"))
    export(Network(graph, seed=seed), graph, task, folder, intake=ImageIntake(side, side, 1, (0.5,), (0.25,)))
    return folder


def picture(side: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, (side, side), dtype=np.uint8)


def bare(folder: Path, side: int, seconds: float, threads: int) -> tuple[float, float]:
    """Calls a second and CPU seconds a call of a loop over onnxruntime; ``threads`` 0: as onnxruntime likes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    given = {"image": picture(side)[None, :, :, None]}
    for _ in range(5):
        session.run(None, given)
    n, began, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        session.run(None, given)
        n += 1
    return n / (time.perf_counter() - began), (time.process_time() - cpu) / n


# The server


class Server:
    """``archsmith serve`` in a process of its own."""

    def __init__(self, *folders: Path, more: tuple[str, ...] = ()) -> None:
        self.began = time.perf_counter()
        words = [sys.executable, "-m", "archsmith", "serve", *map(str, folders), "--port", "0", "--log", "json", *more]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.port = int(line.rpartition(":")[2].split()[0])

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)

    def ask(self, path: str, content: bytes | None = None) -> str:
        """The text of one answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", content)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request) as answer:
            return str(answer.read(), "utf-8")

    def cpu(self) -> float:
        """CPU seconds so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory_mb(self) -> float:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def body(side: int) -> bytes:
    return json.dumps({"examples": [picture(side).tolist()], "top": 1}).encode()


def load(port: int, name: str, side: int, **given: Any) -> dict[str, Any]:
    """Send requests from a process of its own, and return what it counted."""
    told = json.dumps({"port": port, "name": name, "side": side, **given})
    done = subprocess.run([sys.executable, __file__, "--child", told], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# The process that sends


class Caller(asyncio.Protocol):
    """One connection: sends a request, waits for the whole answer."""

    def __init__(self) -> None:
        self.buffer = b""
        self.answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def call(self, request: bytes) -> asyncio.Future[int]:
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.answer

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if found:
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            if len(rest) >= length and self.answer is not None:
                self.buffer = b""
                self.answer.set_result(int(head[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(0)


async def send(told: dict[str, Any]) -> dict[str, Any]:
    """``n`` requests over ``connections``, each as soon as the last is answered; with ``rate``, so many a second."""
    loop = asyncio.get_running_loop()
    content = body(told["side"])
    head = f"POST /v1/models/{told['name']}/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content
    callers = [(await loop.create_connection(Caller, "127.0.0.1", told["port"]))[1] for _ in range(told["connections"])]
    seconds: list[float] = []
    errors = 0
    left = told["n"]

    async def one(caller: Caller, since: float) -> None:
        nonlocal errors
        try:
            status = await caller.call(request)
        except OSError:
            status = 0
        seconds.append(loop.time() - since)
        errors += status != 200

    async def again(caller: Caller) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await one(caller, loop.time())

    began = loop.time()
    if "rate" not in told:
        await asyncio.gather(*map(again, callers))
    else:
        free: asyncio.Queue[Caller] = asyncio.Queue()
        for caller in callers:
            free.put_nowait(caller)

        async def due(moment: float) -> None:
            caller = await free.get()
            await one(caller, moment)
            free.put_nowait(caller)

        rng, moment, tasks = random.Random(0), loop.time(), []
        for _ in range(told["n"]):
            moment += rng.expovariate(told["rate"]) if told["random"] else 1 / told["rate"]
            await asyncio.sleep(max(0.0, moment - loop.time()))
            tasks.append(asyncio.create_task(due(moment)))
        await asyncio.gather(*tasks)
    took = loop.time() - began
    seconds.sort()
    return {
        "rate": told["n"] / took,
        "errors": errors,
        "mean": statistics.fmean(seconds),
        "p50": seconds[len(seconds) // 2],
        "p99": seconds[int(0.99 * len(seconds))],
        "max": seconds[-1],
    }


# The parts


class Bench:
    """``small`` and ``large``: bundles, and the sides of their pictures."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.options = folder, options
        self.ok = True
        self.small, self.small_side = make(folder / "small", 8, 32, 2), 8
        self.large, self.large_side = make(folder / "large", 28, 64, 8), 28

    def limit(self, text: str, good: bool) -> None:
        self.ok = self.ok and good
        print(f"{text}  {'ok' if good else 'BROKEN'}", flush=True)

    def cold(self) -> None:
        imports = "import time; b = time.perf_counter(); import archsmith.server.run; print(time.perf_counter() - b)"
        found = [float(subprocess.check_output([sys.executable, "-c", imports])) for _ in range(5)]
        middle = statistics.median(found)
        self.limit(f"cold: import {middle:.2f} s (limit {IMPORT_LIMIT})", middle <= IMPORT_LIMIT)
        times = []
        for _ in range(5):
            with Server(self.small) as server:
                server.ask("/v1/models/small/predict", body(self.small_side))
                times.append(time.perf_counter() - server.began)
        first = statistics.median(times)
        self.limit(f"cold: first prediction {first:.2f} s after the start (limit {FIRST_LIMIT})", first <= FIRST_LIMIT)

    def throughput(self) -> None:
        n = self.options.requests or 4000
        alone, _ = bare(self.large, self.large_side, 5.0, 0)
        alone = max(alone, bare(self.large, self.large_side, 5.0, 1)[0])
        with Server(self.large) as server:
            load(server.port, "large", self.large_side, n=200, connections=CONNECTIONS)
            found = load(server.port, "large", self.large_side, n=n, connections=CONNECTIONS)
        again, _ = bare(self.large, self.large_side, 5.0, 0)
        alone = (alone + again) / 2
        share = found["rate"] / alone
        bare_ms = 1000 / bare(self.large, self.large_side, 2.0, 1)[0]
        print(f"throughput: bare latency with one thread {bare_ms:.2f} ms (meant: {LEAST_MS} or more)")
        self.limit(
            f"throughput: {found['rate']:.0f} requests/s, bare loop {alone:.0f}/s, share {share:.2f} (limit "
            f"{SHARE_LIMIT}), {found['errors']} errors",
            share >= SHARE_LIMIT and not found["errors"],
        )

    def overhead(self) -> None:
        n = self.options.requests or 20_000
        with Server(self.small) as server:
            for connections in (1, CONNECTIONS):
                load(server.port, "small", self.small_side, n=500, connections=connections)
                before = server.cpu()
                found = load(server.port, "small", self.small_side, n=n, connections=connections)
                cpu = (server.cpu() - before) / n
                rate, alone = bare(self.small, self.small_side, 3.0, 1)
                added = 1000 * (cpu - alone)
                self.limit(
                    f"overhead: {connections} connections, {1000 * cpu:.3f} ms CPU a request, network "
                    f"{1000 * alone:.3f} ms, added {added:.3f} ms (limit {OVERHEAD_LIMIT_MS}); {found['rate']:.0f} "
                    f"requests/s, mean {1000 * found['mean']:.2f} ms, {found['errors']} errors; bare loop {rate:.0f}/s",
                    added <= OVERHEAD_LIMIT_MS and not found["errors"],
                )

    def latency(self) -> None:
        for name, folder, side in (
            ("small", self.small, self.small_side),
            ("large", self.large, self.large_side),
        ):
            with Server(folder) as server:
                load(server.port, name, side, n=300, connections=CONNECTIONS)
                top = load(server.port, name, side, n=self.options.requests or 3000, connections=CONNECTIONS)["rate"]
                n = max(1000, round(10 * top))
                for random_ in (False, True):
                    found = load(server.port, name, side, n=n, connections=64, rate=top / 2, random=random_)
                    ratio = found["p99"] / found["mean"]
                    text = (
                        f"latency: {name}, {top / 2:.0f} requests/s {'at random' if random_ else 'evenly'}: mean "
                        f"{1000 * found['mean']:.2f} ms, p99 {1000 * found['p99']:.2f}, {ratio:.2f} × the mean"
                    )
                    if random_:
                        print(text, flush=True)
                    else:
                        good = ratio <= TAIL_LIMIT and not found["errors"]
                        self.limit(f"{text} (limit {TAIL_LIMIT:g})", good)

    def reload(self) -> None:
        n = self.options.requests or 20_000
        other = make(self.folder / "other", 8, 32, 2, seed=1)
        current = self.folder / "current"
        shutil.copytree(self.small, current)
        with Server(current) as server:
            told = json.dumps({"port": server.port, "name": "current", "side": 8, "n": n, "connections": CONNECTIONS})
            child = subprocess.Popen([sys.executable, __file__, "--child", told], stdout=subprocess.PIPE, text=True)
            swaps = 0
            seen = set()
            while child.poll() is None:
                source = (other, self.small)[swaps % 2]
                shutil.copytree(source, self.folder / "next")
                current.rename(self.folder / "last")
                (self.folder / "next").rename(current)
                shutil.rmtree(self.folder / "last")
                swaps += 1
                time.sleep(1.5)
                seen.add(json.loads(server.ask("/v1/models/current"))["version"])
            assert child.stdout is not None
            found = json.load(child.stdout)
        self.limit(
            f"reload: {found['errors']} of {n:,} requests dropped while the version changed {swaps} times, "
            f"{len(seen)} versions seen",
            not found["errors"] and len(seen) > 1,
        )
        self._ended()

    def _ended(self) -> None:
        """SIGTERM while requests are in flight: all that were sent get their answers, and the exit code is 0."""
        with Server(self.large) as server:
            told = {"port": server.port, "name": "large", "side": self.large_side, "n": 64, "connections": 64}
            child = subprocess.Popen(
                [sys.executable, __file__, "--child", json.dumps(told)], stdout=subprocess.PIPE, text=True
            )
            for _ in range(500):
                rows = server.ask("/metrics").splitlines()
                if any(row.startswith("archsmith_requests_in_flight") and float(row.split()[1]) >= 64 for row in rows):
                    break
            server.process.send_signal(signal.SIGTERM)
            code = server.process.wait(60)
            assert child.stdout is not None
            errors = json.load(child.stdout)["errors"]
        self.limit(
            f"reload: SIGTERM with 64 requests sent: {errors} unfinished, exit code {code}", not errors and not code
        )

    def soak(self) -> None:
        n = self.options.requests or 100_000
        with Server(self.small) as server:
            found = load(server.port, "small", self.small_side, n=n, connections=CONNECTIONS)
            self.limit(f"soak: {found['errors']} errors in {n:,} requests", not found["errors"])
            began, memory = time.monotonic(), []
            while time.monotonic() - began < 60 * self.options.minutes:
                load(server.port, "small", self.small_side, n=5000, connections=CONNECTIONS)
                memory.append(server.memory_mb())
            growth = memory[-1] - memory[len(memory) // 10]
            self.limit(
                f"soak: memory {memory[0]:.0f} to {memory[-1]:.0f} MB in {self.options.minutes:g} minutes, grown by "
                f"{growth:.1f} MB after the first tenth (limit {GROWTH_LIMIT_MB:g})",
                growth <= GROWTH_LIMIT_MB,
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, action="append", help="a part; may be repeated")
    parser.add_argument("--requests", type=int, help="requests of each part, instead of its own number")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the soak")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            print(json.dumps(runner.run(send(json.loads(options.child)))))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options)
        for part in PARTS:
            if not options.only or part in options.only:
                getattr(bench, part)()
    return 0 if bench.ok else 1


if __name__ == "__main__":
    sys.exit(record.run(main))
