"""Errors as application/problem+json (RFC 9457), each with the id of its trace."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from nungil.pictures.boxes import ACCEPTED
from nungil.runtime import tracing
from nungil.runtime.errors import DependencyAway, NungilError

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_S = "1"
_TRANSPORT = DependencyAway().slug  # its detail is gRPC's, with addresses in it: for the log alone
_OF_HTTP = {
    404: ("no-such-route", "There is nothing at this address; /v1/openapi.json says what there is."),
    405: ("method-not-allowed", "This address does not take this method."),
}


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    field: str = Field(examples=["box.width"])
    message: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="the error's name, for programs", examples=["urn:nungil:error:not-found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="what happened and what to do, for people")
    trace_id: str = Field(description="finds this request in the logs of every service")
    errors: list[Fault] | None = Field(None, description="for a request that does not validate: every fault")


def problem(
    status: int,
    slug: str,
    detail: str,
    *,
    errors: Sequence[Fault] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A response that says what went wrong. Holds nothing of the request."""
    body = Problem(
        type=f"urn:nungil:error:{slug}",
        title=slug.replace("-", " ").capitalize(),
        status=status,
        detail=detail,
        trace_id=tracing.current_trace_id() or "",
        errors=list(errors) if errors else None,
    )
    return JSONResponse(
        body.model_dump(exclude_none=True), status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def of_error(error: NungilError) -> JSONResponse:
    """The problem that an error of ours is."""
    headers = {}
    if error.http_status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="nungil"'
    if error.http_status == 503:
        headers["Retry-After"] = _RETRY_AFTER_S
    if error.http_status >= 500:
        logger.warning("%s: %s", error.slug, error)
    if error.http_status == 500:
        return unforeseen()
    if error.slug == _TRANSPORT:
        return problem(503, error.slug, "A service that this needs is away; retry in a moment.", headers=headers)
    return problem(error.http_status, error.slug, str(error), headers=headers)


def unforeseen() -> JSONResponse:
    """The problem where we failed; the log has the rest."""
    return problem(500, "unforeseen", "We failed in a way that we did not foresee; the trace id finds it in our logs.")


def handle_problems(app: FastAPI) -> None:
    """Makes every error of `app` a problem."""

    async def ours(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, NungilError)  # noqa: S101  # registered for this class
        return of_error(error)

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return _of_faults([_fault(entry) for entry in error.errors()])

    async def of_http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101
        slug, detail = _OF_HTTP.get(error.status_code, ("malformed-request", str(error.detail)))
        return problem(error.status_code, slug, detail, headers=error.headers)

    async def any_other(_: Request, __: Exception) -> JSONResponse:
        return unforeseen()  # the edge logs it

    app.add_exception_handler(Exception, any_other)
    app.add_exception_handler(NungilError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, of_http)


def _fault(entry: Mapping[str, Any]) -> Fault:
    if entry["type"] == "json_invalid":
        return Fault(field="body", message=f"no JSON, from character {entry['loc'][-1]} on: {entry['ctx']['error']}")
    place = [str(part) for part in entry["loc"]]
    if place[:1] in (["body"], ["query"], ["path"], ["header"]) and len(place) > 1:
        place = place[1:]
    return Fault(field=".".join(place), message=str(entry["msg"]).removeprefix("Value error, "))


def _of_faults(faults: list[Fault]) -> JSONResponse:
    detail = "; ".join(f"{fault.field}: {fault.message}" for fault in faults)
    in_box = any(fault.field.split(".")[0] == "box" for fault in faults)
    if in_box:
        detail = f"{detail}; {ACCEPTED}"
    return problem(422, "invalid-box" if in_box else "invalid-request", detail, errors=faults)
