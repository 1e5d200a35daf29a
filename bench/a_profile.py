"""Profile's rules and tables for measurements: a database, a store of features, and people who have agreed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import Engine, insert

from nungil.api.profile.v1 import events_pb2
from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.database.migrations import upgrade
from nungil.database.open import open_database
from nungil.database.postgres import make_database
from nungil.encoder.open import EFFICIENTNET_LITE0
from nungil.event_log.port import NewRecord
from nungil.event_log.topics import USER_ACTIVITY
from nungil.object_store import keys
from nungil.object_store.open import open_object_store
from nungil.object_store.port import ObjectStore
from nungil.pictures.features import Features, FoundLabel, encode_features
from nungil.runtime.clock import now_ms
from nungil.runtime.ids import new_event_id, new_media_id, new_person_id
from nungil.taxonomy.taxonomy import load_taxonomy
from services.profile.config import GAINS, ProfileSettings, gains_by_kind
from services.profile.core import DAY_MS, Rules
from services.profile.evidence import Reading
from services.profile.journal import CATALOGUE, FeatureObjects, Journal
from services.profile.store import tables

TENANT = "bench"
SPACE = EFFICIENTNET_LITE0.name
RULES = Rules(gains_by_kind(GAINS), 60 * DAY_MS, SPACE)
SEED = 6
KINDS = (pb.ACTIVITY_KIND_SAVED, pb.ACTIVITY_KIND_CLOSED_UP, pb.ACTIVITY_KIND_LIKED, pb.ACTIVITY_KIND_CLICKED_OUT)


@dataclass(frozen=True)
class AProfile:
    """pictures: media ids of a catalogue whose features are stored. people: who have given image_interest."""

    engine: Engine
    objects: ObjectStore
    pictures: Sequence[str]
    people: Sequence[str]

    @property
    def journal(self) -> Journal:
        """As the service wires it."""
        reading = Reading(load_taxonomy(), ProfileSettings.model_fields["interest_floor"].default)
        return Journal(self.engine, FeatureObjects(self.objects, SPACE), reading, RULES, now_ms)


@contextmanager
def a_profile(database_url: str, *, pictures: int, people: int) -> Iterator[AProfile]:
    """database_url: of an empty database; its tables are made. Features lie in a temporary folder."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nungil-bench-"))
        objects = stack.enter_context(open_object_store(f"file://{folder}"))
        upgrade("profile", database_url)
        engine = stack.enter_context(open_database(database_url))
        yield AProfile(engine, objects, some_pictures(objects, pictures), some_people(engine, people))


def some_pictures(objects: ObjectStore, n: int) -> list[str]:
    """Catalogue pictures of the size that embed writes them in: three things each, one of them surely seen."""
    random, imagenet = np.random.default_rng(SEED), load_taxonomy().imagenet
    ids = [new_media_id() for _ in range(n)]
    for media_id in ids:
        names = random.choice(len(imagenet), 32, replace=False)
        label_map = random.uniform(0, 0.02, (32, 10, 10)).astype(np.float32)
        label_map[0] += 0.6
        label_map[1, :, :5] += 0.3
        label_map[2, 5:, 5:] += 0.5
        labels = tuple(FoundLabel(imagenet[name], float(label_map[i].mean())) for i, name in enumerate(names))
        map_ = random.standard_normal((10, 10, 256)).astype(np.float32)
        found = Features(TENANT, media_id, CATALOGUE, SPACE, 1, 640, 480, map_, (), labels, label_map)
        objects.put(keys.features_key(TENANT, media_id, SPACE), encode_features(found))
    return ids


def some_people(engine: Engine, n: int) -> list[str]:
    """Who agreed yesterday."""
    ids, then = [new_person_id() for _ in range(n)], now_ms() - DAY_MS
    with engine.begin() as c:
        c.execute(
            insert(tables.PEOPLE),
            [{"person_id": id_, "tenant": TENANT, "subject": f"s-{id_}", "created_at_ms": then} for id_ in ids],
        )
        agreed = {"purpose": int(pb.CONSENT_PURPOSE_IMAGE_INTEREST), "given": True, "changed_at_ms": then}
        c.execute(insert(tables.CONSENTS), [{"person_id": id_, "tenant": TENANT, **agreed} for id_ in ids])
    return ids


def some_activity(profile: AProfile, n: int) -> list[NewRecord]:
    """What people do with pictures, one after another over the last hour: each of them a few things in a row, as people do."""
    random = np.random.default_rng(SEED)
    began = now_ms() - 3_600_000
    events, person = [], ""
    for number in range(n):
        if number % 4 == 0:
            person = profile.people[int(random.integers(len(profile.people)))]
        event = events_pb2.UserActivity(
            event_id=new_event_id(),
            tenant=TENANT,
            person_id=person,
            kind=KINDS[int(random.integers(len(KINDS)))],
            media_id=profile.pictures[int(random.integers(len(profile.pictures)))],
            occurred_at_ms=began + number * 3_600_000 // n,
        )
        events.append(NewRecord(USER_ACTIVITY, person, event.SerializeToString(), {"event": "UserActivity"}))
    return events


def a_database_url(folder: Path) -> str:
    """An empty database: on PostgreSQL where NUNGIL_TEST_POSTGRES names one, else a file of `folder`."""
    server = os.environ.get("NUNGIL_TEST_POSTGRES")
    name = f"bench_{new_media_id().replace('-', '_')}"
    if not server:
        return f"sqlite://{folder}/{name}.db"
    url = "/".join([*server.split("/")[:3], name])
    make_database(url)
    return url
