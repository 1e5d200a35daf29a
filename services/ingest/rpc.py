"""IngestService over gRPC: collect, translate, call, translate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nungil.api.common.v1.export_pb2 import ExportPart
from nungil.api.ingest.v1 import dates_pb2, dates_pb2_grpc, export_pb2, export_pb2_grpc, ingest_pb2, ingest_pb2_grpc
from nungil.pictures.features import box_from_proto
from nungil.runtime.rpc import chunks
from services.ingest import wire
from services.ingest.core import MAX_PICTURE_BYTES
from services.ingest.errors import FeedTooLarge, InvalidUpload, PictureTooLarge
from services.ingest.feed import MAX_FEED_BYTES
from services.ingest.handlers.dates import Dates
from services.ingest.handlers.exporting import ExportPictures
from services.ingest.handlers.imports import Imports
from services.ingest.handlers.items import Items
from services.ingest.handlers.pictures import Pictures


@dataclass(frozen=True)
class IngestServicer(ingest_pb2_grpc.IngestServiceServicer):
    """Raises our errors; the server turns them into statuses."""

    pictures: Pictures
    items: Items
    imports: Imports

    def PutMedia(
        self, request_iterator: Iterator[ingest_pb2.PutMediaRequest], context: Any
    ) -> ingest_pb2.PutMediaResponse:
        first = next(request_iterator, None)
        if first is None or first.WhichOneof("part") != "header":
            raise InvalidUpload("the first message must be the header")
        caller = wire.caller_of(first.header.caller)
        data = bytearray()
        for part in request_iterator:
            if part.WhichOneof("part") != "chunk":
                raise InvalidUpload("after the header only chunks may come")
            if len(data) + len(part.chunk) > MAX_PICTURE_BYTES:
                raise PictureTooLarge(f"the picture is over {MAX_PICTURE_BYTES // 1_000_000} MB; make it smaller")
            data += part.chunk
        put = self.pictures.put(caller, wire.upload_of(first.header, bytes(data)))
        return ingest_pb2.PutMediaResponse(
            media=wire.media_message(put.media), duplicate=put.duplicate, object_key=put.object_key
        )

    def GetMedia(self, request: ingest_pb2.GetMediaRequest, context: Any) -> ingest_pb2.GetMediaResponse:
        media, features = self.pictures.get(wire.caller_of(request.caller), request.media_id)
        return ingest_pb2.GetMediaResponse(media=wire.media_message(media, features))

    def GetFileNames(self, request: ingest_pb2.GetFileNamesRequest, context: Any) -> ingest_pb2.GetFileNamesResponse:
        names = self.pictures.file_names(wire.caller_of(request.caller), request.media_ids)
        return ingest_pb2.GetFileNamesResponse(file_names=names)

    def ListMedia(self, request: ingest_pb2.ListMediaRequest, context: Any) -> ingest_pb2.ListMediaResponse:
        page, cursor = self.pictures.list(
            wire.caller_of(request.caller), request.purpose, limit=request.limit, cursor=request.cursor
        )
        return ingest_pb2.ListMediaResponse(media=map(wire.media_message, page), next_cursor=cursor)

    def GetImage(self, request: ingest_pb2.GetImageRequest, context: Any) -> Iterator[ingest_pb2.GetImageResponse]:
        box = box_from_proto(request.box) if request.HasField("box") else None
        image = self.pictures.image(
            wire.caller_of(request.caller), request.media_id, max_width_px=request.max_width_px, box=box
        )
        for chunk in chunks(image):
            yield ingest_pb2.GetImageResponse(chunk=chunk)

    def DeleteMedia(self, request: ingest_pb2.DeleteMediaRequest, context: Any) -> ingest_pb2.DeleteMediaResponse:
        self.pictures.delete(wire.caller_of(request.caller), request.media_id)
        return ingest_pb2.DeleteMediaResponse()

    def PutItem(self, request: ingest_pb2.PutItemRequest, context: Any) -> ingest_pb2.PutItemResponse:
        item = self.items.put(wire.caller_of(request.caller), wire.item_of(request.item))
        return ingest_pb2.PutItemResponse(item=wire.item_message(item))

    def GetItem(self, request: ingest_pb2.GetItemRequest, context: Any) -> ingest_pb2.GetItemResponse:
        item = self.items.get(wire.caller_of(request.caller), request.item_id)
        return ingest_pb2.GetItemResponse(item=wire.item_message(item))

    def DeleteItem(self, request: ingest_pb2.DeleteItemRequest, context: Any) -> ingest_pb2.DeleteItemResponse:
        self.items.delete(wire.caller_of(request.caller), request.item_id)
        return ingest_pb2.DeleteItemResponse()

    def ImportFeed(
        self, request_iterator: Iterator[ingest_pb2.ImportFeedRequest], context: Any
    ) -> ingest_pb2.ImportFeedResponse:
        first = next(request_iterator, None)
        if first is None or first.WhichOneof("part") != "caller":
            raise InvalidUpload("the first message must be the caller")
        caller = wire.caller_of(first.caller)
        data = bytearray()
        for part in request_iterator:
            if part.WhichOneof("part") != "chunk":
                raise InvalidUpload("after the caller only chunks may come")
            if len(data) + len(part.chunk) > MAX_FEED_BYTES:
                raise FeedTooLarge(f"the feed is over {MAX_FEED_BYTES // 1_000_000} MB; send it in parts")
            data += part.chunk
        progress, refused = self.imports.start(caller, bytes(data), wire.terms_of(first.terms))
        return ingest_pb2.ImportFeedResponse(**{"import": wire.import_message(progress, refused)})

    def GetImport(self, request: ingest_pb2.GetImportRequest, context: Any) -> ingest_pb2.GetImportResponse:
        progress, refused = self.imports.get(wire.caller_of(request.caller), request.import_id)
        return ingest_pb2.GetImportResponse(**{"import": wire.import_message(progress, refused)})


@dataclass(frozen=True)
class DateServicer(dates_pb2_grpc.DateServiceServicer):
    """Answers `nungil.api.ingest.v1.DateService`."""

    dates: Dates

    def GetDates(self, request: dates_pb2.GetDatesRequest, context: Any) -> dates_pb2.GetDatesResponse:
        return dates_pb2.GetDatesResponse(taken_on=self.dates.of(wire.caller_of(request.caller)))

    def ForgetDates(self, request: dates_pb2.ForgetDatesRequest, context: Any) -> dates_pb2.ForgetDatesResponse:
        return dates_pb2.ForgetDatesResponse(forgotten=self.dates.forget(wire.caller_of(request.caller)))


@dataclass(frozen=True)
class PictureExportServicer(export_pb2_grpc.PictureExportServiceServicer):
    """Answers `nungil.api.ingest.v1.PictureExportService`."""

    export: ExportPictures

    def ExportPictures(
        self, request: export_pb2.ExportPicturesRequest, context: Any
    ) -> Iterator[export_pb2.ExportPicturesResponse]:
        for path, chunk in self.export(wire.caller_of(request.caller)):
            yield export_pb2.ExportPicturesResponse(part=ExportPart(path=path, chunk=chunk))
