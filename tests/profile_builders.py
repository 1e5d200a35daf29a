"""People, pictures and events for the tests of profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from zlib import crc32

import numpy as np
from real_servers import service_database_url
from sqlalchemy import Engine

from nungil.api.common.v1 import common_pb2
from nungil.api.embed.v1.events_pb2 import MediaEmbedded
from nungil.api.ingest.v1.events_pb2 import MediaChanged
from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.api.profile.v1.events_pb2 import UserActivity
from nungil.database.migrations import upgrade
from nungil.database.open import open_database, reading
from nungil.event_log import topics
from nungil.event_log.port import Record
from nungil.object_store import keys
from nungil.object_store.open import open_object_store
from nungil.object_store.port import ObjectStore
from nungil.pictures.boxes import WHOLE, Box
from nungil.pictures.features import Features, FoundLabel, FoundRegion, box_to_proto, encode_features
from nungil.runtime.errors import Rejected
from nungil.taxonomy.overlay import Document
from nungil.taxonomy.taxonomy import Interest, LabelEntry, Name, Taxonomy
from services.profile import core
from services.profile.boards import Limits
from services.profile.config import GAINS, gains_by_kind
from services.profile.consumer import ReadEvents
from services.profile.handlers.boards import Boards
from services.profile.handlers.consents import Consents
from services.profile.handlers.corrections import Corrections
from services.profile.handlers.describing import Describe
from services.profile.handlers.events import PeopleActed, PictureChanged, PicturesEmbedded
from services.profile.handlers.interests import Interests
from services.profile.handlers.people import Identify
from services.profile.handlers.pins import Pins
from services.profile.handlers.sharing import Sharing
from services.profile.handlers.tried import TriedThings
from services.profile.journal import FeatureObjects, Journal
from services.profile.store import encoding, state_rows, tables
from services.profile.tenant_taxonomies import Readings, TenantTaxonomies, laid_over
from services.profile.watching import Watches

TENANT = "shop"
SPACE = "tiny-8-v1"
NOW_MS = 1_800_000_000_000
MINUTE_MS = 60_000
DAY_MS = core.DAY_MS
RULES = core.Rules(gains_by_kind(GAINS), 60 * DAY_MS, SPACE)
LEFT = Box(0.0, 0.0, 0.5, 1.0)
RIGHT = Box(0.5, 0.0, 0.5, 1.0)
LIMITS = Limits(boards=5, pins=10)


def a_taxonomy() -> Taxonomy:
    """Dogs and cats are pets, mountains are outdoors; a rug says nothing."""
    labels = {
        "golden_retriever": (Name("골든 리트리버", "golden retriever"), {"dogs": 1.0}),
        "beagle": (Name("비글", "beagle"), {"dogs": 1.0}),
        "tabby": (Name("줄무늬 고양이", "tabby cat"), {"cats": 1.0}),
        "alp": (Name("산", "alp"), {"mountains": 1.0}),
        "rug": (Name("러그", "rug"), {}),
    }
    interests = (
        Interest("pets", Name("반려동물", "pets"), None),
        Interest("dogs", Name("개", "dogs"), "pets"),
        Interest("cats", Name("고양이", "cats"), "pets"),
        Interest("outdoors", Name("야외 활동", "the outdoors"), None),
        Interest("mountains", Name("산", "mountains"), "outdoors"),
    )
    return Taxonomy(
        {id_: LabelEntry(id_, name, spoken) for id_, (name, spoken) in labels.items()},
        {interest.id: interest for interest in interests},
        {},
        tuple(labels),
    )


def a_picture(
    media_id: str = "m-1",
    *,
    owner: str,
    shows: Sequence[tuple[str, float]] | Mapping[Box, Sequence[tuple[str, float]]] = (("golden_retriever", 0.9),),
    tenant: str = TENANT,
) -> Features:
    """What embed found: labels of the whole picture, or of each part of it. The label map agrees with the parts."""
    of_parts = dict(shows) if isinstance(shows, Mapping) else {WHOLE: shows}
    names = list(dict.fromkeys(name for labels in of_parts.values() for name, _ in labels))
    label_map = np.zeros((len(names), 8, 8), dtype=np.float32)
    for box, labels in of_parts.items():
        rows = slice(round(box.y * 8), round((box.y + box.height) * 8))
        columns = slice(round(box.x * 8), round((box.x + box.width) * 8))
        for name, p in labels:
            label_map[names.index(name), rows, columns] = p
    map_ = _looks(media_id, names, label_map)
    whole = tuple(FoundLabel(name, float(label_map[i].mean())) for i, name in enumerate(names))
    vector = np.eye(1, 8, dtype=np.float32)[0]
    regions = [FoundRegion(0, WHOLE, vector, whole)]
    for n, (box, labels) in enumerate(((b, ls) for b, ls in of_parts.items() if b != WHOLE), start=1):
        regions.append(FoundRegion(n, box, vector, tuple(FoundLabel(name, p) for name, p in labels)))
    return Features(tenant, media_id, owner, SPACE, 1, 640, 480, map_, tuple(regions), whole, label_map)


def _looks(media_id: str, names: Sequence[str], label_map: np.ndarray) -> np.ndarray:
    """What shows the same looks alike, and no two pictures look the same: float32 [8, 8, 8]."""
    map_ = np.random.default_rng(crc32(media_id.encode())).normal(0, 0.3, (8, 8, 8))
    for name, cells in zip(names, label_map, strict=True):
        map_ += cells[..., None] * np.random.default_rng(crc32(name.encode())).normal(size=8)
    return map_.astype(np.float32)


def an_activity(
    person_id: str,
    media_id: str = "m-1",
    *,
    event_id: str = "e-1",
    kind: int = pb.ACTIVITY_KIND_SAVED,
    box: Box | None = None,
    at_ms: int = NOW_MS,
    tenant: str = TENANT,
) -> Record:
    """A record of user.activity."""
    event = UserActivity(
        event_id=event_id,
        tenant=tenant,
        person_id=person_id,
        kind=pb.ActivityKind.ValueType(kind),
        media_id=media_id,
        box=box_to_proto(box) if box else None,
        occurred_at_ms=at_ms,
    )
    return a_record(topics.USER_ACTIVITY, person_id, event.SerializeToString())


def an_embedding(
    owner: str,
    media_id: str = "m-1",
    *,
    outcome: int = MediaEmbedded.OUTCOME_EMBEDDED,
    purpose: int = common_pb2.PURPOSE_PERSONAL,
    at_ms: int = NOW_MS,
) -> Record:
    """A record of media.embedded."""
    event = MediaEmbedded(
        event_id=f"embedded-{media_id}",
        tenant=TENANT,
        media_id=media_id,
        version=1,
        outcome=MediaEmbedded.Outcome.ValueType(outcome),
        owner=owner,
        purpose=common_pb2.Purpose.ValueType(purpose),
        occurred_at_ms=at_ms,
    )
    return a_record(topics.MEDIA_EMBEDDED, media_id, event.SerializeToString())


def a_deletion(media_id: str = "m-1") -> Record:
    """A record of media.changed."""
    event = MediaChanged(tenant=TENANT, media_id=media_id, change=MediaChanged.CHANGE_DELETED, version=2)
    return a_record(topics.MEDIA_CHANGED, media_id, event.SerializeToString())


def a_record(topic: str, key: str, value: bytes | None) -> Record:
    """As delivered."""
    return Record(topic, 0, 0, key, value, {}, NOW_MS)


@dataclass
class AProfile:
    """The service without its edges to the world: a real database, a real object store, a clock that stands still."""

    engine: Engine
    objects: ObjectStore
    now_ms: int = NOW_MS
    rules: core.Rules = RULES
    space: str = SPACE
    floor: float = 0.2
    most_watches: int = 50
    least_people: int = 2
    limits: Limits = LIMITS

    def __post_init__(self) -> None:
        self.taxonomy = a_taxonomy()
        self.overlays: dict[str, Document] = {}
        self.identify = Identify(self.engine, self.clock)
        self.woken = Event()

    def clock(self) -> int:
        return self.now_ms

    @property
    def taxonomies(self) -> TenantTaxonomies:
        """With `overlays`, by tenant."""
        return laid_over(self.taxonomy, self.overlays)

    @property
    def features(self) -> FeatureObjects:
        return FeatureObjects(self.objects, self.space)

    @property
    def watches(self) -> Watches:
        return Watches(self.engine, self.features, self.clock, self.woken, self.most_watches, self.least_people)

    @property
    def boards(self) -> Boards:
        return Boards(self.engine, self.clock, self.woken, self.limits)

    @property
    def pins(self) -> Pins:
        return Pins(self.engine, self.features, self.clock, self.woken, self.limits)

    @property
    def describe(self) -> Describe:
        return Describe(self.engine, self.features)

    @property
    def sharing(self) -> Sharing:
        return Sharing(self.engine, self.clock, self.limits)

    @property
    def tried(self) -> TriedThings:
        return TriedThings(self.engine, self.clock)

    @property
    def journal(self) -> Journal:
        reading = Readings(self.taxonomies, self.floor)
        return Journal(self.engine, self.features, reading, self.rules, self.clock, digest=self.taxonomies.digest)

    @property
    def consents(self) -> Consents:
        return Consents(self.engine, self.clock, self.journal)

    @property
    def shown(self) -> Interests:
        return Interests(self.journal, self.rules, self.clock, self.taxonomies)

    @property
    def corrections(self) -> Corrections:
        return Corrections(self.journal, self.shown, self.clock, self.woken)

    def interests(self, person_id: str) -> dict[str, float]:
        """Weights by id, heaviest first."""
        found = self.shown(TENANT, person_id).interests
        return {shown.id: shown.weight for shown in found if shown.weight}

    def a_person(self, subject: str = "mina", *, consents: bool = True) -> str:
        """Who consented a year ago, unless not."""
        person_id = self.identify(TENANT, subject)
        if consents:
            then, self.now_ms = self.now_ms, self.now_ms - 365 * DAY_MS
            self.consents.set(TENANT, person_id, pb.CONSENT_PURPOSE_IMAGE_INTEREST, True)
            self.now_ms = then
        return person_id

    def put(self, *pictures: Features, transient: bool = False) -> None:
        """As embed does."""
        key = keys.transient_features_key if transient else keys.features_key
        for features in pictures:
            self.objects.put(key(features.tenant, features.media_id, SPACE), encode_features(features))

    def read(self, *records: Record) -> list[tuple[Record, Rejected]]:
        """One batch."""
        journal = self.journal
        embedded = PicturesEmbedded(journal, self.woken)
        read = ReadEvents(
            PictureChanged(journal, self.watches, self.boards, self.tried),
            embedded,
            PeopleActed(journal, self.corrections),
            self.watches,
            self.boards,
        )
        return read(records)

    def state(self, person_id: str) -> bytes | None:
        """The bytes that are kept."""
        with reading(self.engine) as c:
            kept = state_rows.state(c, TENANT, person_id)
        return encoding.encode_state(kept.state) if kept else None

    def rows(self) -> list[tuple[str, bool]]:
        """Every row of every journal: its event, and whether it waits."""
        with reading(self.engine) as c:
            rows = c.execute(tables.JOURNAL.select().order_by(tables.JOURNAL.c.event_id))
            return [(row.event_id, row.findings is None) for row in rows]

    def outbox(self) -> list[UserActivity]:
        """What waits to be published."""
        with reading(self.engine) as c:
            return [UserActivity.FromString(row.value) for row in c.execute(tables.OUTBOX.select())]


@contextmanager
def a_profile(folder: Path) -> Iterator[AProfile]:
    """A profile whose database and objects lie in `folder`."""
    url = service_database_url(folder, "profile")
    upgrade("profile", url)
    with open_database(url) as engine, open_object_store(f"file://{folder / 'objects'}") as objects:
        yield AProfile(engine, objects)
