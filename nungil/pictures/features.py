"""What was found in a picture, as arrays: the reading and writing of `nungil.api.embed.v1.Features`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nungil.api.common.v1 import common_pb2
from nungil.api.embed.v1 import features_pb2
from nungil.pictures.boxes import Box


class FoundLabel(NamedTuple):
    """A label of the taxonomy and its probability. A tuple: a picture has up to 300, and a dataclass takes thrice the time."""

    id: str
    score: float


@dataclass(frozen=True, slots=True)
class FoundColour:
    """A basic colour and its share of the pixels. rgb: 0xRRGGBB."""

    id: str
    rgb: int
    share: float


@dataclass(frozen=True, slots=True)
class FoundRegion:
    """A part worth searching for. vector: float32 [dim], unit length. n = 0 is the whole picture."""

    n: int
    box: Box
    vector: NDArray[np.float32]
    labels: tuple[FoundLabel, ...] = ()


@dataclass(frozen=True, slots=True)
class Features:
    """All that one forward pass found.

    map: float32 [rows, columns, dim], not normalised. label_map: float32 [len(labels), rows, columns]. labels: of the
    whole picture, best first.
    """

    tenant: str
    media_id: str
    owner: str
    encoder_space: str
    version: int
    width_px: int
    height_px: int
    map: NDArray[np.float32]
    regions: tuple[FoundRegion, ...]
    labels: tuple[FoundLabel, ...]
    label_map: NDArray[np.float32]
    colours: tuple[FoundColour, ...] = field(default=())


def encode_features(features: Features) -> bytes:
    """The object's bytes. Maps are kept as float16: half the size, and cosines move by less than 1e-3."""
    rows, columns, dim = features.map.shape
    return features_pb2.Features(
        tenant=features.tenant,
        media_id=features.media_id,
        owner=features.owner,
        encoder_space=features.encoder_space,
        version=features.version,
        width_px=features.width_px,
        height_px=features.height_px,
        rows=rows,
        columns=columns,
        dim=dim,
        map_f16=features.map.astype("<f2").tobytes(),
        regions=[
            features_pb2.FoundRegion(
                n=region.n,
                box=box_to_proto(region.box),
                vector_f32=region.vector.astype("<f4").tobytes(),
                labels=_labels_to_proto(region.labels),
            )
            for region in features.regions
        ],
        labels=_labels_to_proto(features.labels),
        label_map_f16=features.label_map.astype("<f2").tobytes(),
        colours=[features_pb2.FoundColour(id=c.id, rgb=c.rgb, share=c.share) for c in features.colours],
    ).SerializeToString(deterministic=True)


def decode_features(data: bytes) -> Features:
    """Back from the object's bytes. Raises google.protobuf.message.DecodeError or ValueError where they are none."""
    message = features_pb2.Features.FromString(data)
    shape = (message.rows, message.columns)
    map_ = np.frombuffer(message.map_f16, dtype="<f2").reshape(*shape, message.dim).astype(np.float32)
    label_map = np.frombuffer(message.label_map_f16, dtype="<f2").reshape(-1, *shape).astype(np.float32)
    return Features(
        tenant=message.tenant,
        media_id=message.media_id,
        owner=message.owner,
        encoder_space=message.encoder_space,
        version=message.version,
        width_px=message.width_px,
        height_px=message.height_px,
        map=map_,
        regions=tuple(
            FoundRegion(
                n=region.n,
                box=box_from_proto(region.box),
                vector=np.frombuffer(region.vector_f32, dtype="<f4").astype(np.float32),
                labels=_labels_from_proto(region.labels),
            )
            for region in message.regions
        ),
        labels=_labels_from_proto(message.labels),
        label_map=label_map,
        colours=tuple(FoundColour(id=c.id, rgb=c.rgb, share=c.share) for c in message.colours),
    )


def box_to_proto(box: Box) -> common_pb2.Box:
    """A Box as a message."""
    return common_pb2.Box(x=box.x, y=box.y, width=box.width, height=box.height)


def box_from_proto(box: common_pb2.Box) -> Box:
    """A message as a Box."""
    return Box(box.x, box.y, box.width, box.height)


def _labels_to_proto(labels: tuple[FoundLabel, ...]) -> list[features_pb2.FoundLabel]:
    return [features_pb2.FoundLabel(id=label.id, score=label.score) for label in labels]


def _labels_from_proto(labels: object) -> tuple[FoundLabel, ...]:
    return tuple([FoundLabel(label.id, label.score) for label in labels])  # type: ignore[attr-defined]
