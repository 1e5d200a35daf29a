"""What a person tried, as profile keeps it: once, in their own words, gone with its pictures and with the person."""

from __future__ import annotations

import json
import threading

import pytest
from profile_builders import NOW_MS, TENANT, a_deletion, a_profile
from sqlalchemy import select

from nungil.database.open import reading
from services.profile.errors import InvalidTried, NoSuchPicture, UnknownPerson
from services.profile.handlers.erasing import Erase
from services.profile.handlers.exporting import Export
from services.profile.store import tried_rows

ALL = {"limit": 0, "cursor": ""}
SAID = {"event_id": "e-1", "media_id": "m-1", "made_media_id": "m-made", "note": "burnt, and good"}


@pytest.fixture
def profile(tmp_path):
    with a_profile(tmp_path) as profile:
        yield profile


@pytest.fixture
def mina(profile):
    return profile.a_person(consents=False)


def keep(profile, person_id, **of):
    profile.tried.keep(TENANT, person_id, **SAID | of)


def tried(profile, person_id):
    return [one.event_id for one in profile.tried.of(TENANT, person_id, **ALL)[0]]


def rows(profile):
    with reading(profile.engine) as c:
        return c.execute(select(tried_rows.TRIED)).all()


def test_what_was_tried_is_kept_once_with_its_picture_and_note_and_without_any_consent(profile, mina):
    keep(profile, mina, note="  burnt, and good \n")
    profile.now_ms += 5
    keep(profile, mina)
    [kept], cursor = profile.tried.of(TENANT, mina, **ALL)
    assert (kept.media_id, kept.made_media_id, kept.note, kept.tried_at_ms) == (
        "m-1",
        "m-made",
        "burnt, and good",
        NOW_MS,
    )
    assert cursor == ""
    assert profile.outbox() == []


@pytest.mark.parametrize("other", [{"note": "no"}, {"made_media_id": ""}, {"media_id": "m-2"}])
def test_the_same_event_with_other_words_is_refused_and_loses_nothing(profile, mina, other):
    keep(profile, mina)
    with pytest.raises(InvalidTried, match="another Idempotency-Key"):
        keep(profile, mina, **other)
    assert [row.note for row in rows(profile)] == ["burnt, and good"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"note": "x" * 501},
        {"note": "a\u0000b"},
        {"event_id": ""},
        {"media_id": ""},
        {"media_id": "../up"},
        {"made_media_id": "a b"},
    ],
)
def test_what_cannot_be_is_refused(profile, mina, wrong):
    with pytest.raises(InvalidTried):
        keep(profile, mina, **wrong)
    assert rows(profile) == []


def test_a_note_counts_as_it_is_kept(profile, mina):
    keep(profile, mina, note="\u1112\u1161\u11ab" * 500)  # 500 syllables, sent as 1,500 signs
    assert [row.note for row in rows(profile)] == ["한" * 500]


def test_nobody_unknown_and_nobody_of_another_tenant_is_kept(profile, mina):
    for tenant, person_id in ((TENANT, "p-nobody"), ("elsewhere", mina)):
        with pytest.raises(UnknownPerson):
            profile.tried.keep(tenant, person_id, **SAID)
        with pytest.raises(UnknownPerson):
            profile.tried.of(tenant, person_id, **ALL)
    assert rows(profile) == []


@pytest.mark.parametrize("deleted", ["m-1", "m-made"])
def test_it_goes_with_either_picture_and_does_not_come_back(profile, mina, deleted):
    juno = profile.a_person("juno", consents=False)
    for person_id in (mina, juno):
        keep(profile, person_id)
        keep(profile, person_id, event_id="e-2", media_id="m-2", made_media_id="")
    profile.read(a_deletion(deleted))
    assert tried(profile, mina) == tried(profile, juno) == ["e-2"]
    with pytest.raises(NoSuchPicture, match=deleted):
        keep(profile, mina)
    assert tried(profile, mina) == ["e-2"]


def test_it_is_listed_newest_first_a_page_at_a_time_each_once(profile, mina):
    keep(profile, profile.a_person("juno", consents=False), event_id="other")
    for n in range(5):
        profile.now_ms = NOW_MS + n // 2
        keep(profile, mina, event_id=f"e-{n}")
    seen, cursor = [], None
    while cursor != "":
        page, cursor = profile.tried.of(TENANT, mina, limit=2, cursor=cursor or "")
        assert len(page) <= 2
        seen += [one.event_id for one in page]
    assert seen == ["e-4", "e-3", "e-2", "e-1", "e-0"]
    for wrong in ({"limit": 201}, {"limit": -1}, {"cursor": "nonsense"}, {"cursor": "é"}):
        with pytest.raises(InvalidTried):
            profile.tried.of(TENANT, mina, **ALL | wrong)


def test_it_is_in_the_export_and_leaves_with_the_person(profile, mina):
    keep(profile, mina)
    juno = profile.a_person("juno", consents=False)
    keep(profile, juno, note="of juno")
    files: dict[str, bytes] = {}
    path = ""
    for named, chunk in Export(profile.engine, [])(TENANT, mina):
        path = named or path
        files[path] = files.get(path, b"") + chunk
    [kept] = json.loads(files["profile/kept/tried.json"])
    assert {name: kept[name] for name in SAID} == SAID
    assert kept["tried_at"].startswith("2027-")
    Erase(profile.engine, profile.clock, threading.Event())(TENANT, mina)
    assert [(row.person_id, row.note) for row in rows(profile)] == [(juno, "of juno")]
