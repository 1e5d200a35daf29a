"""Calls to a name that several processes stand behind."""

from __future__ import annotations

import socket
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from nungil.runtime.rpc import calling, grpc_server, open_channel


class Counted(grpc.GenericRpcHandler):
    """Answers /test/Who with its own name."""

    def __init__(self, name: bytes) -> None:
        self._name = name

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if handler_call_details.method != "/test/Who":
            return None
        return grpc.unary_unary_rpc_method_handler(lambda request, context: self._name)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serving(name: str, port: int) -> AbstractContextManager[Any]:
    handler = Counted(name.encode())
    return grpc_server(
        lambda server: server.add_generic_rpc_handlers((handler,)), listen=f"127.0.0.1:{port}", grace_s=1.0, workers=2
    )


def test_calls_go_in_turn_to_every_process_and_past_one_that_is_gone() -> None:
    first, second = free_port(), free_port()
    with ExitStack() as both:
        both.enter_context(serving("a", first))
        with ExitStack() as one:
            one.enter_context(serving("b", second))
            channel = both.enter_context(open_channel(f"ipv4:127.0.0.1:{first},127.0.0.1:{second}"))
            for port in (first, second):  # both are up before calls are counted
                with open_channel(f"127.0.0.1:{port}") as alone:
                    health_pb2_grpc.HealthStub(alone).Check(health_pb2.HealthCheckRequest(), timeout=5)
            who = channel.unary_unary("/test/Who")
            answers = [who(b"", timeout=5) for _ in range(40)]
            assert min(answers.count(b"a"), answers.count(b"b")) >= 10
        with calling():
            assert {who(b"", timeout=5) for _ in range(20)} == {b"a"}
