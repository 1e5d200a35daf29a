"""Giving a picture, and showing one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from nungil.api.common.v1 import common_pb2
from nungil.api.embed.v1 import embed_pb2
from nungil.api.ingest.v1 import ingest_pb2
from nungil.api.profile.v1 import profile_pb2
from nungil.runtime.errors import TooLarge
from nungil.runtime.rpc import CHUNK_BYTES, calling, metadata
from services.gateway.core import Who
from services.gateway.errors import ConsentNeeded
from services.gateway.handlers.peers import Peers, ask
from services.gateway.wire.common import caller
from services.gateway.wire.pictures import PurposeWord, SourceWord, put_media_header

_REMEMBERED = 20_000


class File(Protocol):
    """What an upload is read from."""

    async def read(self, size: int) -> bytes: ...


@dataclass(frozen=True)
class Upload:
    """A picture as it was sent."""

    file: File
    file_name: str
    purpose: PurposeWord
    source: SourceWord
    source_url: str
    keep_taken_on: bool


Given = tuple[ingest_pb2.PutMediaResponse, embed_pb2.EncodePictureResponse | None]


@dataclass(frozen=True)
class GivePicture:
    """Stores a picture; one that is only searched with is encoded at once, so that it can be."""

    peers: Peers
    limit_bytes: int
    timeout_s: float

    async def __call__(self, who: Who, upload: Upload) -> Given:
        """Raises what ingest and embed raise, TooLarge, and ConsentNeeded where the date may not be kept."""
        if upload.keep_taken_on:
            await self._check_consent(who)
        with calling():
            stored = await self.peers.ingest.PutMedia(
                self._messages(who, upload), timeout=self.timeout_s, metadata=metadata()
            )
        if upload.purpose != "search":
            return stored, None
        request = embed_pb2.EncodePictureRequest(
            caller=caller(who), media_id=stored.media.media_id, object_key=stored.object_key
        )
        return stored, await ask(self.peers.embed.EncodePicture, request, timeout_s=self.timeout_s)

    async def _messages(self, who: Who, upload: Upload) -> AsyncIterator[ingest_pb2.PutMediaRequest]:
        yield put_media_header(
            who,
            purpose=upload.purpose,
            source=upload.source,
            source_url=upload.source_url,
            file_name=upload.file_name,
            keep_taken_on=upload.keep_taken_on,
        )
        while chunk := await upload.file.read(CHUNK_BYTES):
            yield ingest_pb2.PutMediaRequest(chunk=chunk)

    async def _check_consent(self, who: Who) -> None:
        request = profile_pb2.GetConsentsRequest(caller=caller(who.as_person()))
        answer = await ask(self.peers.profile.GetConsents, request, timeout_s=self.timeout_s)
        taken_on = profile_pb2.CONSENT_PURPOSE_TAKEN_ON
        if not any(consent.given for consent in answer.consents if consent.purpose == taken_on):
            raise ConsentNeeded("keep_taken_on needs the person's consent 'taken_on'")

    def check_size(self, size_bytes: int) -> None:
        """Raises TooLarge."""
        if size_bytes > self.limit_bytes:
            raise TooLarge(f"the picture has {size_bytes:,} bytes; at most {self.limit_bytes:,} are taken")


@dataclass(frozen=True)
class ShowPicture:
    """The bytes of a picture, as JPEG."""

    peers: Peers
    timeout_s: float

    async def __call__(self, who: Who, media_id: str, *, max_width_px: int, box: common_pb2.Box | None = None) -> bytes:
        """box: the part to show; None: all. Raises NotFound. A rendition is small enough to be held whole, and an error then comes before the first byte."""
        request = ingest_pb2.GetImageRequest(caller=caller(who), media_id=media_id, max_width_px=max_width_px, box=box)
        with calling():
            call = self.peers.ingest.GetImage(request, timeout=self.timeout_s, metadata=metadata())
            return b"".join([part.chunk async for part in call])


@dataclass(frozen=True)
class DeletePicture:
    """Removes a picture: one's own, or with the scope for it the catalogue's."""

    peers: Peers
    timeout_s: float

    async def __call__(self, who: Who, media_id: str) -> None:
        """Raises NotFound, ScopeNeeded."""
        get = ingest_pb2.GetMediaRequest(caller=caller(who), media_id=media_id)
        found = await ask(self.peers.ingest.GetMedia, get, timeout_s=self.timeout_s)
        if found.media.purpose == common_pb2.PURPOSE_CATALOGUE:
            who.within("catalogue")
        delete = ingest_pb2.DeleteMediaRequest(caller=caller(who), media_id=media_id)
        await ask(self.peers.ingest.DeleteMedia, delete, timeout_s=self.timeout_s)


@dataclass(frozen=True)
class FileNames:
    """The file names of pictures that the caller was shown. Names do not change, so the last 20,000 are remembered."""

    peers: Peers
    timeout_s: float
    _names: OrderedDict[tuple[str, str], str] = field(default_factory=OrderedDict)

    async def __call__(self, who: Who, media_ids: Iterable[str]) -> dict[str, str]:
        """media_ids: as a search that `who` made gave them. A picture that is deleted meanwhile has no name."""
        wanted = list(dict.fromkeys(media_ids))
        unknown = [media_id for media_id in wanted if (who.tenant, media_id) not in self._names]
        if unknown:
            await self._learn(who, unknown)
        names = {media_id: self._names.get((who.tenant, media_id), "") for media_id in wanted}
        while len(self._names) > _REMEMBERED:
            self._names.popitem(last=False)
        return names

    def forget(self, tenant: str, media_id: str) -> None:
        """The picture was deleted. On the event loop."""
        self._names.pop((tenant, media_id), None)

    async def _learn(self, who: Who, media_ids: list[str]) -> None:
        request = ingest_pb2.GetFileNamesRequest(caller=caller(who), media_ids=media_ids)
        answer = await ask(self.peers.ingest.GetFileNames, request, timeout_s=self.timeout_s)
        for media_id, file_name in answer.file_names.items():
            self._names[who.tenant, media_id] = file_name
