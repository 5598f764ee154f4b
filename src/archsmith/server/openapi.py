"""The OpenAPI document of a server: every route for programs, and for each model the schema of its own examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archsmith.data.images.decode import IMAGE
from archsmith.server.model import Model
from archsmith.server.open_inference import ALL_OUTPUTS
from archsmith.server.tensors import Tensor
from archsmith.version import VERSION

Json = dict[str, Any]

OBJECT: Json = {"type": "object"}
TEXT: Json = {"type": "string"}
ERROR = {"$ref": "#/components/schemas/Error"}
V2_ERROR = {"$ref": "#/components/schemas/TensorError"}

WORDS = {
    400: "The request does not have the form that the route asks for.",
    401: "The token is missing or wrong.",
    403: "The request comes from a page of another site.",
    404: "There is no such model or version.",
    408: "The request did not arrive in time.",
    409: "The model takes tensors only.",
    413: "The request is too large.",
    415: "The content type is not read.",
    421: "The server is not reached under this name.",
    422: "No example can be read.",
    503: "The server is busy, ending or too slow for it; Retry-After says when to ask again.",
}


def document(models: Sequence[Model], with_token: bool) -> Json:
    """The whole document for the models of the moment."""
    paths: dict[str, Json] = {
        "/healthz": {"get": _get("Is the server alive?", _answer({"status": TEXT}), [])},
        "/readyz": {"get": _get("Are all models loaded?", _answer({"status": TEXT}), [503])},
        "/metrics": {
            "get": {
                **_get("Counters for Prometheus.", OBJECT, [401]),
                "responses": _responses(TEXT, [401], "text/plain"),
            }
        },
        "/openapi.json": {"get": _get("This document.", OBJECT, [401])},
        "/v1/models": {"get": _get("All models.", _answer({"models": {"type": "array", "items": OBJECT}}), [401])},
        "/v2": {"get": _get("Name and extensions of the server.", OBJECT, [401])},
        "/v2/health/live": {"get": _get("Is the server alive?", _answer({"live": {"type": "boolean"}}), [], V2_ERROR)},
        "/v2/health/ready": {
            "get": _get("Are all models loaded?", _answer({"ready": {"type": "boolean"}}), [503], V2_ERROR)
        },
    }
    for model in models:
        if "paths" not in model.document:
            model.document["paths"] = _paths(model)
        paths.update(model.document["paths"])
    found: Json = {
        "openapi": "3.1.0",
        "info": {"title": "Archsmith", "version": VERSION, "description": "Models behind a web service."},
        "paths": paths,
        "components": {
            "schemas": {
                "Error": _answer(
                    {"error": _answer({"code": TEXT, "message": TEXT, "hint": {"type": ["string", "null"]}})}
                ),
                "TensorError": _answer({"error": TEXT}),
            }
        },
    }
    if with_token:
        found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"token": []}]
    return found


def _paths(model: Model) -> Json:
    v1, v2 = f"/v1/models/{model.name}", f"/v2/models/{model.name}"
    versioned = f"{v2}/versions/{model.version}"
    found: Json = {f"{v1}": {"get": _get(f"What {model.name} is.", OBJECT, [401, 404])}}
    if model.network.manifest is not None:
        found[f"{v1}/predict"] = {"post": _predict(model)}
    for path in (v2, versioned):
        found[path] = {"get": _get(f"The tensors of {model.name}.", OBJECT, [401, 404], V2_ERROR)}
        found[f"{path}/ready"] = {
            "get": _get(f"Is {model.name} loaded?", _answer({"ready": {"type": "boolean"}}), [401, 404], V2_ERROR)
        }
        found[f"{path}/infer"] = {"post": _infer(model)}
    return found


def _predict(model: Model) -> Json:
    manifest = model.manifest
    example = manifest.intake.example_schema()
    sent: Json = {
        "type": "object",
        "required": ["examples"],
        "additionalProperties": False,
        "properties": {
            "examples": {"type": "array", "minItems": 1, "items": example},
            "top": {"type": ["integer", "null"], "minimum": 1, "description": "How many classes; all by default."},
        },
    }
    if "example" in example:
        sent["example"] = {"examples": [example["example"]]}
    form: Json = {
        "type": "object",
        "required": ["files"],
        "properties": {
            "files": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}},
            "top": {"type": "integer", "minimum": 1},
        },
    }
    kind = "image/*" if manifest.intake.kind == IMAGE else "text/csv"
    if manifest.is_regression:
        said = _answer({"value": {"type": "number"}})
    else:
        number = {"type": "number"}
        classes = {"type": "object", "additionalProperties": number}
        said = _answer({"class": TEXT, "probability": number, "probabilities": classes})
    predictions = {"type": "array", "items": {"anyOf": [said, _answer({"error": TEXT})]}}
    return {
        "summary": f"Predict with {model.name}: {manifest.intake.takes}.",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": sent},
                "multipart/form-data": {"schema": form, "encoding": {"files": {"contentType": kind}}},
            },
        },
        "responses": _responses(
            _answer({"model": TEXT, "version": TEXT, "predictions": predictions}),
            [400, 401, 403, 404, 408, 409, 413, 415, 422, 503],
        ),
    }


def _infer(model: Model) -> Json:
    inputs = [_tensor_schema(tensor) for tensor in model.network.inputs]
    sent: Json = {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": TEXT,
            "parameters": {"type": "object", "properties": {ALL_OUTPUTS: {"type": "boolean"}}},
            "inputs": {"type": "array", "minItems": len(inputs), "maxItems": len(inputs), "prefixItems": inputs},
            "outputs": {"type": "array", "items": OBJECT},
        },
        "example": {"inputs": [schema["example"] for schema in inputs]},
    }
    tensor = _answer({"name": TEXT, "datatype": TEXT, "shape": {"type": "array", "items": {"type": "integer"}}})
    said = _answer({"model_name": TEXT, "model_version": TEXT, "outputs": {"type": "array", "items": tensor}})
    return {
        "summary": f"Run the network of {model.name} on tensors.",
        "description": "Tensors may follow the JSON as bytes: the extension for binary tensor data of the protocol.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": sent}}},
        "responses": _responses(said, [400, 401, 403, 404, 408, 413, 415, 503], error=V2_ERROR),
    }


def _tensor_schema(tensor: Tensor) -> Json:
    """JSON Schema of one tensor, with an example of one row."""
    shape = [1 if length == -1 else length for length in tensor.shape]
    n = 1
    for length in shape:
        n *= length
    value: Any = "" if tensor.datatype == "BYTES" else False if tensor.datatype == "BOOL" else 0
    return {
        "type": "object",
        "required": ["name", "datatype", "shape", "data"],
        "properties": {
            "name": {"const": tensor.name},
            "datatype": {"const": tensor.datatype},
            "shape": {
                "type": "array",
                "prefixItems": [
                    {"type": "integer", "minimum": 1} if length == -1 else {"const": length} for length in tensor.shape
                ],
                "minItems": len(shape),
                "maxItems": len(shape),
            },
            "data": {"type": "array"},
        },
        "example": {"name": tensor.name, "datatype": tensor.datatype, "shape": shape, "data": [value] * n},
    }


def _get(summary: str, schema: Json, statuses: Sequence[int], error: Json = ERROR) -> Json:
    return {"summary": summary, "responses": _responses(schema, statuses, error=error)}


def _responses(
    schema: Json, statuses: Sequence[int], content: str = "application/json", error: Json = ERROR
) -> Mapping[str, Json]:
    found: dict[str, Json] = {"200": {"description": "Done.", "content": {content: {"schema": schema}}}}
    for status in sorted({*statuses, 421}):
        found[str(status)] = {"description": WORDS[status], "content": {"application/json": {"schema": error}}}
    return found


def _answer(properties: Json) -> Json:
    return {"type": "object", "required": list(properties), "properties": properties}
