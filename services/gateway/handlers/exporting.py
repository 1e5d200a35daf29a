"""All that is kept of a person as one zip, made while it is sent."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc

from nungil.api.common.v1.export_pb2 import ExportPart
from nungil.api.ingest.v1 import export_pb2
from nungil.api.profile.v1 import erasure_pb2
from nungil.runtime.rpc import calling, metadata
from services.gateway.core import Who
from services.gateway.handlers.peers import Peers
from services.gateway.wire.common import caller

README = """\
Nungil

이 파일에는 눈길이 당신에 대해 보관하는 모든 것이 들어 있습니다.
  profile/*.json        관심사와 그 이유, 동의, 기다리는 물건: 화면에 보이는 그대로
  profile/kept/*.json   보관된 기록을 표 하나에 파일 하나로 (journal.json은 활동 기록, people.json은 당신의 아이디)
  pictures/             당신의 사진, 보관된 원본 그대로 (메타데이터는 받을 때 지워집니다)
  pictures/index.json   사진마다 이름, 찍은 날, 올린 때

This archive holds everything that Nungil keeps of you.
  profile/*.json        interests with their reasons, consents, what you wait for: as they are shown to you
  profile/kept/*.json   the records as they are kept, a file a table (journal.json: what you did; people.json: your id)
  pictures/             your pictures, the originals as they are kept (metadata is removed when a picture comes)
  pictures/index.json   of each picture its name, the date taken and when you gave it

Times are UTC, ISO 8601. Boxes are fractions of the picture, origin top left.
"""
_STORED = (".jpg", ".png", ".webp")  # compressed already


@dataclass(frozen=True)
class Export:
    """Asks profile, then ingest, and holds no more than a part of what they send."""

    peers: Peers
    timeout_s: float

    async def __call__(self, who: Who) -> AsyncIterator[bytes]:
        """The pieces of the zip. Raises what profile raises before the first of them; an error later cuts it short."""
        of_profile = erasure_pb2.ExportRequest(caller=caller(who))
        profile = self.peers.erasure.Export(of_profile, timeout=self.timeout_s, metadata=metadata())
        first = await _next(profile)
        return self._pieces(who, profile, first)

    async def _pieces(self, who: Who, profile: Any, first: ExportPart | None) -> AsyncIterator[bytes]:
        with _Archive() as archive:
            yield archive.write(ExportPart(path="README.txt", chunk=README.encode()))
            part = first
            while part is not None:
                yield archive.write(part)
                part = await _next(profile)
            of_ingest = export_pb2.ExportPicturesRequest(caller=caller(who))
            pictures = self.peers.pictures.ExportPictures(of_ingest, timeout=self.timeout_s, metadata=metadata())
            while (part := await _next(pictures)) is not None:
                yield archive.write(part)
            yield archive.end()


async def _next(call: Any) -> ExportPart | None:
    """None at the end."""
    with calling():
        answer = await call.read()
    if answer is grpc.aio.EOF:  # type: ignore[attr-defined]  # the stubs lack it
        return None
    part: ExportPart = answer.part
    return part


class _Archive:
    """A zip that nothing seeks in: what was written can be sent at once."""

    def __init__(self) -> None:
        self._written = _Written()
        self._zip = zipfile.ZipFile(self._written, "w")
        self._file: Any = None

    def __enter__(self) -> _Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()  # also of one that nobody reads to its end

    def write(self, part: ExportPart) -> bytes:
        """What is to be sent."""
        if part.path:
            self._close()
            info = zipfile.ZipInfo(part.path)
            info.compress_type = zipfile.ZIP_STORED if part.path.endswith(_STORED) else zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            self._file = self._zip.open(info, "w", force_zip64=True)
        self._file.write(part.chunk)
        return self._written.taken()

    def end(self) -> bytes:
        """The directory of the zip."""
        self._close()
        self._zip.close()
        return self._written.taken()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class _Written(io.RawIOBase):
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def taken(self) -> bytes:
        """And forgets it."""
        taken, self._held = bytes(self._held), bytearray()
        return taken
