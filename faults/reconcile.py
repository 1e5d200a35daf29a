"""After a run: object store, databases, log and index compared with each other, and with the same run when nothing failed."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import func, select, true

from faults.load import Story
from faults.stack import Stack
from nungil.api.embed.v1 import events_pb2
from nungil.database.open import open_database, reading
from nungil.encoder.open import space_of
from nungil.event_log.open import open_event_log
from nungil.event_log.replay import read_dead_letters
from nungil.event_log.topics import MEDIA_EMBEDDED
from nungil.object_store import keys
from nungil.object_store.open import open_object_store
from nungil.pictures.features import decode_features
from nungil.vector_index.open import open_vector_index
from nungil.vector_index.port import VectorIndex, row_id
from services.ingest.core import SEARCHABLE
from services.ingest.store.tables import MEDIA
from services.ingest.store.tables import OUTBOX as INGEST_OUTBOX
from services.profile import core
from services.profile.store import journal_rows, state_rows
from services.profile.store import tables as profile_tables
from services.profile.store.encoding import encode_state
from services.profile.taking_back import fold_all

TENANT = "local"
OUTBOXES = {"ingest": INGEST_OUTBOX, "profile": profile_tables.OUTBOX}
_WEIGHTS_AGREE = 1e-4  # runs differ by seconds, half-lives are weeks
_AT_ONCE = 50
Learnt = tuple[int, str, str, str]  # kind, the picture's name, box, findings


@dataclass
class Found:
    """What the stores hold. learnt: rows of the journal; weights: of the state, by interest. faults: what does not agree, a sentence each.

    left_behind: objects that no row of ingest names; they are found by nobody.
    """

    faults: list[str] = field(default_factory=list)
    learnt: Counter[Learnt] = field(default_factory=Counter)
    weights: dict[str, float] = field(default_factory=dict)
    rows: int = 0
    left_behind: int = 0

    def check(self, right: bool, fault: str) -> None:
        """Notes the fault unless it is right."""
        if not right:
            self.faults.append(fault)


def reconcile(stack: Stack, story: Story, names: Sequence[str]) -> Found:
    """Once the lag is 0. names: of every picture that was to be given."""
    found = Found()
    name_of = {given.media_id: given.picture.name for given in story.given}
    owner = _check_ingest(stack, name_of, found)
    _check_given(story, names, found)
    regions = _check_objects(stack, name_of, found)
    _check_index(stack, regions, owner, found)
    _check_log(stack, name_of, found)
    _check_profile(stack, name_of, found)
    return found


def differences(found: Found, quiet: Found) -> list[str]:
    """What is not as in the quiet run."""
    faults = []
    for what, counter in (("more", found.learnt - quiet.learnt), ("fewer", quiet.learnt - found.learnt)):
        if counter:
            some = ", ".join(f"kind {row[0]} of {row[1]}" for row in list(counter)[:3])
            faults.append(f"the journal has {counter.total()} rows {what} than the quiet run's ({some})")
    if found.weights.keys() != quiet.weights.keys():
        faults.append(f"other interests: {sorted(found.weights.keys() ^ quiet.weights.keys())}")
    off = [id_ for id_, weight in found.weights.items() if not _agree(weight, quiet.weights.get(id_, weight))]
    if off:
        faults.append(f"{len(off)} interests weigh otherwise than in the quiet run: {', '.join(sorted(off)[:5])}")
    if found.rows != quiet.rows:
        faults.append(f"the index has {found.rows} rows, {quiet.rows} in the quiet run")
    return faults


def unsent(stack: Stack) -> dict[str, int]:
    """Events in each outbox, by service. Raises DatabaseAway."""
    events = {}
    for service, outbox in OUTBOXES.items():
        with open_database(stack.settings[service]["database_url"]) as engine, reading(engine) as c:
            events[service] = c.scalar(select(func.count()).select_from(outbox)) or 0
    return events


def _check_given(story: Story, names: Sequence[str], found: Found) -> None:
    unanswered = Counter(request.kind for request in story.requests if not request.done)
    found.check(not unanswered, f"never done, whatever was sent again: {_counts(unanswered)}")
    given = Counter(given.picture.name for given in story.given)
    found.check(given == Counter(names), f"{len(given)} of {len(names)} pictures were accepted")
    ids = {given.media_id for given in story.given}
    found.check(len(ids) == len(story.given), f"{len(story.given)} pictures share {len(ids)} ids")
    unseen = ids - story.searchable_s.keys()
    found.check(not unseen, f"{len(unseen)} accepted pictures were never shown as searchable")


def _check_ingest(stack: Stack, name_of: Mapping[str, str], found: Found) -> str:
    """The owner of the pictures."""
    with open_database(stack.settings["ingest"]["database_url"]) as engine, reading(engine) as c:
        rows = {row.media_id: row for row in c.execute(select(MEDIA).where(MEDIA.c.tenant == TENANT))}
    for service, events in unsent(stack).items():
        found.check(not events, f"the outbox of {service} still holds {events} events")
    _same(found, "accepted pictures and rows of ingest", name_of.keys(), rows.keys())
    states = Counter(row.state for row in rows.values())
    found.check(set(states) <= {SEARCHABLE}, f"states in ingest's database: {dict(states)}, not all searchable")
    wrong = [id_ for id_, row in rows.items() if row.file_name != name_of.get(id_)]
    found.check(not wrong, f"{len(wrong)} rows of ingest carry another picture's name")
    owners = {row.owner for row in rows.values()}
    found.check(len(owners) <= 1, f"{len(owners)} owners")
    return next(iter(owners), "")


def _check_objects(stack: Stack, name_of: Mapping[str, str], found: Found) -> dict[str, np.ndarray]:
    """The vectors of each picture's regions, as its feature object has them; float32 [n, dim]."""
    space = space_of(stack.encoder_url).name
    vectors = {}
    with open_object_store(stack.settings["ingest"]["object_store_url"]) as objects:
        for kind, key_of in (
            ("originals", keys.original_key),
            ("renditions", keys.rendition_key),
            ("features", lambda tenant, id_: keys.features_key(tenant, id_, space)),
        ):
            wanted = {key_of(TENANT, media_id) for media_id in name_of}
            there = set(objects.list(f"{kind}/{TENANT}/"))
            found.check(wanted <= there, f"{len(wanted - there)} {kind} are missing")
            found.left_behind += len(there - wanted)
        for media_id in name_of:
            key = keys.features_key(TENANT, media_id, space)
            if objects.exists(key):
                features = decode_features(objects.get(key))
                vectors[media_id] = np.stack([region.vector for region in sorted(features.regions, key=lambda r: r.n)])
    return vectors


def _check_index(stack: Stack, regions: Mapping[str, np.ndarray], owner: str, found: Found) -> None:
    wanted = {row_id(media_id, n) for media_id, vectors in regions.items() for n in range(len(vectors))}
    with open_vector_index(stack.settings["embed"]["vector_index_url"], space_of(stack.encoder_url)) as index:
        rows = [row for ids in _batches(list(regions)) for row in index.fetch(ids, tenant=TENANT)]
        ids = Counter(row.id for row in rows)
        found.rows = index.count(tenant=TENANT)
        found.check(max(ids.values(), default=1) == 1, "a row is twice in the index")
        _same(found, "regions in feature objects and rows of the index", wanted, ids.keys())
        found.check(found.rows == len(wanted), f"the index counts {found.rows} rows for {len(wanted)} regions")
        found.check({row.owner for row in rows} <= {owner}, "a row of the index has another owner")
        lost = [media_id for batch in _batches(list(regions)) for media_id in _not_once(index, batch, regions, owner)]
        found.check(not lost, f"{len(lost)} accepted pictures are not found exactly once by a search")


def _not_once(index: VectorIndex, ids: Sequence[str], regions: Mapping[str, np.ndarray], owner: str) -> list[str]:
    """Those of the pictures that a search with the picture itself does not find once."""
    whole = np.stack([regions[media_id][0] for media_id in ids])
    answers = index.search(whole, tenant=TENANT, owners=[owner], limit=20)
    hits = zip(ids, answers, strict=True)
    return [id_ for id_, matches in hits if [match.id for match in matches].count(row_id(id_, 0)) != 1]


def _check_log(stack: Stack, name_of: Mapping[str, str], found: Found) -> None:
    outcomes: dict[str, set[int]] = {}
    with open_event_log(stack.event_log_url) as log:
        with log.tail([MEDIA_EMBEDDED], since="start") as tail:
            while records := tail.poll(max_records=500, timeout_s=3):
                for record in records:
                    event = events_pb2.MediaEmbedded.FromString(record.value or b"")
                    outcomes.setdefault(event.media_id, set()).add(event.outcome)
        letters = read_dead_letters(log)
    _same(found, "accepted pictures and media.embedded", name_of.keys(), outcomes.keys())
    other = [id_ for id_, seen in outcomes.items() if seen != {events_pb2.MediaEmbedded.OUTCOME_EMBEDDED}]
    found.check(not other, f"{len(other)} pictures have another outcome than embedded")
    reasons = Counter(f"{letter.topic} by {letter.group}: {letter.reason}" for letter in letters)
    found.check(not letters, f"{len(letters)} dead letters: {_counts(reasons)}")


def _check_profile(stack: Stack, name_of: Mapping[str, str], found: Found) -> None:
    journal, states, outbox = profile_tables.JOURNAL, profile_tables.STATES, profile_tables.OUTBOX
    with open_database(stack.settings["profile"]["database_url"]) as engine, reading(engine) as c:
        rows = c.execute(select(journal).where(journal.c.tenant == TENANT)).all()
        people = c.execute(select(states.c.person_id).where(states.c.tenant == TENANT)).scalars().all()
        kept = {person: state_rows.state(c, TENANT, person) for person in people}
        entries = {person: journal_rows.entries(c, TENANT, person) for person in people}
        waiting = c.scalar(select(func.count()).select_from(outbox).where(true()))
    found.check(waiting == 0, f"profile's outbox still holds {waiting} events")
    unread = sum(row.findings is None for row in rows)
    found.check(not unread, f"{unread} rows of the journal still wait for features")
    found.learnt = Counter(
        (row.kind, name_of.get(row.media_id, "of nobody"), row.box or "whole", row.findings or "") for row in rows
    )
    for person, state in kept.items():
        if state is None:
            continue
        _, half_life_ms, space, likeness, gains = json.loads(state.rules)
        again = fold_all(entries[person], core.Rules(dict(gains), half_life_ms, space, likeness))
        found.check(encode_state(again) == encode_state(state.state), "the state is not its journal's fold")
        found.weights |= {id_: weighed.weight for id_, weighed in again.interests.items()}


def _agree(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_WEIGHTS_AGREE)


def _same(found: Found, what: str, one: Iterable[str], other: Iterable[str]) -> None:
    first, second = set(one), set(other)
    only = f"{len(first - second)} only the first, {len(second - first)} only the second"
    found.check(first == second, f"{what} are not the same: {only}")


def _batches(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE))


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{n} x {what}" for what, n in counter.most_common())
