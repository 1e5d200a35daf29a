"""gRPC edges: our errors come through as themselves, with the trace."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from metrics_told import value_of

from nungil.api.ingest.v1 import ingest_pb2, ingest_pb2_grpc
from nungil.runtime import metrics, rpc, tracing
from nungil.runtime.errors import DependencyAway, Misconfigured, NotFound, NungilError, Rejected


class EmptyBox(Rejected):
    """A box with nothing in it."""


class Servicer(ingest_pb2_grpc.IngestServiceServicer):
    """Raises what a test asks for, and notes the trace it ran in."""

    def __init__(self) -> None:
        self.error: Exception = NotFound("no picture m-1")
        self.traces: list[str | None] = []

    def GetMedia(self, request, context):
        self.traces.append(tracing.current_trace_id())
        raise self.error

    def GetImage(self, request, context):
        self.traces.append(tracing.current_trace_id())
        yield ingest_pb2.GetImageResponse(chunk=b"first")
        raise self.error


@pytest.fixture
def servicer() -> Servicer:
    return Servicer()


@pytest.fixture
def stub(servicer: Servicer, tmp_path) -> Iterator[ingest_pb2_grpc.IngestServiceStub]:
    address = f"unix:{tmp_path}/s.sock"
    register = lambda server: ingest_pb2_grpc.add_IngestServiceServicer_to_server(servicer, server)  # noqa: E731
    with rpc.grpc_server(register, listen=address, grace_s=1), rpc.open_channel(address) as channel:
        yield ingest_pb2_grpc.IngestServiceStub(channel)


def test_an_error_raised_by_a_servicer_is_raised_by_the_caller(stub):
    with pytest.raises(NotFound, match="no picture m-1") as caught, rpc.calling():
        stub.GetMedia(ingest_pb2.GetMediaRequest())
    assert caught.value.slug == "not-found"


def test_the_slug_of_a_services_own_error_survives_the_way(stub, servicer):
    servicer.error = EmptyBox()
    with pytest.raises(Rejected) as caught, rpc.calling():
        stub.GetMedia(ingest_pb2.GetMediaRequest())
    assert caught.value.slug == "empty-box"
    assert str(caught.value) == "A box with nothing in it."


def test_an_error_in_the_middle_of_a_stream_is_raised_after_what_came_before(stub):
    seen = []
    with pytest.raises(NotFound), rpc.calling():
        for answer in stub.GetImage(ingest_pb2.GetImageRequest()):
            seen.append(answer.chunk)
    assert seen == [b"first"]


def test_an_error_that_nobody_foresaw_does_not_tell_its_text(stub, servicer):
    servicer.error = KeyError("secret")
    with pytest.raises(NungilError) as caught, rpc.calling():
        stub.GetMedia(ingest_pb2.GetMediaRequest())
    assert "secret" not in str(caught.value)
    assert caught.value.http_status == 500


def test_the_trace_of_the_caller_reaches_the_servicer(stub, servicer):
    with tracing.trace() as trace_id, pytest.raises(NotFound), rpc.calling():
        stub.GetMedia(ingest_pb2.GetMediaRequest(), metadata=rpc.metadata())
    assert servicer.traces == [trace_id]


def test_calls_are_counted_by_method_and_code_and_are_spans_of_the_callers_trace(stub, servicer, caplog):
    def counted(code: str) -> float:
        return value_of("nungil_rpc_requests_total", method="IngestService/GetMedia", code=code)

    before = counted("NOT_FOUND"), counted("INTERNAL")
    caplog.set_level(logging.INFO)
    with tracing.trace() as trace_id, pytest.raises(NotFound), rpc.calling():
        stub.GetMedia(ingest_pb2.GetMediaRequest(), metadata=rpc.metadata())
    servicer.error = KeyError("secret")
    with pytest.raises(NungilError), rpc.calling():
        stub.GetMedia(ingest_pb2.GetMediaRequest())
    assert (counted("NOT_FOUND"), counted("INTERNAL")) == (before[0] + 1, before[1] + 1)
    spans = [line for line in caplog.records if getattr(line, "span", "") == "rpc IngestService/GetMedia"]
    assert [line.code for line in spans] == ["NOT_FOUND", "INTERNAL"]
    assert [line.trace_id == trace_id for line in spans] == [True, False]


def test_a_stream_that_fails_is_counted_and_health_checks_are_not(stub, tmp_path):
    before = value_of("nungil_rpc_requests_total", method="IngestService/GetImage", code="NOT_FOUND")
    with pytest.raises(NotFound), rpc.calling():
        list(stub.GetImage(ingest_pb2.GetImageRequest()))
    assert value_of("nungil_rpc_requests_total", method="IngestService/GetImage", code="NOT_FOUND") == before + 1
    with rpc.grpc_server(lambda server: None, listen=f"unix:{tmp_path}/h.sock", grace_s=1):
        assert rpc.is_serving(f"unix:{tmp_path}/h.sock")
    assert b"Health" not in metrics.exposition()


def test_a_service_that_is_not_there_is_a_dependency_away(tmp_path):
    with rpc.open_channel(f"unix:{tmp_path}/nobody.sock") as channel, pytest.raises(DependencyAway), rpc.calling():
        ingest_pb2_grpc.IngestServiceStub(channel).GetMedia(ingest_pb2.GetMediaRequest(), timeout=2)


def test_a_server_serves_until_its_block_ends(tmp_path):
    address = f"unix:{tmp_path}/s.sock"
    with rpc.grpc_server(lambda server: None, listen=address, grace_s=1):
        assert rpc.is_serving(address)
    assert not rpc.is_serving(address)


def test_an_asyncio_server_translates_errors_too(tmp_path):
    class AsyncServicer(ingest_pb2_grpc.IngestServiceServicer):
        async def GetMedia(self, request, context):
            raise EmptyBox()

    async def story() -> NungilError:
        address = f"unix:{tmp_path}/a.sock"
        register = lambda server: ingest_pb2_grpc.add_IngestServiceServicer_to_server(AsyncServicer(), server)  # noqa: E731
        async with rpc.aio_server(register, listen=address, grace_s=1), rpc.open_aio_channel(address) as channel:
            assert await asyncio.to_thread(rpc.is_serving, address)
            with pytest.raises(Rejected) as caught, rpc.calling():
                await ingest_pb2_grpc.IngestServiceStub(channel).GetMedia(ingest_pb2.GetMediaRequest())
            return caught.value

    assert asyncio.run(story()).slug == "empty-box"


class StreamingServicer(ingest_pb2_grpc.IngestServiceServicer):
    """Tells two chunks, or one and an error, or one and nothing more; notes its trace, and that it was left."""

    def __init__(self) -> None:
        self.then: Exception | None = None
        self.waits = False
        self.traces: list[str | None] = []
        self.left = asyncio.Event()

    async def GetImage(self, request, context):
        self.traces.append(tracing.current_trace_id())
        try:
            yield ingest_pb2.GetImageResponse(chunk=b"first")
            if self.waits:
                await asyncio.Event().wait()
            if self.then:
                raise self.then
            yield ingest_pb2.GetImageResponse(chunk=b"second")
        finally:
            self.left.set()


@asynccontextmanager
async def streaming(tmp_path) -> AsyncIterator[tuple[StreamingServicer, ingest_pb2_grpc.IngestServiceStub]]:
    servicer, address = StreamingServicer(), f"unix:{tmp_path}/a.sock"
    register = lambda server: ingest_pb2_grpc.add_IngestServiceServicer_to_server(servicer, server)  # noqa: E731
    async with rpc.aio_server(register, listen=address, grace_s=5), rpc.open_aio_channel(address) as channel:
        yield servicer, ingest_pb2_grpc.IngestServiceStub(channel)


def streams_counted(code: str) -> float:
    return value_of("nungil_rpc_requests_total", method="IngestService/GetImage", code=code)


def test_a_stream_of_an_asyncio_server_carries_errors_the_trace_and_its_count(tmp_path):
    before = {code: streams_counted(code) for code in ("OK", "INVALID_ARGUMENT", "INTERNAL")}

    async def story() -> None:
        async with streaming(tmp_path) as (servicer, stub):
            with tracing.trace() as trace_id:
                call = stub.GetImage(ingest_pb2.GetImageRequest(), metadata=rpc.metadata())
                assert [answer.chunk async for answer in call] == [b"first", b"second"]
            assert servicer.traces == [trace_id]
            for servicer.then, raised in ((EmptyBox(), Rejected), (KeyError("secret"), NungilError)):
                seen = []
                with pytest.raises(raised) as caught, rpc.calling():
                    async for answer in stub.GetImage(ingest_pb2.GetImageRequest()):
                        seen.append(answer.chunk)
                assert seen == [b"first"]
                assert "secret" not in str(caught.value)

    asyncio.run(story())
    assert {code: streams_counted(code) - count for code, count in before.items()} == dict.fromkeys(before, 1.0)


def test_a_stream_that_its_caller_leaves_is_ended_and_counted_as_cancelled(tmp_path, caplog):
    before = streams_counted("CANCELLED")

    async def story() -> None:
        async with streaming(tmp_path) as (servicer, stub):
            servicer.waits = True
            call = stub.GetImage(ingest_pb2.GetImageRequest())
            assert (await call.read()).chunk == b"first"
            call.cancel()
            await asyncio.wait_for(servicer.left.wait(), 20)

    asyncio.run(story())
    assert streams_counted("CANCELLED") == before + 1
    assert [line for line in caplog.records if line.levelno >= logging.ERROR] == []


def test_chunks_put_together_are_the_bytes():
    data = bytes(range(256)) * 10
    pieces = list(rpc.chunks(data, size=1000))
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) == 1000


def test_two_servers_cannot_take_one_address():
    with rpc.grpc_server(lambda server: None, listen="127.0.0.1:0", grace_s=1) as server:
        taken = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        with (
            pytest.raises(Misconfigured, match="NUNGIL_LISTEN"),
            rpc.grpc_server(lambda server: None, listen=taken, grace_s=1),
        ):
            pass
