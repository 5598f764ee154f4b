"""Examples gather only while their network is busy, and every caller gets the rows of its own."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from archsmith.server.batching import FEW_BYTES, Batcher


class Net:
    """Doubles its input; waits for ``go`` where it is told to."""

    def __init__(self, waits: bool = False) -> None:
        self.calls: list[int] = []
        self.go = threading.Event()
        self.threads: set[str] = set()
        if not waits:
            self.go.set()

    def __call__(self, inputs: Any) -> list[Any]:
        assert self.go.wait(30)
        self.calls.append(len(inputs["x"]))
        self.threads.add(threading.current_thread().name)
        return [2 * inputs["x"]]


def rows(*values: float, width: int = 1) -> dict[str, Any]:
    return {"x": np.array(values, np.float32)[:, None].repeat(width, 1)}


def run(net: Net, what: Any, **settings: Any) -> Any:
    async def main() -> Any:
        with ThreadPoolExecutor(4) as pool:
            return await asyncio.wait_for(what(Batcher(net, pool, **settings)), 60)

    return asyncio.run(main())


def test_an_idle_network_runs_at_once() -> None:
    net = Net()

    async def one(batcher: Batcher) -> Any:
        return await batcher.submit(rows(1, 2), 2)

    (found,) = run(net, one, window=1000.0)
    assert found.ravel().tolist() == [2, 4] and net.calls == [2]


def gathering(net: Net, sent: list[dict[str, Any]]) -> Any:
    """Send the first, and the others while it runs."""

    async def all_of_them(batcher: Batcher) -> Any:
        tasks = []
        for inputs in sent:
            tasks.append(asyncio.create_task(batcher.submit(inputs, len(inputs["x"]))))
            await asyncio.sleep(0)
        net.go.set()
        return [(await task)[0] for task in tasks]

    return all_of_them


def test_what_comes_while_it_is_busy_goes_together() -> None:
    net = Net(waits=True)
    found = run(net, gathering(net, [rows(value) for value in range(6)]), batch=4)
    assert [array.item() for array in found] == [0, 2, 4, 6, 8, 10]
    assert net.calls == [1, 4, 1]


def test_inputs_of_other_shapes_do_not_go_together() -> None:
    net = Net(waits=True)
    sent = [rows(1), rows(2), rows(3, width=2), rows(4)]
    found = run(net, gathering(net, sent))
    assert [array.shape for array in found] == [(1, 1), (1, 1), (1, 2), (1, 1)]
    assert net.calls == [1, 2, 1]


def test_it_waits_for_others_only_as_long_as_the_window() -> None:
    net = Net(waits=True)

    async def two(batcher: Batcher) -> Any:
        first = asyncio.create_task(batcher.submit(rows(1), 1))
        await asyncio.sleep(0)
        second = asyncio.create_task(batcher.submit(rows(2), 1))
        await asyncio.sleep(0)
        assert batcher.running == 1  # there is a free thread, but others may come
        while batcher.running < 2:
            await asyncio.sleep(0.001)
        net.go.set()
        return await first, await second

    assert run(net, two, threads=2, window=0.01) and net.calls == [1, 1]


def test_a_full_call_does_not_wait() -> None:
    net = Net(waits=True)

    async def three(batcher: Batcher) -> Any:
        tasks = [asyncio.create_task(batcher.submit(rows(value), 1)) for value in range(3)]
        for _ in range(3):
            await asyncio.sleep(0)
        running = batcher.running
        net.go.set()
        await asyncio.gather(*tasks)
        return running

    assert run(net, three, threads=2, batch=2, window=1000.0) == 2 and sorted(net.calls) == [1, 2]


def test_a_fast_network_runs_in_the_loop_with_all_of_one_turn() -> None:
    net = Net()

    async def many(batcher: Batcher) -> Any:
        return await asyncio.gather(*(batcher.submit(rows(value), 1) for value in range(5)))

    found = run(net, many, fast=True)
    assert [array.item() for (array,) in found] == [0, 2, 4, 6, 8] and net.calls == [5]
    assert net.threads == {threading.current_thread().name}


def test_many_bytes_never_run_in_the_loop() -> None:
    net = Net()

    async def one(batcher: Batcher) -> Any:
        return await batcher.submit({"x": np.zeros((1, FEW_BYTES), np.float32)}, 1)

    run(net, one, fast=True)
    assert threading.current_thread().name not in net.threads


@pytest.mark.parametrize("fast", [True, False])
def test_an_error_reaches_all_who_shared_the_call(fast: bool) -> None:
    def fails(inputs: Any) -> list[Any]:
        raise ValueError("broken")

    async def two(batcher: Batcher) -> Any:
        return await asyncio.gather(*(batcher.submit(rows(value), 1) for value in range(2)), return_exceptions=True)

    found = run(fails, two, fast=fast)  # type: ignore[arg-type]
    assert [str(error) for error in found] == ["broken", "broken"]


def test_whom_nobody_waits_for_is_dropped() -> None:
    net = Net(waits=True)

    async def three(batcher: Batcher) -> Any:
        tasks = [asyncio.create_task(batcher.submit(rows(value), 1)) for value in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
        net.go.set()
        return [(await tasks[place])[0].item() for place in (0, 2)]

    assert run(net, three) == [0, 4] and net.calls == [1, 1]


def test_every_call_is_told() -> None:
    told: list[int] = []
    net = Net(waits=True)
    run(net, gathering(net, [rows(1), rows(2, 3), rows(4)]), on_call=told.append)
    assert told == [1, 3]
