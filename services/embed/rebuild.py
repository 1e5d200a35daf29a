"""For whoever runs the system: `python -m services.embed.rebuild` gives the index the rows that the objects give.

It reads embed's own settings; NUNGIL_ENCODER_URL says which space. One JSON document goes to stdout. It may run beside
embed, and again after an interruption. Exit codes: 0 done, 1 not everything could be, 2 wrong settings.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event
from typing import Any

from nungil.encoder.open import open_encoder
from nungil.object_store.open import open_object_store
from nungil.pictures.decoders import Limits, open_decoders
from nungil.runtime.errors import Misconfigured, NungilError
from nungil.runtime.lifecycle import on_signals
from nungil.runtime.logs import configure_logs
from nungil.runtime.settings import read_settings
from nungil.taxonomy.taxonomy import load_taxonomy
from nungil.vector_index.open import open_vector_index
from services.embed.config import EmbedSettings
from services.embed.device import open_device
from services.embed.filling import Filled, FillIndex
from services.embed.handlers import Encoding, Tombstones

logger = logging.getLogger(__name__)


def rebuild(settings: EmbedSettings, stop: Event) -> dict[str, Any]:
    """What is printed. `rows` and `digest` are of the pictures that have features; `rows_in_index` counts all there are."""
    with ExitStack() as stack:  # opened top down, closed bottom up
        objects = stack.enter_context(open_object_store(settings.object_store_url))
        limits = Limits(settings.decoder_memory_mb * 1_000_000, settings.decoder_cpu_s)
        decoders = stack.enter_context(open_decoders(settings.preparers, limits))
        encoder = stack.enter_context(open_encoder(settings.encoder_url, device=settings.device))
        index = stack.enter_context(open_vector_index(settings.vector_index_url, encoder.space))
        device = stack.enter_context(open_device(encoder))
        threads = stack.enter_context(ThreadPoolExecutor(settings.preparers, thread_name_prefix="prepare"))
        encoding = Encoding(objects, decoders.at_least, encoder, device, load_taxonomy())
        fill = FillIndex(encoding, index, Tombstones(objects), threads, settings.batch_pictures)
        filled = fill(stop)
        return document(filled, space=encoder.space.name, rows_in_index=index.count())


def document(filled: Filled, *, space: str, rows_in_index: int) -> dict[str, Any]:
    """A fill as it is printed."""
    return {
        "space": space,
        "pictures": filled.pictures,
        "rows": filled.after.rows,
        "rows_in_index": rows_in_index,
        "digest": str(filled.after),
        "digest_before": str(filled.before),
        "same": filled.same,
        "right": filled.right,
        "changed": filled.changed,
        "encoded": filled.encoded,
        "removed": filled.removed,
        "failed": filled.failed,
    }


def main() -> int:
    """The exit code."""
    stop = Event()
    on_signals((signal.SIGTERM, signal.SIGINT), stop.set)
    try:
        settings = read_settings(EmbedSettings)
        configure_logs("embed", level=settings.log_level, format_=settings.log_format)
        done = rebuild(settings, stop)
    except NungilError as error:
        print(f"nungil rebuild index: {error}", file=sys.stderr)
        return 2 if isinstance(error, Misconfigured) else 1
    print(json.dumps(done))
    return 0 if done["right"] else 1


if __name__ == "__main__":
    sys.exit(main())
