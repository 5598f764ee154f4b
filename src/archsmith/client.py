"""Ask a model server (``archsmith serve``) for predictions. Needs the standard library only."""

from __future__ import annotations

import base64
import http.client
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from archsmith.core.errors import ArchsmithError, UsageError

MOST = 100  # examples in one request


class Client:
    """A server at an address.

    ``url``: such as ``http://127.0.0.1:8000``, with the path before ``/v1`` if there is one.
    ``token``: that the server asks for; None for none.
    ``seconds``: how long it may keep silent.

    Raises ArchsmithError with the server's own sentence where it refuses, and UsageError for what cannot be sent. Safe
    to share between threads.
    """

    def __init__(self, url: str = "http://127.0.0.1:8000", token: str | None = None, seconds: float = 60.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{url!r} is no address of a server.", "Give one such as http://127.0.0.1:8000.")
        self._connection = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._path, self._seconds = parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), seconds
        self._headers = {"Content-Type": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    def models(self) -> list[dict[str, Any]]:
        """What the server says of each of its models."""
        found: list[dict[str, Any]] = self._ask("GET", "/v1/models")["models"]
        return found

    def predict(self, model: str, examples: Iterable[Any], top: int | None = None) -> list[dict[str, Any]]:
        """One prediction for each example, in their order: ``class``, ``probability`` and ``probabilities`` (of the
        ``top`` classes; None: of all), or ``value``; or ``error`` for an example that cannot be read.

        An example is a picture (a path, the bytes of a file, or a uint8 array ``(H, W)`` or ``(H, W, C)``) or a row (a
        mapping from columns to values, None where one is missing).
        """
        if isinstance(examples, str | os.PathLike | bytes | Mapping):
            raise UsageError("The examples are a single one.", "Give a list of them.")
        sent, more = [_sent(example) for example in examples], {} if top is None else {"top": top}
        found: list[dict[str, Any]] = []
        for first in range(0, len(sent), MOST):
            body = {"examples": sent[first : first + MOST], **more}
            found += self._ask("POST", f"/v1/models/{quote(model, safe='')}/predict", body)["predictions"]
        return found

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = self._connection(self._host, timeout=self._seconds)
        try:
            content = None if body is None else json.dumps(body, default=str).encode()
            connection.request(method, self._path + path, content, self._headers)
            response = connection.getresponse()
            status, answer = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise ArchsmithError(f"The server at {self._host} does not answer ({error}).", "Is it running?") from error
        finally:
            connection.close()
        try:
            said = json.loads(answer)
        except ValueError as error:
            raise ArchsmithError(f"What answers at {self._host} is no model server (HTTP {status}).") from error
        if status == 200:
            return said
        told = said.get("error") if isinstance(said, dict) else None
        told = told if isinstance(told, dict) else {"message": f"The server refuses with HTTP {status}."}
        raise (UsageError if status < 500 else ArchsmithError)(str(told.get("message")), told.get("hint"))


def _sent(example: Any) -> Any:
    """An example as JSON."""
    if isinstance(example, Mapping):
        return {name: _value(value) for name, value in example.items()}
    if isinstance(example, str | os.PathLike):
        try:
            example = Path(example).read_bytes()
        except OSError as error:
            raise UsageError(f"The picture {str(example)!r} cannot be read ({error.strerror}).") from error
    if isinstance(example, bytes):
        return {"image": base64.b64encode(example).decode()}
    return example.tolist() if hasattr(example, "tolist") else example


def _value(value: Any) -> Any:
    """A cell of a row as JSON, which has no NaN and no numbers of numpy."""
    value = value.item() if hasattr(value, "item") else value
    return None if value != value else value
