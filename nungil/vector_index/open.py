"""URL -> vector index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from nungil.encoder.port import EncoderSpace
from nungil.runtime.errors import Misconfigured
from nungil.runtime.urls import without_secrets
from nungil.vector_index.exact import ExactVectorIndex
from nungil.vector_index.milvus import open_milvus_lite
from nungil.vector_index.milvus_lite_server import address_of
from nungil.vector_index.milvus_server import open_milvus_server, server_of
from nungil.vector_index.port import VectorIndex

_USE = "use milvus-lite://127.0.0.1:PORT, milvus://host:19530, or exact:// (in memory, for tests)"


@contextmanager
def open_vector_index(url: str, space: EncoderSpace) -> Iterator[VectorIndex]:
    """The rows of one encoder space.

    Raises Misconfigured for a URL that names no index or an index that is not for us, VectorIndexAway where it cannot be reached.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "exact" if not parts.netloc and not parts.path:
            yield ExactVectorIndex(space.dim)
        case "milvus-lite":
            with open_milvus_lite(address_of(url), space) as index:
                yield index
        case "milvus":
            with open_milvus_server(url, space) as index:
                yield index
        case _:
            check_vector_index_url(url)


def check_vector_index_url(url: str) -> None:
    """Raises Misconfigured for a URL that names no index. Connects to nothing."""
    parts = urlsplit(url)
    match parts.scheme:
        case "exact" if not parts.netloc and not parts.path:
            return
        case "milvus-lite":
            address_of(url)
        case "milvus":
            server_of(url)
        case _:
            raise Misconfigured(f"{without_secrets(url)!r} names no vector index; {_USE}")
