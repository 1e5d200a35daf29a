"""Segments and memberships as messages."""

from __future__ import annotations

from nungil.api.profile.v1 import segments_pb2 as pb
from nungil.pictures.naming import name_to_proto
from services.profile.handlers.segments import Mine, Told
from services.profile.segments.explanation import DELETE_PICTURES, DELETE_WATCHES, MUTE, TAKE_BACK, UNFOLLOW
from services.profile.segments.sizes import Band

_KINDS = {
    MUTE: pb.EndingDeed.KIND_MUTE_INTEREST,
    UNFOLLOW: pb.EndingDeed.KIND_UNFOLLOW_INTEREST,
    DELETE_PICTURES: pb.EndingDeed.KIND_DELETE_PICTURES,
    DELETE_WATCHES: pb.EndingDeed.KIND_DELETE_WATCHES,
    TAKE_BACK: pb.EndingDeed.KIND_TAKE_BACK_ABOUT,
}


def segment_to_proto(told: Told, *, with_versions: bool = True) -> pb.Segment:
    """As its shop sees it."""
    return pb.Segment(
        segment_id=told.row.segment_id,
        name=name_to_proto(told.name),
        draft=told.row.draft,
        published=told.row.published,
        size=band_to_proto(told.size),
        spreading=told.row.spreading,
        versions=[
            pb.SegmentVersion(
                version=one.version,
                definition=one.definition,
                made_at_ms=one.made_at_ms,
                published_at_ms=one.published_at_ms,
            )
            for one in (told.versions if with_versions else ())
        ],
    )


def band_to_proto(band: Band) -> pb.SizeBand:
    """How many people, never exactly."""
    return pb.SizeBand(at_least=band.at_least, below=band.below or 0)


def membership_to_proto(mine: Mine) -> pb.Membership:
    """As its person sees it."""
    told = mine.explanation
    return pb.Membership(
        segment_id=mine.segment_id,
        name=name_to_proto(mine.name),
        since_ms=mine.since_ms,
        media_ids=told.media_ids,
        why=name_to_proto(told.why),
        ends_at_ms=told.ends_at_ms or 0,
        ends=name_to_proto(told.ends),
        deeds=[pb.EndingDeed(kind=_KINDS[deed.kind], targets=deed.targets) for deed in told.deeds],
    )
