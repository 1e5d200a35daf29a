"""States, findings and boxes as bytes and text. Equal ones give equal bytes, and every number survives unchanged. Pure."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nungil.pictures.boxes import Box
from services.profile.clusters import NO_CLUSTERS, Cluster, Clusters
from services.profile.core import Correction, Finding, State
from services.profile.label_weights import LabelWeight
from services.profile.pointed import Pointed
from services.profile.reasons import Reason, Weighed

_LEVEL = 1  # of zlib: most of what can be saved, at a third of the time


def encode_state(state: State) -> bytes:
    """How long the compressed JSON is (uint32, little-endian), the JSON, then the vectors as they are."""
    events = sorted({_event_of(reason) for one in state.interests.values() for reason in one.reasons})
    place = {event: n for n, event in enumerate(events)}
    head = zlib.compress(
        _canonical(
            {
                "last": state.last,
                "events": events,
                "interests": {
                    id_: [one.weight, one.at_ms, [_reason_to_json(reason, place) for reason in one.reasons]]
                    for id_, one in state.interests.items()
                },
                "corrections": {
                    id_: [said.followed, said.muted, said.pinned, said.name] for id_, said in state.corrections.items()
                },
                "labels": {
                    id_: [one.fast, one.slow, one.at_ms, one.seen, one.interests] for id_, one in state.labels.items()
                },
                "clusters": [
                    [one.weight, one.at_ms, one.days, one.media_id, _box_to_json(one.box), one.interests]
                    for one in state.clusters.each
                ],
                "negatives": [_pointed_to_json(one) for one in state.negatives],
                "session": [_pointed_to_json(one) for one in state.session],
            }
        ).encode(),
        _LEVEL,
    )
    pointed = [one.vector for one in (*state.negatives, *state.session)]
    means, medoids = state.clusters.means.astype("<f2").tobytes(), state.clusters.medoids.tobytes()
    return b"".join([struct.pack("<I", len(head)), head, means, medoids, *pointed])


def decode_state(data: bytes) -> State:
    """Back from `encode_state`."""
    (size,) = struct.unpack_from("<I", data)
    head, vectors = json.loads(zlib.decompress(data[4 : 4 + size])), data[4 + size :]
    n, pointed = len(head["clusters"]), len(head["negatives"]) + len(head["session"])
    dim = len(vectors) // (3 * n + pointed) if vectors else 0
    rings = [vectors[dim * i : dim * (i + 1)] for i in range(3 * n, 3 * n + pointed)]
    negatives = len(head["negatives"])
    return State(
        {id_: _weighed_from_json(one, head["events"]) for id_, one in head["interests"].items()},
        (head["last"][0], head["last"][1]),
        {id_: Correction(*said) for id_, said in head["corrections"].items()},
        _clusters_from_json(head["clusters"], vectors, dim),
        {
            id_: LabelWeight(fast, slow, at_ms, tuple((mark, day) for mark, day in seen), tuple(interests))
            for id_, (fast, slow, at_ms, seen, interests) in head["labels"].items()
        },
        tuple(_pointed_from_json(*one) for one in zip(head["negatives"], rings[:negatives], strict=True)),
        tuple(_pointed_from_json(*one) for one in zip(head["session"], rings[negatives:], strict=True)),
    )


def encode_findings(findings: Iterable[Finding]) -> str:
    """Canonical JSON, as a journal keeps it."""
    return _canonical(
        [[f.interest, f.score, _box_to_json(f.box), [list(label) for label in f.labels]] for f in findings]
    )


def decode_findings(text: str) -> tuple[Finding, ...]:
    """Back from `encode_findings`."""
    return tuple(
        Finding(interest, score, Box(*box), tuple((label, p) for label, p in labels))
        for interest, score, box, labels in json.loads(text)
    )


def encode_box(box: Box | None) -> str | None:
    """As a journal keeps it."""
    return None if box is None else _canonical(_box_to_json(box))


def decode_box(text: str | None) -> Box | None:
    """Back from `encode_box`."""
    return None if text is None else Box(*json.loads(text))


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _box_to_json(box: Box) -> list[float]:
    return [box.x, box.y, box.width, box.height]


def _event_of(reason: Reason) -> tuple[str, int, str, int]:
    return (reason.event_id, reason.kind, reason.media_id, reason.occurred_at_ms)


def _reason_to_json(reason: Reason, place: Mapping[tuple[str, int, str, int], int]) -> list[Any]:
    return [place[_event_of(reason)], reason.amount, _box_to_json(reason.box), reason.labels]


def _weighed_from_json(one: Sequence[Any], events: Sequence[Any]) -> Weighed:
    weight, at_ms, reasons = one
    return Weighed(weight, at_ms, tuple([_reason_from_json(events[event], *said) for event, *said in reasons]))


def _reason_from_json(event: Sequence[Any], amount: float, box: Sequence[float], labels: Sequence[Any]) -> Reason:
    event_id, kind, media_id, occurred_at_ms = event
    return Reason(event_id, kind, media_id, occurred_at_ms, amount, Box(*box), tuple(map(tuple, labels)))


def _clusters_from_json(each: Sequence[Any], vectors: bytes, dim: int) -> Clusters:
    if not each:
        return NO_CLUSTERS
    n = len(each)
    return Clusters(
        tuple(
            Cluster(weight, at_ms, days, media_id, Box(*box), tuple((id_, w) for id_, w in interests))
            for weight, at_ms, days, media_id, box, interests in each
        ),
        np.frombuffer(vectors, "<f2", n * dim).reshape(n, dim).astype(np.float32),
        np.frombuffer(vectors, np.int8, n * dim, 2 * n * dim).reshape(n, dim),
    )


def _pointed_to_json(one: Pointed) -> list[Any]:
    return [one.media_id, _box_to_json(one.box), one.kind, one.at_ms, one.interests]


def _pointed_from_json(one: Sequence[Any], vector: bytes) -> Pointed:
    media_id, box, kind, at_ms, interests = one
    return Pointed(media_id, Box(*box), kind, at_ms, tuple(interests), vector)
