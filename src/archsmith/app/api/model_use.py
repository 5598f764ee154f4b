"""``/models/{id}/predict`` and what else uses a model: where a picture matters, how fast it is, and its server."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from archsmith.app.api.models import Id
from archsmith.app.endpoints import Endpoint
from archsmith.app.house import House
from archsmith.app.trying import TOP, Latency, Occlusion, Prediction
from archsmith.core.wording import visible
from archsmith.server.refusals import Refusal

MOST_TOP = 10_000  # classes in one answer
MOST_NAME = 1_000  # characters
PICTURE = {"schema": {"type": "string", "format": "binary", "description": "A picture file as it is."}}
EXAMPLE = {
    "schema": {
        "anyOf": [{"type": "object"}, {"type": "array"}],
        "description": "A row: column and value. Or a picture: {image: a file in Base64}, or rows of pixels.",
    }
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": EXAMPLE, "image/*": PICTURE, "application/octet-stream": PICTURE},
    }
}


def router(house: House) -> APIRouter:
    """The routes. Whatever takes time runs in threads."""
    made = APIRouter(tags=["models"])
    trying, endpoints = house.trying, house.endpoints

    @made.post("/models/{id}/predict", openapi_extra=BODY)
    async def predict(
        id: Id,
        request: Request,
        top: Annotated[int, Query(description="Most classes that are wanted.", ge=1, le=MOST_TOP)] = TOP,
        name: Annotated[str, Query(description="Of the picture file, for messages.", max_length=MOST_NAME)] = "",
    ) -> Prediction:
        kind, body = await _body(request)
        return await run_in_threadpool(trying.predict, id, kind, body, top, visible(name))

    @made.post("/models/{id}/occlusion", openapi_extra=BODY)
    async def occlusion(id: Id, request: Request) -> Occlusion:
        kind, body = await _body(request)
        return await run_in_threadpool(trying.occlusion, id, kind, body)

    @made.get("/models/{id}/latency")
    def latency(id: Id) -> Latency:
        return trying.latency(id)

    @made.get("/models/{id}/endpoint")
    def endpoint(id: Id) -> Endpoint:
        house.models.get(id)
        return endpoints.get(id)

    @made.post("/models/{id}/endpoint")
    def start(id: Id) -> Endpoint:
        house.models.get(id)
        return endpoints.start(id)

    @made.delete("/models/{id}/endpoint")
    def stop(id: Id) -> Endpoint:
        house.models.get(id)
        return endpoints.stop(id)

    return made


async def _body(request: Request) -> tuple[str, bytes]:
    """Content type and content, which ``archsmith.app.limits`` counts as it comes. Raises Refusal."""
    kind = request.headers.get("content-type", "")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refusal(415, "encoding", "Requests are not unpacked.", "Send them without Content-Encoding.")
    if kind.partition(";")[0].strip().lower() in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise Refusal(415, "content_type", "A form is not read.", "Send the picture file as it is, or a row as JSON.")
    return kind, await request.body()
