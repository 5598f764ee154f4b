"""HTTP/1.1 as uvicorn and llhttp speak it, within limits that they do not have: time and size of the headers, the
number of connections, and an end for who goes on sending after a refusal, or does not take an answer.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from archsmith.server.guard import HEADERS
from archsmith.server.refusals import Refusal

MOST_HEADER_BYTES = 32 * 1024
MOST_HEADERS = 100
FRAMING = 8  # bytes that one byte of content may take: the smallest chunk has 6
HEADER_SECONDS = 10.0
LINGER_SECONDS = 5.0  # for which a body is still taken in after its request was refused


class Protocol(HttpToolsProtocol):
    """One connection. ``most_connections`` belongs to the class that ``limited`` makes."""

    most_connections = 1024
    header_seconds = HEADER_SECONDS

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._in_headers = True  # has the next request not said all its headers yet?
        self._header_bytes = 0
        self._in_body = False
        self._framing_bytes = 0  # of the body, beyond what its content may take
        self._clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            self._refuse(Refusal.busy("The server has as many connections as it takes."))
            return
        self._wait(self.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing() or self.parser is None:
            return
        if self._in_headers:
            self._header_bytes += len(data)
        elif self._in_body:
            self._framing_bytes += len(data)
        super().data_received(data)
        if self._in_body and self._framing_bytes > MOST_HEADER_BYTES:  # chunks of nothing, or headers behind the body
            self._refuse_headers()
        if self._in_headers and self._header_bytes:  # more of them has to come
            if self._header_bytes > MOST_HEADER_BYTES:
                self._refuse_headers()
            elif self._clock is None:
                self._wait(self.header_seconds)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_headers, self._in_body = True, False
        self._header_bytes = self._header_bytes or 1  # the bytes of this part may have begun with another request

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > MOST_HEADERS:
            raise httptools.HttpParserError("too many headers")

    def on_headers_complete(self) -> None:
        self._in_headers, self._in_body, self._header_bytes, self._framing_bytes = False, True, 0, 0
        self._stop_clock()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._framing_bytes -= FRAMING * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_headers, self._in_body = True, False
        self._stop_clock()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._wait(self.timeout_keep_alive)  # for the answer to be taken
        elif self._in_body:
            self._wait(LINGER_SECONDS)

    def timeout_keep_alive_handler(self) -> None:
        """No further request came. What the client has not taken of the last answer by now, it does not get."""
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        self._refuse(Refusal(400, "malformed", "The request is not HTTP as it should be."))

    def _refuse_headers(self) -> None:
        self._refuse(Refusal(431, "headers", f"The headers have more than {MOST_HEADER_BYTES:,} bytes."))

    def _refuse(self, refusal: Refusal) -> None:
        """Answer and close, whatever the state of the request."""
        self._stop_clock()
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:  # no other answer is on its way
            if cycle is not None:
                cycle.disconnected = True  # what the application still has to say is not sent
            body = refusal.body()
            headers = {"content-type": "application/json", "content-length": str(len(body)), **refusal.headers}
            lines = [f"HTTP/1.1 {refusal.status} {refusal.code}", "connection: close"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            lines += [f"{name.decode()}: {value.decode()}" for name, value in HEADERS]
            self.transport.write("\r\n".join((*lines, "", "")).encode() + body)
        self.transport.close()

    def _wait(self, seconds: float) -> None:
        self._stop_clock()
        self._clock = self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        self._clock = None
        if self.transport.is_closing():
            self.transport.abort()
        elif self._in_headers:
            self._refuse(Refusal(408, "slow", "The headers did not arrive in time."))
        else:
            self.transport.close()

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None


def limited(most_connections: int) -> type[Protocol]:
    """The protocol for a server that takes so many connections."""
    return type("Limited", (Protocol,), {"most_connections": most_connections})
