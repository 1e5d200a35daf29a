"""URL -> vector index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from nungil.encoder.port import EncoderSpace
from nungil.runtime.errors import Misconfigured
from nungil.vector_index.exact import ExactVectorIndex
from nungil.vector_index.milvus import open_milvus
from nungil.vector_index.milvus_lite_server import address_of
from nungil.vector_index.port import VectorIndex

_USE = "use milvus-lite://127.0.0.1:PORT, or exact:// (in memory, for tests)"


@contextmanager
def open_vector_index(url: str, space: EncoderSpace) -> Iterator[VectorIndex]:
    """The rows of one encoder space.

    Raises Misconfigured for a URL that names no index, VectorIndexAway where it cannot be reached.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "exact" if not parts.netloc and not parts.path:
            yield ExactVectorIndex(space.dim)
        case "milvus-lite":
            with open_milvus(address_of(url), space) as index:
                yield index
        case _:
            raise Misconfigured(f"{url!r} names no vector index; {_USE}")
