"""EmbedService over gRPC: translate, call, translate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nungil.api.embed.v1 import embed_pb2, embed_pb2_grpc
from nungil.taxonomy.taxonomy import Taxonomy
from services.embed import wire
from services.embed.core import Picture
from services.embed.handlers import EncodePicture
from services.embed.texts import EncodeTexts


@dataclass(frozen=True)
class EmbedServicer(embed_pb2_grpc.EmbedServiceServicer):
    """Raises our errors; the server turns them into statuses."""

    encode: EncodePicture
    encode_texts: EncodeTexts
    taxonomy: Taxonomy

    def EncodePicture(self, request: embed_pb2.EncodePictureRequest, context: Any) -> embed_pb2.EncodePictureResponse:
        picture = Picture(request.caller.tenant, request.media_id, request.caller.person_id)
        return wire.encoded(self.encode(picture, request.object_key), self.taxonomy)

    def EncodeText(self, request: embed_pb2.EncodeTextRequest, context: Any) -> embed_pb2.EncodeTextResponse:
        space, vectors = self.encode_texts(request.texts)
        return wire.encoded_texts(space, vectors)
