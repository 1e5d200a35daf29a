"""Segments and memberships, as the API shows them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pydantic import Field

from nungil.api.profile.v1 import segments_pb2
from services.gateway.wire.common import Model, NameModel, time_of, word_of


class SizeModel(Model):
    at_least: int = Field(description="0 in the lowest band", examples=[50])
    below: int | None = Field(description="null: no bound", examples=[100])

    @classmethod
    def of(cls, band: segments_pb2.SizeBand) -> SizeModel:
        return cls(at_least=band.at_least, below=band.below or None)


class SegmentVersionModel(Model):
    version: int
    definition: dict[str, Any] = Field(description="with every default written out; can be put again as it is")
    made_at: datetime | None
    published_at: datetime | None = Field(description="null: never")


class SegmentModel(Model):
    id: str
    name: NameModel
    draft: int | None = Field(description="the version that waits to be published")
    published: int | None = Field(description="the version that counts")
    size: SizeModel = Field(description="people in it, in bands: no exact size is told")
    spreading: bool = Field(description="what was published is still being applied to people who do nothing")

    @classmethod
    def of(cls, segment: segments_pb2.Segment) -> SegmentModel:
        return cls(**_fields(segment))


class WholeSegmentModel(SegmentModel):
    versions: list[SegmentVersionModel] = Field(description="newest first; what was published once is kept")

    @classmethod
    def whole(cls, segment: segments_pb2.Segment) -> WholeSegmentModel:
        versions = [
            SegmentVersionModel(
                version=one.version,
                definition=json.loads(one.definition),
                made_at=time_of(one.made_at_ms),
                published_at=time_of(one.published_at_ms),
            )
            for one in segment.versions
        ]
        return cls(**_fields(segment), versions=versions)


class SegmentsModel(Model):
    segments: list[SegmentModel] = Field(description="by id")


class DryRunModel(Model):
    version: int = Field(description="that was tried: the draft, or where there is none what is published")
    size: SizeModel = Field(description="people whom it would let in now")
    of: SizeModel = Field(description="people who may be in any segment: who consented")

    @classmethod
    def made(cls, answer: segments_pb2.DryRunSegmentResponse) -> DryRunModel:
        return cls(version=answer.version, size=SizeModel.of(answer.size), of=SizeModel.of(answer.of))


class EndingDeedModel(Model):
    kind: str = Field(examples=["mute_interest"])
    targets: list[str] = Field(description="interests, pictures, markets of watches, or fields of what is stated")


class EndsModel(Model):
    when: datetime | None = Field(description="if nothing more is done; null: it does not end by itself")
    what: NameModel = Field(description="what would end it, in words")
    deeds: list[EndingDeedModel] = Field(description="done together, they end it at once")


class MembershipModel(Model):
    id: str
    name: NameModel
    since: datetime | None
    because: list[str] = Field(description="the pictures that cause it, strongest first")
    why: NameModel
    ends: EndsModel

    @classmethod
    def of(cls, membership: segments_pb2.Membership) -> MembershipModel:
        return cls(
            id=membership.segment_id,
            name=NameModel.of(membership.name),
            since=time_of(membership.since_ms),
            because=list(membership.media_ids),
            why=NameModel.of(membership.why),
            ends=EndsModel(
                when=time_of(membership.ends_at_ms),
                what=NameModel.of(membership.ends),
                deeds=[
                    EndingDeedModel(
                        kind=word_of(deed.kind, segments_pb2.EndingDeed.Kind, "KIND_"), targets=list(deed.targets)
                    )
                    for deed in membership.deeds
                ],
            ),
        )


def _fields(segment: segments_pb2.Segment) -> dict[str, Any]:
    return {
        "id": segment.segment_id,
        "name": NameModel.of(segment.name),
        "draft": segment.draft or None,
        "published": segment.published or None,
        "size": SizeModel.of(segment.size),
        "spreading": segment.spreading,
    }
