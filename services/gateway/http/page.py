"""The page, and how its browser comes to a key."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from services.gateway.core import KEY_COOKIE
from services.gateway.http.route import Wired

router = APIRouter(include_in_schema=False)
_MONTH_S = 30 * 24 * 3600


@router.get("/")
async def open_page(
    request: Request, parts: Wired, key: Annotated[str | None, Query(max_length=200)] = None
) -> Response:
    """The page. With a key in the address, the key becomes a cookie that no script can read, and leaves the address."""
    if key is None:
        return FileResponse(parts.settings.page_dir / "index.html", headers={"Cache-Control": "no-cache"})
    await parts.identify.speaker_of(key)
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(
        KEY_COOKIE, key, max_age=_MONTH_S, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
    return response


class PageFiles(StaticFiles):
    """The page's files; a browser asks again whether they are still the same."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response
