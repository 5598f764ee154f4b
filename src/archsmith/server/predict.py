"""``POST /v1/models/{name}/predict``: examples in, classes or values out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from archsmith.bundle.intake import Intake, Window
from archsmith.bundle.output import ModelOutput
from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.server.batching import FEW_BYTES
from archsmith.server.model import Model
from archsmith.server.multipart import parse
from archsmith.server.refusals import Refusal, malformed
from archsmith.server.request import JSON, Answer, Request
from archsmith.server.settings import Settings

MULTIPART = "multipart/form-data"


async def predict(request: Request, model: Model, settings: Settings) -> Answer:
    """The answer for all examples of a request. Raises Refusal."""
    try:
        intake = model.manifest.intake
    except UsageError as error:
        raise Refusal.of(error, 409, "tensors_only") from error
    body = await request.body()
    try:
        if len(body) <= FEW_BYTES:
            given = _read(request, body, intake, settings)
        else:  # the event loop has others to look after
            loop = asyncio.get_running_loop()
            given = await loop.run_in_executor(model.batcher.executor, _read, request, body, intake, settings)
        predictions = await _predicted(request, model, given, settings)
    except ArchsmithError as error:
        raise Refusal.of(error) from error
    request.n = len(predictions)
    _refuse_all_broken(predictions, intake)
    return Answer(orjson.dumps({"model": model.name, "version": model.version, "predictions": predictions}))


@dataclass(frozen=True)
class Given:
    """What a request holds.

    ``windows``: the examples, read as they are asked for.
    ``n``: how many examples; None where only reading them would tell.
    ``top``: how many classes are wanted; None for all.
    ``here``: is reading them so little work that it needs no other thread?
    """

    windows: Iterator[Window]
    n: int | None
    top: int | None
    here: bool


def _read(request: Request, body: bytes, intake: Intake, settings: Settings) -> Given:
    kind = request.content_type
    if kind == JSON:
        examples, top = _json(body)
        _refuse_many(len(examples), settings)
        here = len(body) <= FEW_BYTES and intake.is_quick(examples)
        return Given(intake.sent(examples, settings.pixels), len(examples), top, here)
    if kind == MULTIPART:
        form = parse(request.headers["content-type"], body, settings.examples)
        if not form.files:
            raise malformed("The form has no files.", f"Send {intake.nouns} as parts called 'files', each with a name.")
        here = len(body) <= FEW_BYTES and intake.is_quick([content for _, content in form.files])
        return Given(intake.uploaded(form.files, settings.pixels), None, _top(form.fields.get("top")), here)
    raise Refusal(415, "content_type", f"The content type {kind[:64]!r} is not read.", f"Send {JSON} or {MULTIPART}.")


def _json(body: bytes) -> tuple[list[Any], int | None]:
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise malformed(f"The body is not JSON: {error}.", "NaN and Infinity are no JSON; send null.") from error
    if not isinstance(data, dict) or not isinstance(data.get("examples"), list) or not data["examples"]:
        raise malformed("The body has no examples.", 'Send {"examples": [...]} with at least one.')
    if more := data.keys() - {"examples", "top"}:
        raise malformed(f"The body has an unknown key {min(more)[:64]!r}.", "It takes examples and top.")
    return data["examples"], _top(data.get("top"))


def _top(value: Any) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        value = int(value)
    if value is None or (type(value) is int and value >= 1):
        return value
    raise malformed(f"top is {str(value)[:20]!r}.", "Give a whole number from 1, or leave it out for all classes.")


def _refuse_many(n: int, settings: Settings) -> None:
    if n > settings.examples:
        raise Refusal(
            413,
            "too_many",
            f"The request has more than {settings.examples:,} examples.",
            "Send several requests, or start the server with a larger --max-examples.",
        )


async def _predicted(request: Request, model: Model, given: Given, settings: Settings) -> list[dict[str, Any]]:
    """One prediction for each example, in their order."""
    loop = asyncio.get_running_loop()
    found: list[dict[str, Any]] = []
    while given.n is None or len(found) < given.n:
        if given.here:
            window = next(given.windows, None)
        else:
            window = await loop.run_in_executor(model.batcher.executor, next, given.windows, None)
        if window is None:
            break
        _refuse_many(len(found) + window.n, settings)
        n_bytes = sum(array.nbytes for call in window.calls for array in call.inputs.values())
        request.hold(n_bytes)
        found += [
            {"error": window.broken[place]} if row is None else worded(model.manifest.output, row, given.top)
            for place, row in enumerate(await _rows(model, window))
        ]
        request.release(n_bytes)
    return found


async def _rows(model: Model, window: Window) -> list[NDArray[np.float32] | None]:
    """The row of the output for each example; None for a broken one."""
    if len(window.calls) == 1:
        outputs = [await model.run(window.calls[0].inputs)]
    else:
        outputs = await asyncio.gather(*(model.run(call.inputs) for call in window.calls))
    rows: list[NDArray[np.float32] | None] = [None] * window.n
    for call, (output,) in zip(window.calls, outputs, strict=True):
        for place, row in zip(call.places.tolist(), output, strict=True):
            rows[place] = row
    return rows


def worded(output: ModelOutput, row: NDArray[np.float32], top: int | None) -> dict[str, Any]:
    """One row of the output of a network as an answer says it: the ``top`` most probable classes, or the value."""
    values = row.tolist()
    if not all(map(_is_finite, values)):
        return {"error": "The network gives no number for this example. Its values are probably far out of range."}
    if output.is_regression:
        return {"value": values[0]}
    order = (-row).argsort(kind="stable")[:top].tolist()
    best = order[0]
    return {
        "class": output.classes[best],
        "probability": values[best],
        "probabilities": {output.classes[place]: values[place] for place in order},
    }


def _is_finite(value: float) -> bool:
    return value - value == 0.0


def _refuse_all_broken(predictions: list[dict[str, Any]], intake: Intake) -> None:
    if all("error" in prediction for prediction in predictions):
        reasons = [str(prediction["error"]) for prediction in predictions]
        told = reasons[0] if reasons else f"There are no {intake.nouns}."
        if len(reasons) > 1:
            # A file names the row itself. Examples of a request are counted from 1, as people do.
            place = "" if "row " in told else "Example 1: "
            alike = sum(reason == reasons[0] for reason in reasons[1:])
            parts = [f"{alike:,} more like it"] if alike else []
            if others := len(reasons) - 1 - alike:
                parts.append(f"{others:,} more that cannot be read")
            told = f"{place}{told} ({', '.join(parts)})"
        raise Refusal(422, "bad_example", told)
