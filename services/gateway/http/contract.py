"""The OpenAPI document of the public contract."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from services.gateway.http.problems import MEDIA_TYPE, Problem

router = APIRouter(include_in_schema=False)

_SUMMARY = "Point at a part of a picture and get things that look like it and can be bought where you live."
_ABOUT = """Errors are `application/problem+json` (RFC 9457) with a `trace_id`. Writes take `Idempotency-Key`: sent again
within a day, the same request is answered again and done once. Lists have opaque cursors. Boxes are fractions of the
upright picture, origin top left. Money is an integer of the currency's minor unit. Times are UTC.

`WS /v1/lens` is a WebSocket, for a frame that moves over a picture: with the same keys, JSON messages `{"open": …}`, `{"frame": …}` and
`{"refine": …}` in, `{"ready": …}`, `{"answer": …}`, `{"fault": …}` and `{"closed": …}` out; the newest frame wins.
docs/guide/lens.md of the source describes each of them.

A key that is no person's own names the person it speaks for with the header `Nungil-Person`: the caller's own id for
them, which stays between caller and Nungil."""
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 200},
    "description": "any text of one's own that names this write",
}
_PERSON = {
    "name": "Nungil-Person",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 200},
    "description": "the caller's own id for the person that it speaks for",
}


@router.get("/v1/openapi.json")
async def get_contract(request: Request) -> JSONResponse:
    """This contract."""
    return JSONResponse(request.app.openapi())


def describe(app: FastAPI) -> dict[str, Any]:
    """The document. Made once; FastAPI's own errors are replaced by problems."""
    if app.openapi_schema is None:
        document = get_openapi(
            title="Nungil",
            version="1",
            summary=_SUMMARY,
            description=_ABOUT,
            routes=app.routes,
            separate_input_output_schemas=False,
        )
        schemas = document["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas["Problem"] = _problem_schema(schemas)
        for operations in document["paths"].values():
            for method, operation in operations.items():
                _finish(operation, guarded="security" in operation, writes=method in ("put", "post", "patch", "delete"))
        app.openapi_schema = document
    return app.openapi_schema


def _finish(operation: dict[str, Any], *, guarded: bool, writes: bool) -> None:
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = {
        "description": "what went wrong",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if not guarded:
        return
    parameters = [p for p in operation.get("parameters", []) if p["name"].lower() != "idempotency-key"]
    operation["parameters"] = [*parameters, _PERSON, *([_IDEMPOTENCY] if writes else [])]


def _problem_schema(schemas: dict[str, Any]) -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    return schema
