"""How every route under /v1 begins: who asks, then the body, then whether this was answered before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import UploadFile
from starlette.requests import HTTPConnection

from services.gateway.core import (
    KEY_COOKIE,
    UNSAFE,
    Speaker,
    Who,
    check_idempotency_key,
    check_same_site,
    fingerprint,
)
from services.gateway.http.parts import Parts, parts_of
from services.gateway.store import Answer, Slot

Handle = Callable[[Request], Coroutine[Any, Any, Response]]
_BLOCK_BYTES = 1024 * 1024
_MAX_FIELDS = 20


class GuardedRoute(APIRoute):
    """A route that needs a key. Nothing of the body is read before the key is known."""

    remembers = True  # its answers, for those who ask again with the same Idempotency-Key

    def get_route_handler(self) -> Handle:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            request.state.speaker = await speaker_of(request, writes=request.method in UNSAFE)
            if request.method not in UNSAFE:
                return await handle(request)
            await _read_body(request)
            key = request.headers.get("idempotency-key")
            once = key is not None and self.remembers
            return await (_once(request, check_idempotency_key(key or ""), handle) if once else handle(request))

        return guarded


class ForgetfulRoute(GuardedRoute):
    """One whose answers hold a secret that is kept nowhere: asked again, it is done again."""

    remembers = False


async def speaker_of(connection: HTTPConnection, *, writes: bool) -> Speaker:
    """Whom the connection's key speaks for. writes: a cookie counts only from our own page. Raises UnknownKey, CrossSite."""
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    named = connection.headers.get("nungil-person")
    identify = parts_of(connection).identify
    if scheme:
        return await identify.speaker_of(key.strip() if scheme.lower() == "bearer" else None, named=named)
    cookie = connection.cookies.get(KEY_COOKIE)
    if cookie is not None and writes:
        check_same_site(connection.headers)
    return await identify.speaker_of(cookie, named=named)


async def _read_body(request: Request) -> None:
    """Reads it now, so that a body that is too large is told as such; FastAPI finds it on the request."""
    if _is_multipart(request):
        await request.form(max_files=1, max_fields=_MAX_FIELDS)
    else:
        await request.body()


async def _once(request: Request, key: str, handle: Handle) -> Response:
    parts = parts_of(request)
    who = await parts.identify(request.state.speaker)

    async def answer() -> Answer:
        response = await handle(request)
        return Answer(
            response.status_code, response.media_type or response.headers.get("content-type"), bytes(response.body)
        )

    path = f"{request.url.path}?{request.url.query}"
    print_ = fingerprint(request.method, path, await _body_parts(request))
    given, replayed = await parts.answer_once(Slot(who.tenant, who.person_id, key), print_, answer)
    headers = {"Idempotency-Replayed": "true"} if replayed else None
    return Response(given.body, given.status, headers, given.media_type)


async def _body_parts(request: Request) -> list[tuple[str, bytes]]:
    if not _is_multipart(request):
        return [("", hashlib.sha256(await request.body()).digest())]
    parts = []
    for name, value in (await request.form()).multi_items():
        if isinstance(value, UploadFile):
            digest = hashlib.sha256((value.filename or "").encode("utf-8", "surrogatepass"))
            while block := await value.read(_BLOCK_BYTES):
                digest.update(block)
            await value.seek(0)
            parts.append((f"{name}:file", digest.digest()))
        else:
            parts.append((name, hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()))
    return parts


def _is_multipart(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


_bearer = HTTPBearer(auto_error=False, description="A key, `nk_…`. The page sends it as a cookie instead.")


# Dependencies are coroutines though they wait for nothing: FastAPI runs plain functions in threads, at 0.1 ms each.
async def _key_holder(
    request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Speaker:
    speaker: Speaker = request.state.speaker  # set by GuardedRoute
    return speaker


KeyHolder = Annotated[Speaker, Depends(_key_holder)]


async def _wired(connection: HTTPConnection) -> Parts:
    return parts_of(connection)


Wired = Annotated[Parts, Depends(_wired)]


async def _caller(speaker: KeyHolder, parts: Wired) -> Who:
    return await parts.identify(speaker)


Caller = Annotated[Who, Depends(_caller)]


async def _person(who: Caller) -> Who:
    return who.as_person()


async def _merchant(who: Caller) -> Who:
    return who.within("catalogue")


Person = Annotated[Who, Depends(_person)]
Merchant = Annotated[Who, Depends(_merchant)]
