"""The application: every route, around it the edge."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from services.gateway.http import (
    abouts,
    boards,
    campaigns,
    contract,
    erasing,
    events,
    interests,
    items,
    lens,
    media,
    page,
    people,
    recommendations,
    search,
    segments,
    status,
    watches,
)
from services.gateway.http.edge import Edge
from services.gateway.http.parts import Parts
from services.gateway.http.problems import handle_problems


def create_app(parts: Parts) -> ASGIApp:
    """The gateway's HTTP side. It opens and closes nothing: `parts` are open for as long as it serves."""
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
    )
    app.state.parts = parts
    for module in (
        media,
        items,
        search,
        lens,
        people,
        interests,
        abouts,
        watches,
        boards,
        recommendations,
        campaigns,
        segments,
        erasing,
        events,
        status,
        contract,
        page,
    ):
        app.include_router(module.router)
    app.include_router(boards.links)
    app.include_router(boards.shared)
    app.include_router(erasing.leaving)
    app.include_router(erasing.receipts)
    app.include_router(status.probes)
    app.include_router(status.measured)
    app.mount("/page", page.PageFiles(directory=parts.settings.page_dir))
    app.openapi = partial(contract.describe, app)  # type: ignore[method-assign]  # FastAPI's documented way to replace it
    handle_problems(app)
    return Edge(app, parts.settings)


def _operation_id(route: APIRoute) -> str:
    return route.name
