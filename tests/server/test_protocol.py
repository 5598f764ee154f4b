"""HTTP as it should not be: each form is refused, and the server goes on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from archsmith.server import protocol

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


LARGE = 50_000_000


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of the body; at /refused without reading it."""
    if scope["path"] == "/large":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % LARGE)]})
        await send({"type": "http.response.body", "body": bytes(LARGE)})
        return
    n, more = 0, scope["path"] != "/refused"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        n, more = n + len(message["body"]), message["more_body"]
    text = str(n).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text})


def against(what: Callable[[int], Any], most: int = 100, **changed: float) -> Any:
    """Run ``what(port)`` beside a server of this protocol."""

    async def main() -> Any:
        config = uvicorn.Config(
            echo, ws="none", lifespan="off", log_config=None, access_log=False, timeout_keep_alive=1
        )
        state = ServerState()
        kind = type("Changed", (protocol.limited(most),), changed)
        server = await asyncio.get_running_loop().create_server(
            lambda: kind(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        try:
            return await asyncio.wait_for(what(server.sockets[0].getsockname()[1]), 60)
        finally:
            server.close()
            for connection in list(state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)

    return asyncio.run(main())


def answers(*sent: bytes, **settings: Any) -> bytes:
    """All that the server says until it closes; it closes by itself only where it refuses."""

    async def talk(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for part in sent:
            writer.write(part)
            await asyncio.sleep(0.01)
        found = await reader.read()
        writer.close()
        return found

    said: bytes = against(talk, **settings)
    return said


CLOSE = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def test_whole_requests_are_answered_one_after_the_other() -> None:
    said = answers(GET + POST + b"Content-Length: 3\r\n\r\nabc" + CLOSE)
    assert said.count(b"HTTP/1.1 200") == 3 and b"\r\n\r\n3" in said


@pytest.mark.parametrize(
    "sent",
    [
        b"garbage\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 3x\r\n\r\nabc",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        POST + b"Content-Length : 3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: local\0host\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(101)) + b"\r\n",
    ],
    ids=range(15),
)
def test_what_is_not_http_as_it_should_be(sent: bytes) -> None:
    said = answers(sent)
    assert said.startswith(b"HTTP/1.1 400") and said.count(b"HTTP/1.1") == 1
    assert b'"code":"malformed"' in said


def test_headers_without_an_end_are_refused() -> None:
    said = answers(GET[:-2], *[b"X: " + b"x" * 9000 + b"\r\n"] * 4)
    assert said.startswith(b"HTTP/1.1 431")


def test_one_header_without_an_end_is_refused() -> None:
    assert answers(b"GET /" + b"x" * 9000, *[b"x" * 9000] * 4).startswith(b"HTTP/1.1 431")


def test_headers_behind_the_body_have_the_same_limit() -> None:
    chunks = POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 3
    assert b"\r\n\r\n3" in answers(chunks + b"0\r\nX: 1\r\n\r\n" + CLOSE)
    assert answers(chunks, b"0\r\nX: ", *[b"x" * 30_000] * 3).startswith(b"HTTP/1.1 431")


def test_the_smallest_chunks_are_taken() -> None:
    sent = [b"1\r\na\r\n" * 5_000] * 4
    assert b"\r\n\r\n20000" in answers(POST + b"Transfer-Encoding: chunked\r\n\r\n", *sent, b"0\r\n\r\n" + CLOSE)


@pytest.mark.parametrize("sent", [b"", GET[:20]])
def test_headers_that_do_not_come_are_not_waited_for(sent: bytes) -> None:
    assert answers(sent, header_seconds=0.05).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("sent", [(GET, GET[:20]), (GET + GET[:20],)])
def test_the_second_request_of_a_connection_has_the_same_time(sent: tuple[bytes, ...]) -> None:
    said = answers(*sent, header_seconds=0.2)
    assert said.startswith(b"HTTP/1.1 200") and b"HTTP/1.1 408" in said


def test_a_body_that_was_refused_is_not_taken_in_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.05)
    said = answers(b"POST /refused HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\nabc")
    assert said.count(b"HTTP/1.1 200") == 1


@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"])
def test_an_answer_that_nobody_takes_is_not_kept(last: bytes) -> None:
    async def silent(port: int) -> int:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n" + last + b"\r\n")
            await asyncio.sleep(2)  # the server has given up by now, and what was on its way is all that there is
            client.setblocking(False)
            taken = 0
            while True:
                try:
                    part = await asyncio.get_running_loop().sock_recv(client, 1_000_000)
                except ConnectionResetError:
                    return taken
                if not part:
                    return taken
                taken += len(part)

    assert against(silent) < LARGE


def test_more_connections_than_it_takes() -> None:
    async def three(port: int) -> list[bytes]:
        open_ = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        refused = await open_[2][0].read()
        open_[0][1].write(CLOSE)
        answered = await open_[0][0].read()
        for _, writer in open_:
            writer.close()
        return [refused, answered]

    refused, answered = against(three, most=2)
    assert refused.startswith(b"HTTP/1.1 503") and b"retry-after: 1" in refused
    assert answered.startswith(b"HTTP/1.1 200")
