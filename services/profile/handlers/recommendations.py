"""Showing a person things without being asked for them."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Engine

from nungil.api.profile.v1 import people_pb2, profile_pb2
from nungil.api.search.v1 import search_pb2
from nungil.database.open import reading
from nungil.runtime.clock import Clock
from nungil.taxonomy.taxonomy import Name, Taxonomy
from services.profile import core, tastes
from services.profile.core import KeptConsent, State
from services.profile.handlers.campaigns import Sponsor
from services.profile.handlers.people import must_exist
from services.profile.journal import Journal
from services.profile.recommendations.errors import InvalidRecommendation
from services.profile.recommendations.mixing import Chosen, mixed, seed_of
from services.profile.recommendations.stated import Stated, stated_of
from services.profile.recommendations.wishes import Source, cited, wishes_of
from services.profile.searching import Conditions, FindThings
from services.profile.stating import about_for
from services.profile.store import people_rows, recommendation_rows
from services.profile.store.recommendation_rows import Entry, KeptList, Seen, Sponsored, What

DEFAULT_LIMIT = 20
MAX_LIMIT = 50
MAX_ABOUT = 100
LENGTH = 60  # of a list
OWN_A_SPONSORED = 9  # so at most one in ten is
_OF_LEARNT = (profile_pb2.CONSENT_PURPOSE_PERSONALISE, profile_pb2.CONSENT_PURPOSE_IMAGE_INTEREST)
LEARNT = (Source.INTEREST, Source.SESSION, Source.EXPLORATION)
Thing = search_pb2.CandidateQuery.Named.Thing


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """limit: of the person's own; 0 means 20. about: words of which nothing is kept."""

    tenant: str
    person_id: str
    limit: int = 0
    cursor: str = ""
    filters: search_pb2.Filters = field(default_factory=search_pb2.Filters)
    about: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Recommended:
    """One thing. interest: of the taxonomy, or empty. campaign_id: of what is sponsored, for those with the interest."""

    hit: search_pb2.Hit
    source: Source | None
    interest: str
    media_ids: tuple[str, ...]
    name: str = ""  # what the person calls the interest
    campaign_id: str = ""
    stated: Name | None = None  # what the person says of themselves


@dataclass(frozen=True, slots=True)
class Page:
    """next_cursor empty: there is no more in this list."""

    recommended: Sequence[Recommended]
    next_cursor: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """What may be known of who asks. learnt: by their pictures; ads: sponsored things may be shown. stated: what may be read of
    what they say of themselves, by key."""

    state: State
    learnt: bool
    ads: bool
    seen: Sequence[Seen]
    stated: Mapping[str, Stated]

    def hidden(self, what: What) -> list[str]:
        return [one.id for one in self.seen if one.hidden and one.what == what]


@dataclass(frozen=True)
class Recommend:
    """A first page makes a list of what the person has not seen and keeps it for an hour; its cursor reads on in it, stably.

    taxonomy_of: a tenant's own. shipped: what search knows of it.
    """

    engine: Engine
    journal: Journal
    taxonomy_of: Callable[[str], Taxonomy]
    shipped: Taxonomy
    find: FindThings
    sponsor: Sponsor
    clock: Clock

    def __call__(self, asked: Asked) -> Page:
        """Raises UnknownPerson, InvalidRecommendation, what search raises, and DependencyAway."""
        limit = checked_limit(asked.limit)
        if len(asked.about) > MAX_ABOUT:
            raise InvalidRecommendation(f"about has {len(asked.about)} letters; at most {MAX_ABOUT} are read")
        if asked.about and asked.cursor:
            raise InvalidRecommendation(
                "nothing is kept of `about`, so there is no page to read on: leave one of them out"
            )
        person = self._person(asked)
        if not asked.cursor:
            kept = KeptList("", self.clock(), self._entries(asked, person), {})
            if asked.about:
                return Page(self._page(asked, person, kept, 0, limit)[0])
            kept = replace(kept, list_id=secrets.token_urlsafe(16))
            with self.engine.begin() as c:
                people_rows.lock_person(c, asked.tenant, asked.person_id)
                still = stated_by(c, asked.tenant, asked.person_id)  # they may have taken it back meanwhile
                kept = replace(kept, entries=recommendation_rows.without_stated(kept.entries, still))
                recommendation_rows.keep_list(c, asked.tenant, asked.person_id, kept)
            return self._read(asked, person, kept, 0, limit)
        list_id, offset = place_of(asked.cursor)
        with reading(self.engine) as c:
            found = recommendation_rows.find_list(c, asked.tenant, asked.person_id, list_id, now_ms=self.clock())
        if found is None:
            raise InvalidRecommendation("the cursor is too old, or none of this person's: ask again without it")
        return self._read(asked, person, found, offset, limit)

    def _person(self, asked: Asked) -> Person:
        with reading(self.engine) as c:
            must_exist(people_rows.has_person(c, asked.tenant, asked.person_id), asked.person_id)
            consents = people_rows.consents(c, asked.tenant, asked.person_id)
            seen = recommendation_rows.seen(c, asked.tenant, asked.person_id)
            stated = stated_by(c, asked.tenant, asked.person_id)
        state = self.journal.state_of(asked.tenant, asked.person_id)
        ads = consents.get(profile_pb2.CONSENT_PURPOSE_ADS_ONSITE, KeptConsent()).given
        return Person(state, may_use_learnt(consents), ads, seen, stated)

    def _entries(self, asked: Asked, person: Person) -> tuple[Entry, ...]:
        """A new list, of what was not seen."""
        now_ms, rules = self.clock(), self.journal.rules
        wishes = wishes_of(
            person.state,
            now_ms,
            rules,
            self.taxonomy_of(asked.tenant),
            named=self.shipped.interests.keys(),
            learnt=person.learnt,
            stated=() if asked.about else tuple(person.stated.values()),
        )
        conditions = self._conditions(
            asked, person, [one.id for one in person.seen if one.what == What.ITEM],
            [one.id for one in person.seen if one.what == What.PICTURE],
        )  # fmt: skip
        chosen = mixed(
            wishes,
            self.find(wishes, conditions),
            LENGTH,
            seed=seed_of(asked.tenant, asked.person_id, core.today(now_ms)),
            likeness=rules.likeness,
            hidden=[one.direction() for one in person.state.negatives] if person.learnt else (),
        )
        return tuple(_entry(each) for each in chosen)

    def _conditions(
        self, asked: Asked, person: Person, items: Collection[str], pictures: Collection[str]
    ) -> Conditions:
        silent = [id_ for id_ in tastes.muted(person.state) if id_ in self.shipped.interests]
        return Conditions(asked.tenant, asked.filters, asked.about, items, pictures, silent)

    def _read(self, asked: Asked, person: Person, kept: KeptList, offset: int, limit: int) -> Page:
        """A page of a kept list; what is shown is noted, once however often it is read."""
        page, end = self._page(asked, person, kept, offset, limit)
        now_ms = self.clock()
        shown = [Seen(What.ITEM, one.hit.item.item_id, now_ms) for one in page if not one.campaign_id]
        with self.engine.begin() as c:
            people_rows.lock_person(c, asked.tenant, asked.person_id)
            recommendation_rows.note(c, asked.tenant, asked.person_id, shown)
            page = self._counted(c, asked, kept, offset, page)
        return Page(page, cursor_of(kept.list_id, end) if end < len(kept.entries) else "")

    def _page(
        self, asked: Asked, person: Person, kept: KeptList, offset: int, limit: int
    ) -> tuple[list[Recommended], int]:
        """At most `limit` things of the list that still may be shown, sponsored ones between them; where the next page begins."""
        may = [
            (n, entry)
            for n, entry in enumerate(kept.entries)
            if n >= offset and self._may(entry, person, self.taxonomy_of(asked.tenant))
        ]
        conditions = self._conditions(asked, person, person.hidden(What.ITEM), person.hidden(What.PICTURE))
        conditions = replace(conditions, about="")  # it held when the list was made
        sponsored = self._sponsored(asked, person, kept, offset, limit)
        own, ads = self.find.shown(
            [
                [Thing(item_id=e.item_id, media_id=e.media_id, region=e.region) for _, e in may],
                [Thing(item_id=one.item_id) for one in sponsored],
            ],
            conditions,
        )
        shown = [(n, entry) for n, entry in may if entry.item_id in own]
        end = shown[limit][0] if len(shown) > limit else len(kept.entries)
        page = [self._recommended(entry, own[entry.item_id], person) for _, entry in shown[:limit]]
        taken = {entry.item_id for entry in kept.entries[:end]}
        fits = [one for one in sponsored if one.item_id in ads and one.item_id not in taken]
        return self._with_sponsored(page, fits, ads), end

    @staticmethod
    def _may(entry: Entry, person: Person, taxonomy: Taxonomy) -> bool:
        """Whether its reason still holds: consents, mutes, pictures and what is stated may be others than when the list was made."""
        if entry.source in LEARNT and not person.learnt:
            return False
        if entry.source == Source.STATED and entry.stated not in person.stated:
            return False
        silent = tastes.muted(person.state)
        above = taxonomy.ancestors(entry.interest) if entry.interest in taxonomy.interests else ()
        if entry.interest in silent or any(interest.id in silent for interest in above):
            return False
        return not entry.because or not cited(person.state).isdisjoint(entry.because)

    def _recommended(self, entry: Entry, hit: search_pb2.Hit, person: Person) -> Recommended:
        known = cited(person.state)
        hit.score = entry.score
        said = person.state.corrections.get(entry.interest, core.UNSAID)
        because = tuple(media_id for media_id in entry.because if media_id in known)
        stated = person.stated[entry.stated].name if entry.stated else None
        return Recommended(hit, Source(entry.source), entry.interest, because, said.name, stated=stated)

    def _sponsored(self, asked: Asked, person: Person, kept: KeptList, offset: int, limit: int) -> Sequence[Sponsored]:
        """What may be shown on this page, best first, more than fits; where it was read before, what of that
        is still meant for them."""
        if not person.ads or asked.about or limit < OWN_A_SPONSORED:
            return ()
        if offset in kept.sponsored:
            showed = kept.sponsored[offset]
            return self.sponsor.still(asked.tenant, asked.person_id, person.state, showed, learnt=person.learnt)
        return self.sponsor.choices(
            asked.tenant, asked.person_id, person.state, learnt=person.learnt, seed=kept.list_id
        )

    @staticmethod
    def _with_sponsored(
        page: Sequence[Recommended], fits: Sequence[Sponsored], ads: Mapping[str, search_pb2.Hit]
    ) -> list[Recommended]:
        """One of a campaign at most, behind every ninth of the person's own: their order is untouched."""
        waiting = list({one.campaign_id: one for one in reversed(fits)}.values())[::-1]
        mixed_: list[Recommended] = []
        for n, own in enumerate(page, start=1):
            mixed_.append(own)
            if n % OWN_A_SPONSORED == 0 and waiting:
                one = waiting.pop(0)
                mixed_.append(Recommended(ads[one.item_id], None, one.interest, (), campaign_id=one.campaign_id))
        return mixed_

    def _counted(
        self, c: Connection, asked: Asked, kept: KeptList, offset: int, page: Sequence[Recommended]
    ) -> list[Recommended]:
        """Without what a campaign may not show any more; the first reading of a page counts."""
        sponsored = [one for one in page if one.campaign_id]
        if not sponsored or offset in kept.sponsored:
            return list(page)
        refused = [one for one in sponsored if not self.sponsor.show(c, asked.tenant, asked.person_id, one.campaign_id, one.hit.item.item_id)]  # fmt: skip
        showed = tuple(
            Sponsored(one.campaign_id, one.hit.item.item_id, one.interest) for one in sponsored if one not in refused
        )
        of_pages = {**kept.sponsored, offset: showed}
        recommendation_rows.note_sponsored(c, asked.tenant, asked.person_id, kept.list_id, of_pages)
        return [one for one in page if one not in refused]


@dataclass(frozen=True)
class NoteSeen:
    """What people did something with was seen, and what they hid is not shown again. Needs no consent: nothing is learnt of it."""

    engine: Engine

    def __call__(self, acted: Mapping[tuple[str, str], Sequence[Seen]]) -> None:
        """acted: by tenant and person. Idempotent; who is unknown is passed over."""
        if not acted:
            return
        with self.engine.begin() as c:
            for (tenant, person_id), things in sorted(acted.items()):
                if people_rows.lock_person(c, tenant, person_id):
                    recommendation_rows.note(c, tenant, person_id, things)

    def forget_picture(self, tenant: str, media_id: str) -> None:
        """A picture is gone."""
        with self.engine.begin() as c:
            recommendation_rows.forget_picture(c, tenant, media_id)


def forget_lists(c: Connection, tenant: str, person_id: str) -> None:
    """A consent has changed: lists that were made of what was learnt go, unless it may still be used."""
    if not may_use_learnt(people_rows.consents(c, tenant, person_id)):
        recommendation_rows.drop_lists(c, tenant, person_id)


def stated_by(c: Connection, tenant: str, person_id: str) -> Mapping[str, Stated]:
    """What recommendations may read of what a person states, by key."""
    about = about_for(c, tenant, person_id, people_pb2.ABOUT_PURPOSE_RECOMMENDATIONS)
    return {one.key: one for one in stated_of(about)}


def may_use_learnt(consents: Mapping[int, KeptConsent]) -> bool:
    """Whether what was learnt of pictures may order what a person is shown."""
    return all(consents.get(purpose, KeptConsent()).given for purpose in _OF_LEARNT)


def checked_limit(limit: int) -> int:
    """0 means 20. Raises InvalidRecommendation outside 0 to 50."""
    if not 0 <= limit <= MAX_LIMIT:
        raise InvalidRecommendation(f"limit is {limit}; it must be 1 to {MAX_LIMIT}, or 0 for {DEFAULT_LIMIT}")
    return limit or DEFAULT_LIMIT


def cursor_of(list_id: str, offset: int) -> str:
    """Where a list is read on."""
    return base64.urlsafe_b64encode(json.dumps([list_id, offset]).encode()).decode()


def place_of(cursor: str) -> tuple[str, int]:
    """Back from `cursor_of`. Raises InvalidRecommendation."""
    try:
        list_id, offset = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError):
        list_id, offset = None, None
    if not isinstance(list_id, str) or type(offset) is not int or offset < 1:
        raise InvalidRecommendation("the cursor is none that we gave: ask again without it")
    return list_id, offset


def _entry(chosen: Chosen) -> Entry:
    one, wish = chosen.candidate, chosen.wish
    return Entry(
        one.item_id,
        one.media_id,
        one.region,
        round(one.score, 4),
        int(wish.source),
        wish.interest,
        wish.media_ids,
        wish.stated.key if wish.stated else "",
    )
