"""Ask a model server (``archsmith serve``) for predictions. Needs the standard library only."""

from __future__ import annotations

import base64
import http.client
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from archsmith.core.errors import ArchsmithError, UsageError

MOST = 100  # examples in one request
MOST_BYTES = 8 * 2**20  # of examples in one request, unless a single one is larger; servers take 32 MiB by default


class Unfinished(ArchsmithError):
    """Some examples were predicted before a request failed, with the error that is the cause of this one.

    ``predictions``: those of the first examples, in their order.
    """

    def __init__(self, message: str, hint: str | None = None, *, predictions: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(message, hint)
        self.predictions = list(predictions)


class _AllBroken(UsageError):
    """The server can read no example of a request."""


class Client:
    """A server at an address.

    ``url``: such as ``http://127.0.0.1:8000``, with the path before ``/v1`` if there is one.
    ``token``: that the server asks for; None for none.
    ``seconds``: how long it may keep silent.

    Raises ArchsmithError with the server's own sentence where it refuses, and UsageError for what cannot be sent. Safe
    to share between threads.
    """

    def __init__(self, url: str = "http://127.0.0.1:8000", token: str | None = None, seconds: float = 60.0) -> None:
        try:
            parts = urlsplit(url)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is no number, a bracket without its other one
            is_address = False
        if not is_address:
            raise UsageError(f"{url!r} is no address of a server.", "Give one such as http://127.0.0.1:8000.")
        self._connection = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._path, self._seconds = parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), seconds
        self._headers = {"Content-Type": "application/json"}
        if token is not None:
            token = token.strip()  # a file ends its line
            if not (token.isascii() and token.isprintable()):
                raise UsageError("The token is not made of printable ASCII.", "Give the one of the server.")
            self._headers["Authorization"] = f"Bearer {token}"

    def models(self) -> list[dict[str, Any]]:
        """What the server says of each of its models."""
        found: list[dict[str, Any]] = self._ask("GET", "/v1/models")["models"]
        return found

    def predict(self, model: str, examples: Any, top: int | None = None) -> list[dict[str, Any]]:
        """One prediction for each example, in their order: ``class``, ``probability`` and ``probabilities`` (of the
        ``top`` classes; None: of all), or ``value``; or ``error`` for an example that the server cannot read.

        An example is a picture (a path, the bytes of a file, or a uint8 array ``(H, W)`` or ``(H, W, C)``) or a row (a
        mapping from columns to values, None where one is missing; a table of pandas is taken for its rows). Many go in
        several requests, and are taken one after the other as these are made. Raises Unfinished, with the
        predictions so far, where a later one fails.
        """
        if hasattr(examples, "itertuples"):  # a table of pandas is a list of its rows here, not of its columns
            examples = examples.to_dict("records")
        if isinstance(examples, str | os.PathLike | bytes | Mapping):
            raise UsageError("The examples are a single one.", "Give a list of them.")
        path = f"/v1/models/{quote(model, safe='')}/predict"
        more = "" if top is None else f', "top": {json.dumps(top, default=str)}'
        found: list[dict[str, Any]] = []
        alone = 0
        try:
            for part in _parts(examples):
                try:
                    found += self._predicted(path, part, more)
                except _AllBroken as error:  # it tells of one fault only
                    if len(part) == 1:
                        found.append({"error": str(error)})
                    elif alone >= MOST:
                        why = f"None of {len(part)} examples that were sent together can be read. {error}"
                        found += [{"error": why}] * len(part)
                    else:
                        for example in part:
                            found.append(self._one(path, example, more))
                        alone += len(part)
        except ArchsmithError as error:
            if not found:
                raise
            n = len(found)
            told = f"Only the first {n:,} examples are predicted (`predictions` of this error): {error.message}"
            raise Unfinished(told, error.hint, predictions=found) from error
        return found

    def _predicted(self, path: str, part: Sequence[str], more: str) -> list[dict[str, Any]]:
        """The predictions for the examples of one request."""
        body = f'{{"examples": [{", ".join(part)}]{more}}}'
        found: list[dict[str, Any]] = self._ask("POST", path, body)["predictions"]
        return found

    def _one(self, path: str, example: str, more: str) -> dict[str, Any]:
        try:
            return self._predicted(path, [example], more)[0]
        except _AllBroken as error:
            return {"error": str(error)}

    def _ask(self, method: str, path: str, body: str | None = None) -> Any:
        try:
            with closing(self._connection(self._host, timeout=self._seconds)) as connection:
                connection.request(method, self._path + path, None if body is None else body.encode(), self._headers)
                response = connection.getresponse()
                status, answer = response.status, response.read()
        except (BrokenPipeError, ConnectionAbortedError, ConnectionResetError) as error:
            raise ArchsmithError(
                f"The server at {self._host} broke the connection off ({error}).",
                "It does so where a request is larger than it takes (--max-mb), or when it ends.",
            ) from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ArchsmithError(f"The server at {self._host} does not answer ({error}).", "Is it running?") from error
        try:
            said = json.loads(answer)
        except ValueError as error:
            raise ArchsmithError(f"What answers at {self._host} is no model server (HTTP {status}).") from error
        if status == 200:
            return said
        told = said.get("error") if isinstance(said, dict) else None
        told = told if isinstance(told, dict) else {"message": f"The server refuses with HTTP {status}."}
        kind = _AllBroken if told.get("code") == "bad_example" else UsageError if status < 500 else ArchsmithError
        raise kind(str(told.get("message")), told.get("hint"))


def _parts(examples: Iterable[Any]) -> Iterator[list[str]]:
    """The examples as JSON, as many at a time as go in one request."""
    part: list[str] = []
    n_bytes = 0
    for example in examples:
        text = json.dumps(_sent(example), default=str)
        if part and (len(part) == MOST or n_bytes + len(text) > MOST_BYTES):
            yield part
            part, n_bytes = [], 0
        part.append(text)
        n_bytes += len(text)
    if part:
        yield part


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
    """A cell of a row as JSON, which has no NaN, no infinity, no numbers and dates of numpy, and no decimal numbers."""
    if type(value).__name__ in ("NAType", "NaTType"):  # of pandas; NA is not even different from itself
        return None
    if isinstance(value, Decimal):
        value = float("nan") if value.is_nan() else float(value)
    if hasattr(value, "item"):
        plain = value.item()
        if type(value).__name__ == "datetime64" and isinstance(plain, int):  # nanoseconds, which Python has no date of
            plain = value.astype("datetime64[us]").item()
        value = plain
    if isinstance(value, float) and abs(value) == float("inf"):
        return str(value)  # no number in a column of numbers, so that this example alone is refused
    return None if value != value else value
