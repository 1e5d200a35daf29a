"""How the system is: /v1/status for people, /healthz and /readyz for whoever keeps it running."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Response

from nungil.runtime import metrics
from nungil.runtime.errors import DependencyAway
from services.gateway.http.route import GuardedRoute, KeyHolder, Wired
from services.gateway.wire.status import AliveModel, StatusModel

router = APIRouter(prefix="/v1", tags=["status"], route_class=GuardedRoute)
probes = APIRouter(tags=["status"])
measured = APIRouter(route_class=GuardedRoute, include_in_schema=False)


@router.get("/status")
async def get_status(_: KeyHolder, parts: Wired) -> StatusModel:
    """Every service's health, rows of the index, items, and how far each consumer is behind."""
    return await parts.status()


@measured.get("/metrics")
def get_metrics(_: KeyHolder, parts: Wired) -> Response:
    """This process's metrics, for Prometheus; with a key, as anyone may come here. Not where they have an address of their own."""
    if parts.settings.metrics_listen:
        raise HTTPException(404)
    return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)


@probes.get("/healthz")
async def is_alive() -> AliveModel:
    """Whether this process answers. Asks nobody else."""
    return AliveModel(status="ok")


@probes.get("/readyz", responses={503: {"description": "a service is away"}})
async def is_ready(parts: Wired) -> AliveModel:
    """Whether every service that the gateway needs answers."""
    away = sorted(name for name, serving in (await parts.status.serving()).items() if not serving)
    if away:
        raise DependencyAway(f"not serving: {', '.join(away)}", slug="not-ready")
    return AliveModel(status="ok")
