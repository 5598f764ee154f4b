"""Which handler answers which path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from archsmith.server.refusals import Refusal
from archsmith.server.request import Answer, Request

Handler = Callable[[Request, Mapping[str, str]], Awaitable[Answer]]


@dataclass(frozen=True)
class Route:
    """``method``: GET or POST; a GET route answers HEAD as well.
    ``path``: such as ``/v1/models/{name}``; what stands in brackets is handed to the handler by name.
    ``handler``: gets the request and the parts of its path.
    """

    method: str
    path: str
    handler: Handler


class Router:
    """Finds the route of a request."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_length: dict[int, list[tuple[tuple[str, ...], Route]]] = {}
        for route in routes:
            parts = tuple(route.path.split("/"))
            self._by_length.setdefault(len(parts), []).append((parts, route))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route, and the parts of the path by name. Raises Refusal for a path or a method that there is not."""
        wanted = "GET" if method == "HEAD" else method
        given = path.split("/")
        allowed: list[str] = []
        for parts, route in self._by_length.get(len(given), ()):
            found = _match(parts, given)
            if found is None:
                continue
            if route.method == wanted:
                return route, found
            allowed.append(route.method)
        if allowed:
            methods = sorted({*allowed, *(["HEAD"] if "GET" in allowed else [])})
            allow = ", ".join(methods)
            raise Refusal(405, "method", f"{method[:16]} is not possible here.", f"Use {allow}.", {"allow": allow})
        raise Refusal(
            404, "no_route", f"There is nothing at {path[:100]!r}.", "GET /openapi.json lists all routes for programs."
        )


def _match(parts: tuple[str, ...], given: list[str]) -> dict[str, str] | None:
    found = {}
    for part, value in zip(parts, given, strict=True):
        if part.startswith("{") and value:
            found[part[1:-1]] = value
        elif part != value:
            return None
    return found
