"""What is taken away was never there: a thousand random lives, each with a picture that goes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from profile_builders import (
    DAY_MS,
    LEFT,
    NOW_MS,
    RIGHT,
    TENANT,
    AProfile,
    a_picture,
    a_profile,
    a_taxonomy,
    an_activity,
)
from sqlalchemy import event

from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.event_log.port import Record
from nungil.pictures.boxes import Box
from nungil.pictures.features import Features
from services.profile import core, journal, parts
from services.profile.evidence import Reading
from services.profile.store import people_rows
from services.profile.wire.events import activity_of

KINDS = (
    pb.ACTIVITY_KIND_UPLOADED,
    pb.ACTIVITY_KIND_SAVED,
    pb.ACTIVITY_KIND_UNSAVED,
    pb.ACTIVITY_KIND_LIKED,
    pb.ACTIVITY_KIND_CROP_SEARCHED,
    pb.ACTIVITY_KIND_HIDDEN,
)
WORDS = (pb.ACTIVITY_KIND_INTEREST_MUTED, pb.ACTIVITY_KIND_INTEREST_DELETED, pb.ACTIVITY_KIND_INTEREST_FOLLOWED)
SHOWS = (
    {LEFT: [("golden_retriever", 0.9)], RIGHT: [("alp", 0.8)]},
    {LEFT: [("tabby", 0.9)], RIGHT: [("rug", 0.9)]},
    [("beagle", 0.7)],
    [("alp", 0.9)],
)
LIVES, RUNS = 1_000, 4  # in runs, so that they can share processors


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AProfile]:
    """Folds short lives from checkpoints too, looks at each picture once, and does not wait for the disk."""
    looked: dict[tuple[str, Box | None], core.Found] = {}

    def look(features: Features, findings: object, box: Box | None) -> core.Found:
        if (features.media_id, box) not in looked:
            read = Reading(a_taxonomy(), 0.2)
            looked[features.media_id, box] = parts.found_in(features, read(features, box), box)
        return looked[features.media_id, box]

    monkeypatch.setattr(journal, "CHECKPOINT_ROWS", 2)
    monkeypatch.setattr(journal, "found_in", look)
    with a_profile(tmp_path) as profile:
        if profile.engine.dialect.name == "sqlite":
            event.listen(profile.engine, "connect", lambda c, _: c.execute("PRAGMA synchronous = OFF"))
            profile.engine.dispose()
        yield profile


def a_life(rng: random.Random, of: str) -> list[tuple[str, int, str, object, int]]:
    """Event id, kind, picture, box and time of each thing that was done, in any order."""
    return [
        (
            f"e-{n}",
            rng.choice(KINDS),
            f"{of}-{rng.randrange(5)}",
            rng.choice([None, None, LEFT]),
            NOW_MS - rng.randrange(80 * DAY_MS),
        )
        for n in range(rng.randint(4, 12))
    ]


def lived(life: list, person: str) -> list[Record]:
    return [
        an_activity(person, media_id, event_id=event_id, kind=kind, box=box, at_ms=at_ms)
        for event_id, kind, media_id, box, at_ms in life
    ]


def a_word(rng: random.Random) -> core.Entry:
    return core.Entry(
        "w-1", rng.choice(WORDS), "", NOW_MS - rng.randrange(80 * DAY_MS), (), rng.choice(["dogs", "cats"])
    )


def in_batches(rng: random.Random, records: list) -> Iterator[list]:
    while records:
        size = rng.randint(len(records) // 3 + 1, len(records))
        yield records[:size]
        records = records[size:]


@pytest.mark.parametrize("run", range(RUNS))
def test_removing_a_picture_gives_the_bytes_of_never_having_seen_it_in_a_thousand_lives(
    profile: AProfile, run: int
) -> None:
    pictures = [
        a_picture(f"{of}-{n}", owner="catalogue", shows=SHOWS[(of_n + n) % 4])
        for of_n, of in enumerate("abcd")
        for n in range(5)
    ]
    unlike, seen = [], 0
    profile.put(*pictures)
    for n in range(run, LIVES, RUNS):
        rng = random.Random(n)
        kept, never = profile.a_person(f"kept-{n}"), profile.a_person(f"never-{n}")
        life, word = a_life(rng, "abcd"[n % 4]), a_word(rng)
        gone = rng.choice([media_id for _, _, media_id, _, _ in life])
        for person in (kept, never):
            profile.journal.correct(TENANT, person, word)
        deliveries = lived(life, kept)
        rng.shuffle(deliveries)
        for batch in in_batches(rng, deliveries + rng.sample(deliveries, 2)):
            assert profile.read(*batch) == []
        before = profile.state(kept)
        assert profile.read(*sorted(lived([one for one in life if one[2] != gone], never), key=_place)) == []
        with profile.engine.begin() as c:  # as `forget_picture` does, without a tombstone: other lives show it too
            people_rows.lock_person(c, TENANT, kept)
            profile.journal.take_out(c, TENANT, kept, gone)
        seen += before != profile.state(kept)
        if profile.state(kept) != profile.state(never):
            unlike.append(n)
    assert unlike == []
    assert seen > LIVES / RUNS * 0.9  # else nothing was removed


def _place(record: Record) -> tuple[int, str]:
    activity = activity_of(record)
    return (activity.occurred_at_ms, activity.event_id)
