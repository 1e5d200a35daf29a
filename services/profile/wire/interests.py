"""Interests and consents, as messages."""

from __future__ import annotations

from collections.abc import Mapping

from nungil.api.common.v1 import common_pb2
from nungil.api.profile.v1 import profile_pb2
from nungil.pictures.features import box_to_proto
from nungil.pictures.naming import name_to_proto
from nungil.taxonomy.taxonomy import Interest, Taxonomy
from services.profile import sentences
from services.profile.core import KeptConsent, Reason
from services.profile.shown import Change, Shown, clean_name

PURPOSES = tuple(p for p in profile_pb2.ConsentPurpose.values() if p != profile_pb2.CONSENT_PURPOSE_UNSPECIFIED)


def interest_to_proto(taxonomy: Taxonomy, shown: Shown) -> profile_pb2.Interest:
    """An interest of the taxonomy as it is shown."""
    interest = taxonomy.interests[shown.id]
    return profile_pb2.Interest(
        id=shown.id,
        name=name_to_proto(interest.name),
        parent_id=interest.parent or "",
        weight=shown.weight,
        evidence=[_evidence_to_proto(taxonomy, shown.id, reason) for reason in shown.reasons],
        own_name=shown.said.name,
        trend=profile_pb2.Trend.ValueType(shown.trend),
        followed=shown.said.followed,
        muted=shown.said.muted,
        pinned=shown.said.pinned,
        etag=shown.etag,
    )


def change_of(request: profile_pb2.CorrectInterestRequest) -> Change:
    """What is to be said; what is absent stays as it is. Raises InvalidName."""
    name = clean_name(request.own_name) if request.HasField("own_name") else None
    followed, muted, pinned = (
        getattr(request, field) if request.HasField(field) else None for field in ("followed", "muted", "pinned")
    )
    return Change(name, followed, muted, pinned)


def found_to_proto(interest: Interest) -> profile_pb2.FindInterestsResponse.Found:
    """An interest of the taxonomy, for following."""
    return profile_pb2.FindInterestsResponse.Found(
        id=interest.id, name=name_to_proto(interest.name), parent_id=interest.parent or ""
    )


def consents_to_proto(kept: Mapping[int, KeptConsent]) -> list[profile_pb2.Consent]:
    """One for every purpose; what was never set is not given."""
    return [consent_to_proto(purpose, kept.get(purpose, KeptConsent())) for purpose in PURPOSES]


def consent_to_proto(purpose: int, kept: KeptConsent) -> profile_pb2.Consent:
    """One consent."""
    return profile_pb2.Consent(
        purpose=profile_pb2.ConsentPurpose.ValueType(purpose), given=kept.given, changed_at_ms=kept.changed_at_ms
    )


def _evidence_to_proto(taxonomy: Taxonomy, interest_id: str, reason: Reason) -> profile_pb2.Evidence:
    labels = [(taxonomy.labels[label], p) for label, p in reason.labels if label in taxonomy.labels]
    name = taxonomy.interests[interest_id].name
    of_colours = not labels and taxonomy.is_look(interest_id)
    why = (
        sentences.why_by_colours(name, reason)
        if of_colours
        else sentences.why(name, reason, [(entry.name, p) for entry, p in labels])
    )
    return profile_pb2.Evidence(
        media_id=reason.media_id,
        box=box_to_proto(reason.box),
        kind=profile_pb2.ActivityKind.ValueType(reason.kind),
        labels=[common_pb2.Label(id=entry.id, name=name_to_proto(entry.name), score=p) for entry, p in labels],
        why=name_to_proto(why),
        occurred_at_ms=reason.occurred_at_ms,
    )
