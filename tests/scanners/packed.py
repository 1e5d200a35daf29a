"""Files whose bytes are packed: feature objects, and Parquet as milvus-lite and Milvus write it."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from google.protobuf.message import DecodeError

from nungil.pictures.features import decode_features
from tests.scanners.canaries import Blob, raw

_MAGIC = b"PAR1"


def features(folder: Path) -> Iterator[Blob]:
    """Of each feature object its ids, and vectors as float32."""
    for where, data in raw(folder):
        if where.startswith("name ") or "/xl.meta" in where:
            continue
        try:
            found = decode_features(data)
        except (DecodeError, ValueError, IndexError, KeyError):
            continue
        yield where, f"{found.tenant}/{found.media_id}/{found.owner}".encode()
        for region in found.regions:
            yield where, np.asarray(region.vector, dtype="<f4").tobytes()


def parquet(folder: Path) -> Iterator[Blob]:
    """Of each Parquet file, and of each that lies within another file, every value of every column; and the files as they are."""
    for where, data in raw(folder):
        yield where, data
        if where.startswith("name "):
            continue
        for packed in _packed(data):
            try:
                table = pq.read_table(io.BytesIO(packed))
            except (pa.ArrowException, OSError):
                continue
            for column in table.columns:
                yield where, b"\0".join(_values(column))


def _packed(data: bytes) -> Iterator[bytes]:
    """A Parquet file begins and ends with its magic; before the last is the length of its footer."""
    start = data.find(_MAGIC)
    while start >= 0:
        end = data.find(_MAGIC, start + 4)
        while end >= 0:
            [footer] = struct.unpack("<I", data[end - 4 : end])
            if 0 < footer < end - start - 8:
                yield data[start : end + 4]
                break
            end = data.find(_MAGIC, end + 4)
        start = data.find(_MAGIC, end + 4) if end >= 0 else -1


def _values(column: pa.ChunkedArray) -> Iterator[bytes]:
    for value in column.to_pylist():
        if isinstance(value, bytes):
            yield value
        elif isinstance(value, list):
            yield (
                np.asarray(value, dtype="<f4").tobytes()
                if value and not isinstance(value[0], str)
                else repr(value).encode()
            )
        elif value is not None:
            yield str(value).encode()
