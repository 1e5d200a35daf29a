"""Leaving: all that is kept to take away, its removal, and the receipt."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError
from sqlalchemy import Engine

from nungil.api.common.v1.export_pb2 import ExportPart
from nungil.api.profile.v1 import erasure_pb2 as pb
from nungil.api.profile.v1.erasure_pb2_grpc import ErasureServiceServicer
from nungil.api.profile.v1.events_pb2 import ErasureConfirmed
from nungil.database.open import reading
from nungil.erasing import InvalidErasure
from nungil.event_log.consume import Handler
from nungil.event_log.port import Record
from nungil.runtime.errors import Rejected
from services.profile.handlers.erasing import Confirm, Erase, Receipts
from services.profile.handlers.exporting import Export
from services.profile.store import erasures_rows as rows

logger = logging.getLogger(__name__)


class ErasureServicer(ErasureServiceServicer):
    """Answers `nungil.api.profile.v1.ErasureService`."""

    def __init__(self, erase: Erase, receipts: Receipts, export: Export) -> None:
        self._erase = erase
        self._receipts = receipts
        self._export = export

    def EraseMe(self, request: pb.EraseMeRequest, context: Any) -> pb.EraseMeResponse:
        return pb.EraseMeResponse(receipt_id=self._erase(request.caller.tenant, request.caller.person_id))

    def GetReceipt(self, request: pb.GetReceiptRequest, context: Any) -> pb.GetReceiptResponse:
        document = self._receipts(request.receipt_id)
        return pb.GetReceiptResponse(document=json.dumps(document, ensure_ascii=False))

    def GetReceiptKey(self, request: pb.GetReceiptKeyRequest, context: Any) -> pb.GetReceiptKeyResponse:
        return pb.GetReceiptKeyResponse(public_key=self._receipts.public_key())

    def Export(self, request: pb.ExportRequest, context: Any) -> Iterator[pb.ExportResponse]:
        for path, chunk in self._export(request.caller.tenant, request.caller.person_id):
            yield pb.ExportResponse(part=ExportPart(path=path, chunk=chunk))


@dataclass(frozen=True)
class DropOfErased:
    """Reads as `read` does; what is wrong only because its person left is dropped, and no dead letter."""

    read: Handler
    engine: Engine

    def __call__(self, records: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        faults = list(self.read(records))
        if not faults:
            return []
        with reading(self.engine) as c:
            gone = rows.erased_among(c, {record.key for record, _ in faults})
        for record, _ in faults:
            if record.key in gone:
                logger.info("%s[%d] at %d is dropped: its person left", record.topic, record.partition, record.offset)
        return [(record, error) for record, error in faults if record.key not in gone]


@dataclass(frozen=True)
class ReadConfirmations:
    """Handles records of erasure.confirmed."""

    confirm: Confirm

    def __call__(self, records: Sequence[Record]) -> Iterable[tuple[Record, Rejected]]:
        for record in records:
            try:
                self.confirm(_confirmed_of(record))
            except Rejected as error:
                yield record, error


def _confirmed_of(record: Record) -> ErasureConfirmed:
    try:
        event = ErasureConfirmed.FromString(record.value or b"")
    except DecodeError as error:
        raise InvalidErasure(f"no ErasureConfirmed: {error}") from error
    if not (event.tenant and event.person_id and event.service and event.store) or event.occurred_at_ms <= 0:
        raise InvalidErasure("an ErasureConfirmed without tenant, person_id, service, store or time")
    return event
