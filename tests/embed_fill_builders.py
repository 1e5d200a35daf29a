"""Filling an index from the objects of an embed service."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from nungil.encoder.open import open_encoder
from nungil.pictures.decode import decode_at_least
from nungil.taxonomy.taxonomy import load_taxonomy
from nungil.vector_index.port import VectorIndex
from services.embed.device import open_device
from services.embed.filling import Filled, FillIndex
from services.embed.handlers import Encoding, Tombstones
from tests.embed_builders import DOG, TENANT, AnEmbed, a_change, a_picture

OTHER = "tiny://32"
OTHER_SPACE = "tiny-32-v1"
PICTURES = 70  # more than are in memory at once


@contextmanager
def a_fill(embed: AnEmbed, index: VectorIndex, url: str = "tiny://64") -> Iterator[FillIndex]:
    with ExitStack() as stack:
        encoder = stack.enter_context(open_encoder(url))
        device = stack.enter_context(open_device(encoder))
        threads = stack.enter_context(ThreadPoolExecutor(2))
        encoding = Encoding(embed.objects, decode_at_least, encoder, device, load_taxonomy())
        yield FillIndex(encoding, index, Tombstones(embed.objects), threads, 16)


def filled(embed: AnEmbed, index: VectorIndex, url: str = "tiny://64") -> Filled:
    with a_fill(embed, index, url) as fill:
        return fill(threading.Event())


def many_pictures(embed: AnEmbed, count: int = PICTURES) -> list[str]:
    ids = [f"m-{n:03}" for n in range(count)]
    embed.handle(
        *(
            a_change(
                embed.stored(id_, a_picture(of=(3 * n % 256, 255 - n, n), with_=DOG), tenant=tenant), tenant=tenant
            )
            for n, id_ in enumerate(ids)
            for tenant in [("shop", TENANT)[n % 2]]
        )
    )
    return ids
