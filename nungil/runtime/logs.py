"""Logs: one JSON object a line on stderr, or text for a person's eyes. Never a picture, a title or a subject."""

from __future__ import annotations

import logging
import sys
import time
from typing import TextIO

from pythonjsonlogger.json import JsonFormatter

from nungil.runtime import tracing

_FIELDS = "{asctime}{levelname}{service}{name}{message}{trace_id}{span_id}"
_OURS = ("message", "asctime", "service", "trace_id", "span_id", "parent_id", "span", "began_at_ms", "ms")
_NOT_BESIDE = frozenset({*vars(logging.makeLogRecord({})), *_OURS})
_OTHERS = (
    "PIL",
    "alembic",
    "asyncio",
    "grpc",
    "httpcore",
    "httpx",
    "kafka",
    "minio",
    "pymilvus",
    "python_multipart",
    "urllib3",
    "uvicorn",
    "websockets",
)


_RETRYING = ("kafka.", "urllib3.")  # they tell of every try; what came of them we tell once, in our words


class _Text(logging.Formatter):
    """The message, and what was said beside it."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        beside = " ".join(f"{name}={value}" for name, value in vars(record).items() if name not in _NOT_BESIDE)
        return f"{super().formatMessage(record)} {beside}".rstrip()


class _Context(logging.Filter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def filter(self, record: logging.LogRecord) -> bool:
        record.service = self._service
        if not hasattr(record, "trace_id"):  # a span's own line has them
            record.trace_id, record.span_id = tracing.current_ids()
        return True


def _is_no_try(record: logging.LogRecord) -> bool:
    return not record.name.startswith(_RETRYING) or logging.getLogger().isEnabledFor(logging.DEBUG)


def configure_logs(service: str, *, level: str, format_: str) -> None:
    """Sends everything that is logged in this process to stderr."""
    logging.basicConfig(level=level.upper(), handlers=[log_handler(service, sys.stderr, format_=format_)], force=True)
    quiet_others()


def quiet_others() -> None:
    """Libraries warn, and say no more: what they tell at debug may hold what was sent."""
    for name in _OTHERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def log_handler(service: str, stream: TextIO, *, format_: str) -> logging.Handler:
    """Writes to `stream` as the processes do. Times are UTC."""
    handler = logging.StreamHandler(stream)
    handler.addFilter(_is_no_try)
    handler.addFilter(_Context(service))
    if format_ == "json":
        renamed = {"asctime": "time", "levelname": "level", "name": "logger"}
        formatter: logging.Formatter = JsonFormatter(_FIELDS, style="{", rename_fields=renamed)
    else:
        formatter = _Text("{asctime} {levelname:<7} {service:<8} {message}", style="{")
    formatter.converter = time.gmtime
    formatter.default_time_format, formatter.default_msec_format = "%Y-%m-%dT%H:%M:%S", "%s.%03dZ"
    handler.setFormatter(formatter)
    return handler
