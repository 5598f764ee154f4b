"""``/models/{id}/predict`` and what else uses a model: where a picture matters, how fast it is, and its server."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from archsmith.app.api.data import FILE_FORM
from archsmith.app.api.models import Id
from archsmith.app.endpoints import Endpoint
from archsmith.app.form_file import FORM, is_form
from archsmith.app.house import House
from archsmith.app.trying import TOP, Latency, Occlusion, Prediction
from archsmith.core.wording import visible
from archsmith.server.multipart import Form, parse
from archsmith.server.refusals import Refusal, malformed

URLENCODED = "application/x-www-form-urlencoded"  # what curl says unless it is told otherwise
MOST_TOP = 10_000  # classes in one answer
MOST_NAME = 1_000  # characters
PICTURE = {"schema": {"type": "string", "format": "binary", "description": "A picture file as it is."}}
EXAMPLE = {
    "schema": {
        "anyOf": [{"type": "object"}, {"type": "array"}],
        "description": "A row: column and value. Or a picture: {image: a file in Base64}, or rows of pixels.",
    }
}
IMAGE = {
    "schema": {
        "type": "object",
        "properties": {"image": {"type": "string", "description": "A picture file in Base64."}},
        "required": ["image"],
        "examples": [{"image": "BASE64"}],
    }
}


def _body_of(example: dict[str, Any]) -> dict[str, Any]:
    """What a request may hold; ``example``: as JSON."""
    kinds = {
        FORM: {"schema": FILE_FORM},
        "application/json": example,
        "image/*": PICTURE,
        "application/octet-stream": PICTURE,
    }
    return {"requestBody": {"required": True, "content": kinds}}


def router(house: House) -> APIRouter:
    """The routes. Whatever takes time runs in threads."""
    made = APIRouter(tags=["models"])
    trying, endpoints = house.trying, house.endpoints

    @made.post("/models/{id}/predict", openapi_extra=_body_of(EXAMPLE))
    async def predict(
        id: Id,
        request: Request,
        top: Annotated[int, Query(description="Most classes that are wanted.", ge=1, le=MOST_TOP)] = TOP,
        name: Annotated[str, Query(description="Of the picture file, for messages.", max_length=MOST_NAME)] = "",
    ) -> Prediction:
        """Predict for one picture or one row."""
        kind, body = await _body(request)
        return await run_in_threadpool(trying.predict, id, kind, body, top, visible(name))

    @made.post("/models/{id}/occlusion", openapi_extra=_body_of(IMAGE))
    async def occlusion(id: Id, request: Request) -> Occlusion:
        """Which places of a picture matter for its prediction."""
        kind, body = await _body(request)
        return await run_in_threadpool(trying.occlusion, id, kind, body)

    @made.get("/models/{id}/latency")
    def latency(id: Id) -> Latency:
        """How long one prediction takes on this machine."""
        return trying.latency(id)

    @made.get("/models/{id}/endpoint")
    def endpoint(id: Id) -> Endpoint:
        """How the server of a model does."""
        house.models.get(id)
        return endpoints.get(id)

    @made.post("/models/{id}/endpoint")
    def start(id: Id) -> Endpoint:
        """Start a server of its own for a model."""
        house.models.get(id)
        return endpoints.start(id)

    @made.delete("/models/{id}/endpoint")
    def stop(id: Id) -> Endpoint:
        """End the server of a model."""
        house.models.get(id)
        return endpoints.stop(id)

    return made


async def _body(request: Request) -> tuple[str, bytes]:
    """Content type and content, which ``archsmith.app.limits`` counts as it comes. Raises Refusal."""
    kind = request.headers.get("content-type", "")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refusal(415, "encoding", "Requests are not unpacked.", "Send them without Content-Encoding.")
    if is_form(kind):
        return _one(parse(kind, await request.body(), 1))
    if kind.partition(";")[0].strip().lower() == URLENCODED:
        hint = (
            "Say what is sent: curl -F file=@picture.png …, or curl -H 'Content-Type: application/json' -d @row.json …"
        )
        raise Refusal(415, "content_type", f"The content type {URLENCODED} is not read.", hint)
    return kind, await request.body()


def _one(form: Form) -> tuple[str, bytes]:
    """Content type and content of the one file of a form. Raises Refusal."""
    if len(form.files) != 1 or form.fields:
        raise malformed("The form does not hold exactly one file.", "Send one: curl -F file=@picture.png …")
    ((name, content),) = form.files
    return "application/json" if name.lower().endswith(".json") else "application/octet-stream", content
