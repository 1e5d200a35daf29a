"""gRPC for every service: servers with health, errors and traces; channels that give our errors back.

A servicer raises our errors; the interceptor turns them into a status whose trailing metadata carries the slug, and
`calling` (or `acalling`) at the other end turns that into the same error again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer as AioHealthServicer

from nungil.runtime import metrics, tracing
from nungil.runtime.errors import Misconfigured, NungilError, of_status

logger = logging.getLogger(__name__)

CHUNK_BYTES = 1024 * 1024
SLUG = "nungil-error"
_HEALTH = "/grpc.health."
# so_reuseport: else a second process would quietly share a taken port. max_connection_age_ms: a caller that is asked to connect
# again, once its calls have ended, looks the name up again and so finds processes that came since.
_SERVER_OPTIONS = [("grpc.so_reuseport", 0), ("grpc.max_connection_age_ms", 60_000)]
_CHANNEL_OPTIONS = [
    ("grpc.lb_policy_name", "round_robin"),  # calls go in turn to every process behind a name
    ("grpc.enable_retries", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
]
Register = Callable[[Any], None]


def chunks(data: bytes, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """`data` in pieces that fit a message."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def _report(context: Any, error: Exception) -> tuple[grpc.StatusCode, str]:
    if isinstance(error, NungilError):
        context.set_trailing_metadata(((SLUG, error.slug),))
        return error.grpc_code, str(error)
    logger.exception("a call failed with an error that we did not foresee")
    return grpc.StatusCode.INTERNAL, f"an error that we did not foresee: {type(error).__name__}; the log has the rest"


def _headers(context: Any) -> dict[str, str]:
    return {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}


@contextmanager
def _served(method: str, context: Any) -> Iterator[_Call]:
    """Around a call: its trace, its line in the log, its count. Health checks leave none of them."""
    name = method.rpartition(".")[2]  # of '/nungil.api.search.v1.SearchService/SearchByCrop'
    call = _Call()
    if method.startswith(_HEALTH):
        yield call
        return
    with tracing.trace(_headers(context)), tracing.span(f"rpc {name}") as span, metrics.RPC_SECONDS.timed(method=name):
        try:
            yield call
        finally:
            span.fields["code"] = call.code.name
            metrics.RPC_REQUESTS.add(method=name, code=call.code.name)


@dataclass
class _Call:
    """How a call ended; a caller that leaves early never says."""

    code: grpc.StatusCode = grpc.StatusCode.CANCELLED

    def failed(self, context: Any, error: Exception) -> tuple[grpc.StatusCode, str]:
        self.code, details = _report(context, error)
        return self.code, details

    def done(self) -> None:
        self.code = grpc.StatusCode.OK


class _Edge(grpc.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Runs each call in its trace and translates our errors into statuses."""

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = continuation(details)
        if handler is None:
            return None
        streams_out = handler.response_streaming
        inner = next(
            f for f in (handler.unary_unary, handler.unary_stream, handler.stream_unary, handler.stream_stream) if f
        )

        def one(request: Any, context: Any) -> Any:
            with _served(details.method, context) as call:
                try:
                    answer = inner(request, context)
                except Exception as error:
                    context.abort(*call.failed(context, error))
                call.done()
                return answer

        def many(request: Any, context: Any) -> Any:
            with _served(details.method, context) as call:
                try:
                    yield from inner(request, context)
                except Exception as error:
                    context.abort(*call.failed(context, error))
                call.done()

        return _rebuild(handler, many if streams_out else one)


class _AsyncEdge(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """As _Edge, for asyncio. What answers with a stream is an async generator."""

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = await continuation(details)
        if handler is None or details.method.startswith(_HEALTH):
            return handler
        inner = next(
            f for f in (handler.unary_unary, handler.unary_stream, handler.stream_unary, handler.stream_stream) if f
        )

        async def one(request: Any, context: Any) -> Any:
            with _served(details.method, context) as call:
                try:
                    answer = await inner(request, context)
                except Exception as error:
                    await context.abort(*call.failed(context, error))
                call.done()
                return answer

        async def many(request: Any, context: Any) -> None:
            # Not a generator: one that its caller leaves is closed by another task, where our context is not.
            with _served(details.method, context) as call:
                try:
                    async with aclosing(inner(request, context)) as answers:
                        async for answer in answers:
                            await context.write(answer)
                except Exception as error:
                    await context.abort(*call.failed(context, error))
                call.done()

        return _rebuild(handler, many if handler.response_streaming else one)


def _rebuild(handler: Any, method: Any) -> Any:
    kind = ("stream" if handler.request_streaming else "unary") + (
        "_stream" if handler.response_streaming else "_unary"
    )
    make = getattr(grpc, f"{kind}_rpc_method_handler")
    return make(
        method,
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )


def _bind(server: Any, listen: str) -> None:
    try:
        server.add_insecure_port(listen)
    except RuntimeError as error:
        raise Misconfigured(
            f"cannot listen on {listen}: it is taken or not allowed; set another NUNGIL_LISTEN"
        ) from error


@contextmanager
def grpc_server(register: Register, *, listen: str, grace_s: float, workers: int = 16) -> Iterator[Any]:
    """Serves until the block ends; then turns NOT_SERVING, lets calls in flight end for `grace_s`, and stops.

    register: called with the server, adds the servicer. Raises Misconfigured where `listen` is taken.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="rpc")
    server = grpc.server(pool, interceptors=[_Edge()], options=_SERVER_OPTIONS)
    register(server)
    status = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    _bind(server, listen)
    server.start()
    status.set("", health_pb2.HealthCheckResponse.SERVING)
    try:
        yield server
    finally:
        status.enter_graceful_shutdown()
        server.stop(grace_s).wait()
        pool.shutdown()


@asynccontextmanager
async def aio_server(register: Register, *, listen: str, grace_s: float) -> AsyncIterator[Any]:
    """As `grpc_server`, on the running event loop."""
    server = grpc.aio.server(interceptors=[_AsyncEdge()], options=_SERVER_OPTIONS)
    register(server)
    status = AioHealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    _bind(server, listen)
    await server.start()
    await status.set("", health_pb2.HealthCheckResponse.SERVING)
    try:
        yield server
    finally:
        await status.enter_graceful_shutdown()
        await server.stop(grace_s)


@contextmanager
def open_channel(address: str) -> Iterator[grpc.Channel]:
    """A channel to a service. It connects at the first call and reconnects by itself."""
    with grpc.insecure_channel(address, options=_CHANNEL_OPTIONS) as channel:
        yield channel


@asynccontextmanager
async def open_aio_channel(address: str) -> AsyncIterator[grpc.aio.Channel]:
    """As `open_channel`, for asyncio."""
    async with grpc.aio.insecure_channel(address, options=_CHANNEL_OPTIONS) as channel:
        yield channel


def metadata() -> tuple[tuple[str, str], ...]:
    """What to send with a call: the trace."""
    return tuple(tracing.inject().items())


def error_of(error: Any) -> NungilError:
    """Our error for a grpc.RpcError."""
    trailing = dict(error.trailing_metadata() or ())
    return of_status(error.code(), error.details() or "", trailing.get(SLUG))


@contextmanager
def calling() -> Iterator[None]:
    """Around a call to a peer (sync or awaited): its errors become ours. Raises DependencyAway where it cannot be reached."""
    try:
        yield
    except grpc.RpcError as error:
        raise error_of(error) from error


def is_serving(address: str, *, timeout_s: float = 1.0) -> bool:
    """Whether the service at `address` says that it serves."""
    with open_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=timeout_s)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def wait_until_stopped(stop: Any) -> None:
    """Awaits a threading.Event from asyncio."""
    await asyncio.to_thread(stop.wait)
