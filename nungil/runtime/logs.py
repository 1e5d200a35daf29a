"""Logs: one JSON object a line on stderr, or text for a person's eyes. Never a picture, a title or a subject."""

from __future__ import annotations

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

from nungil.runtime import tracing


class _Context(logging.Filter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def filter(self, record: logging.LogRecord) -> bool:
        record.service = self._service
        record.trace_id = tracing.current_trace_id() or ""
        return True


def configure_logs(service: str, *, level: str, format_: str) -> None:
    """Sends everything that is logged in this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Context(service))
    if format_ == "json":
        handler.setFormatter(
            JsonFormatter(
                "{asctime}{levelname}{service}{name}{message}{trace_id}",
                style="{",
                rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            )
        )
    else:
        handler.setFormatter(logging.Formatter("{asctime} {levelname:<7} {service:<8} {message}", style="{"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("httpx", "httpcore", "urllib3", "PIL", "alembic", "pymilvus"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
