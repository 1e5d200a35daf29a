"""The messages of a lens session, as JSON: each is an object with one name, that of what it asks or tells."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from nungil.api.search.v1 import search_pb2
from nungil.pictures.boxes import ACCEPTED
from services.gateway.core import Who
from services.gateway.errors import InvalidMessage
from services.gateway.wire.common import BoxModel, Model, RegionModel, caller
from services.gateway.wire.items import ItemModel
from services.gateway.wire.search import CountedChipModel, NarrowedModel, UnderstoodModel, understood_of

Number = Annotated[
    int, Field(strict=True, ge=1, lt=2**53, description="the caller's, growing over frames and refines alike")
]
_NAMES = '{"open": …}, {"frame": …} or {"refine": …}'
_URN = "urn:nungil:error:"


class LensOpenModel(NarrowedModel):
    """The first message: which picture, and what results must be to begin with."""

    media_id: str = Field(min_length=1, max_length=100)
    limit: int = Field(20, ge=1, le=100, description="hits an answer")
    record: bool = Field(True, description="a person does this: where the frame rests counts for their interests")

    def proto(self, who: Who) -> search_pb2.LensRequest:
        return search_pb2.LensRequest(
            open=search_pb2.LensOpen(
                caller=caller(who),
                media_id=self.media_id,
                refine=_refine(self, 0),
                limit=self.limit,
                record=self.record and bool(who.person_id),
            )
        )


class LensFrameModel(Model):
    """Where the frame is now."""

    number: Number
    box: BoxModel | None = Field(None, description="without box and region, the whole picture")
    region: int | None = Field(None, strict=True, ge=0, le=1000, description="instead of a box: the n of a dot")
    rest: bool = Field(False, strict=True, description="the frame was let go: answer with a full search now")

    @model_validator(mode="after")
    def _one_part(self) -> LensFrameModel:
        if self.box is not None and self.region is not None:
            raise ValueError("give box or region, not both")
        return self

    def proto(self, _: Who) -> search_pb2.LensRequest:
        frame = search_pb2.LensFrame(number=self.number, rest=self.rest)
        if self.box is not None:
            frame.box.CopyFrom(self.box.proto())
        elif self.region is not None:
            frame.region = self.region
        return search_pb2.LensRequest(frame=frame)


class LensRefineModel(NarrowedModel):
    """What results must be from now on, in place of all that held before."""

    number: Number

    def proto(self, _: Who) -> search_pb2.LensRequest:
        return search_pb2.LensRequest(refine=_refine(self, self.number))


LensAsk = LensOpenModel | LensFrameModel | LensRefineModel


class LensAskModel(Model):
    """One of these."""

    open: LensOpenModel | None = None
    frame: LensFrameModel | None = None
    refine: LensRefineModel | None = None

    @model_validator(mode="after")
    def _one(self) -> LensAskModel:
        if len([ask for ask in (self.open, self.frame, self.refine) if ask is not None]) != 1:
            raise ValueError(f"a message is one of {_NAMES}")
        return self


class LensHitModel(Model):
    media_id: str
    item_id: str | None = Field(
        description="of `items`, here or in an answer before; null: a picture that is no item's"
    )
    score: float
    box: BoxModel | None = Field(description="the part of this picture that matched; null while it is not known")
    same: bool


class LensReadyModel(Model):
    number: int
    rows: int
    regions: list[RegionModel]
    understood: UnderstoodModel | None


class LensAnswerModel(Model):
    number: int
    full: bool
    matched: bool
    hits: list[LensHitModel]
    items: list[ItemModel]
    box: BoxModel
    clipped: bool
    partial: bool
    chips: list[CountedChipModel]
    counted: int
    took_ms: float


class LensFaultModel(Model):
    number: int | None
    type: str
    detail: str


class LensClosedModel(Model):
    type: str
    detail: str


class LensToldModel(Model):
    """One of these."""

    ready: LensReadyModel | None = None
    answer: LensAnswerModel | None = None
    fault: LensFaultModel | None = None
    closed: LensClosedModel | None = None


def ask_of(text: str) -> LensAsk:
    """What a client asks. Raises InvalidMessage, which says what is accepted."""
    try:
        given = LensAskModel.model_validate_json(text)
    except ValidationError as error:
        raise _invalid(error) from error
    ask = given.open or given.frame or given.refine
    assert ask is not None  # noqa: S101  # validated
    return ask


def number_in(text: str) -> int:
    """The number of a message that is wrong otherwise, for its fault; 0 where it has none."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return 0
    for name in ("frame", "refine"):
        ask = given.get(name) if isinstance(given, dict) else None
        number = ask.get("number") if isinstance(ask, dict) else None
        if type(number) is int and 0 < number < 2**53:
            return number
    return 0


def told_text(response: search_pb2.LensResponse) -> str:
    """What search tells, for the client."""
    tell = response.WhichOneof("tell")
    told: Any = getattr(response, tell or "")
    match tell:
        case "ready":
            model = LensToldModel(ready=_ready(told))
        case "answer":
            model = LensToldModel(answer=_answer(told))
        case "fault":
            fault = LensFaultModel(number=told.number or None, type=_urn(told.type), detail=told.detail)
            model = LensToldModel(fault=fault)
        case _:
            model = LensToldModel(closed=LensClosedModel(type=_urn(told.type), detail=told.detail))
    return model.model_dump_json(exclude_unset=True)


def _refine(model: NarrowedModel, number: int) -> search_pb2.LensRefine:
    return search_pb2.LensRefine(
        number=number,
        filters=model.filters.proto(),
        text=model.text,
        narrow=model.narrow_protos(),
        exclude=model.exclude_protos(),
        sort=model.sort_proto(),
    )


def _ready(told: search_pb2.LensReady) -> LensReadyModel:
    return LensReadyModel(
        number=told.number, rows=told.rows, regions=RegionModel.all(told.regions), understood=understood_of(told)
    )


def _answer(told: search_pb2.LensAnswer) -> LensAnswerModel:
    return LensAnswerModel(
        number=told.number,
        full=told.full,
        matched=told.matched,
        hits=[
            LensHitModel(
                media_id=hit.media_id,
                item_id=hit.item_id or None,
                score=hit.score,
                box=BoxModel.of(hit.box) if hit.HasField("box") else None,
                same=hit.same,
            )
            for hit in told.hits
        ],
        items=[ItemModel.of(item) for item in told.items],
        box=BoxModel.of(told.box),
        clipped=told.clipped,
        partial=told.partial,
        chips=[CountedChipModel.of(chip) for chip in told.chips],
        counted=told.counted,
        took_ms=told.took_ms,
    )


def _urn(type_: str) -> str:
    return type_ if type_.startswith("urn:") else f"{_URN}{type_}"


def _invalid(error: ValidationError) -> InvalidMessage:
    faults = error.errors()
    in_box = any("box" in fault["loc"] for fault in faults)
    said = "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'message'}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in faults
    )
    if in_box:
        return InvalidMessage(f"{said}; {ACCEPTED}", slug="invalid-box")
    known = any(fault["loc"] for fault in faults) and not any(fault["type"] == "extra_forbidden" for fault in faults)
    return InvalidMessage(said if known else f"{said}; a message is one of {_NAMES}")
