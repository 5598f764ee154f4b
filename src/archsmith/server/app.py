"""The ASGI application: every request passes the guard, finds its handler, and gets an answer within its time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

import orjson

from archsmith.core.errors import told
from archsmith.server.api import Api
from archsmith.server.guard import HEADERS, Guard
from archsmith.server.logs import Log
from archsmith.server.metrics import Metrics
from archsmith.server.refusals import Refusal
from archsmith.server.registry import LOADED, SWAPPED, Place, Registry
from archsmith.server.request import JSON, Answer, Gone, Receive, Request, Room, Scope, Send
from archsmith.server.routes import Route, Router
from archsmith.server.settings import Settings

CLOSED = 499  # in log and metrics: the client went away before there was an answer


class App:
    """A server of the models in ``registry``.

    ``pages``: further routes, such as pages to look at.
    """

    def __init__(self, registry: Registry, metrics: Metrics, log: Log, pages: Iterable[Route] = ()) -> None:
        self.registry = registry
        self.settings: Settings = registry.settings
        self.api = Api(registry, metrics)
        self._metrics = metrics
        self._log = log
        self._guard = Guard(self.settings)
        self._router = Router([*self.api.routes(), *pages])
        self._room = Room(self.settings.memory_bytes, self.settings.queue)
        metrics.in_flight(lambda: self._room.n_requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        request: Request | None = None
        try:
            request = Request(scope, receive, self._room, self.settings.request_bytes)
            answer = await self._answer(request)
        except Refusal as refusal:
            answer = _refused(refusal, scope["path"])
        except Gone:
            answer = Answer(b"", CLOSED)
        except Exception as error:  # a defect of ours: the request ends, the server goes on
            self._log.say("error", path=scope["path"], error=told(error))
            failed = Refusal(500, "internal", "The server has failed.", "Its log says why, unless --log is off.")
            answer = _refused(failed, scope["path"])
        finally:
            if request is not None:
                request.end()
        if answer.status != CLOSED:
            await _send(send, answer, scope["method"] == "HEAD")
        seconds = time.perf_counter() - began
        model, n = (request.model, request.n) if request is not None else ("", 0)
        self._metrics.answered(model, answer.status, seconds, n)
        self._log.say(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=answer.status,
            ms=round(1000 * seconds, 2),
            model=model,
            n=n,
        )

    async def _answer(self, request: Request) -> Answer:
        self._guard.check(request)
        route, parts = self._router.find(request.method, request.path)
        try:
            async with asyncio.timeout(self.settings.seconds):
                return await route.handler(request, parts)
        except TimeoutError as error:
            if request.is_read or request.method != "POST":
                long = "Try again with fewer examples, or start the server with a larger --seconds."
                raise Refusal.busy(
                    f"The request was not done within {self.settings.seconds:g} seconds.",
                    *([long] if request.is_read else []),
                ) from error
            raise Refusal(
                408, "slow", f"The request did not arrive within {self.settings.seconds:g} seconds.", "Send it faster."
            ) from error


def tell_of(log: Log, metrics: Metrics) -> Callable[[str, Place], None]:
    """What a registry is to call when something happens to a model."""

    def tell(what: str, place: Place) -> None:
        metrics.changed(place.name, what)
        version = "" if place.model is None else place.model.version
        # what is refused or gone is another version than the one that goes on
        known = {"version": version} if what in (LOADED, SWAPPED) else {"serving": version}
        log.say(f"model {what}", model=place.name, **known, reason=place.refused or "")

    return tell


def _refused(refusal: Refusal, path: str) -> Answer:
    body = refusal.body()
    if path.startswith("/v2"):  # whose protocol knows one text
        text = f"{refusal.message} {refusal.hint}" if refusal.hint else refusal.message
        body = orjson.dumps({"error": text})
    return Answer(body, refusal.status, JSON, refusal.headers)


async def _send(send: Send, answer: Answer, head: bool) -> None:
    headers = [*HEADERS, (b"content-type", answer.type.encode()), (b"content-length", b"%d" % len(answer.body))]
    if answer.headers:
        own = {name.encode(): value.encode() for name, value in answer.headers.items()}
        headers = [*(pair for pair in headers if pair[0] not in own), *own.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})
