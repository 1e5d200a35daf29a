"""Why a person is in a segment, and what would end it, in sentences that a replay bears out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from nungil.taxonomy.taxonomy import Name, Taxonomy
from services.profile.segments import stated
from services.profile.segments.definition import (
    Acted,
    AllOf,
    AnyOf,
    AsksFor,
    Condition,
    Definition,
    Follows,
    InterestWeighs,
    LabelSeen,
    Leaf,
    Not,
    Stated,
    leaves,
)
from services.profile.segments.evaluation import DAY_MS, Facts, course, weight_at
from services.profile.segments.facts import (
    Known,
    facts_of,
    pictures_of_deeds,
    pictures_of_interest,
    pictures_of_label,
)

PICTURES_TOLD = 16
MUTE, UNFOLLOW, DELETE_PICTURES, DELETE_WATCHES = "mute", "unfollow", "delete_pictures", "delete_watches"
TAKE_BACK = "take_back"

_DEEDS: dict[str, Name] = {
    "uploaded": Name("올림", "uploaded"),
    "saved": Name("저장", "saved"),
    "unsaved": Name("저장 취소", "unsaved"),
    "liked": Name("좋아요", "liked"),
    "tried": Name("해 봄", "tried"),
    "shared": Name("공유", "shared"),
    "crop_searched": Name("검색", "searched with"),
    "closed_up": Name("자세히 보기", "looked closely at"),
    "clicked_out": Name("판매처 방문", "went to a shop from"),
    "hidden": Name("숨김", "hid"),
    "bought": Name("구매", "bought from"),
}


@dataclass(frozen=True, slots=True)
class EndingDeed:
    """What a person can do. kind: MUTE or UNFOLLOW interests, DELETE_PICTURES, DELETE_WATCHES that ask for markets, or TAKE_BACK what
    they state in fields."""

    kind: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """ends_at_ms: where nothing more is done; None: never by itself. deeds: done together they end it at once."""

    media_ids: tuple[str, ...]
    why: Name
    ends_at_ms: int | None
    ends: Name
    deeds: tuple[EndingDeed, ...]


@dataclass(frozen=True, slots=True)
class Explaining:
    """One person at one moment."""

    known: Known
    taxonomy: Taxonomy
    half_life_ms: float
    now_ms: int

    def __call__(self, definition: Definition) -> Explanation | None:
        """None where the definition does not hold for this member."""
        facts = facts_of(self.known, self.taxonomy, self.half_life_ms)
        now = course(definition.who, facts, member=True, now_ms=self.now_ms)
        if not now.holds:
            return None
        true = self._true(definition.who, facts, negated=False)
        deeds = self._ending(definition, true, facts)
        return Explanation(
            self._pictures(true),
            self._why(true, facts),
            now.turns_at_ms,
            self._ends(now.turns_at_ms, deeds),
            deeds,
        )

    def because(self, definition: Definition) -> tuple[str, ...]:
        """The pictures alone that make a definition hold for a member."""
        facts = facts_of(self.known, self.taxonomy, self.half_life_ms)
        return self._pictures(self._true(definition.who, facts, negated=False))

    def _pictures(self, true: Sequence[Leaf]) -> tuple[str, ...]:
        found = dict.fromkeys(media_id for leaf in true for media_id in self.pictures(leaf))
        return tuple(found)[:PICTURES_TOLD]

    def pictures(self, leaf: Leaf) -> list[str]:
        """Those that make a leaf true, most telling first."""
        match leaf:
            case InterestWeighs(interest=interest):
                return pictures_of_interest(self.known.state, interest)
            case LabelSeen(label=label):
                return pictures_of_label(self.known.state, label)
            case Acted(activity=activity, within_days=within_days):
                return pictures_of_deeds(self.known.deeds, activity, self.now_ms - within_days * DAY_MS)
            case _:
                return []

    def _holds(self, condition: Condition, facts: Facts, *, negated: bool = False) -> bool:
        return course(condition, facts, member=True, now_ms=self.now_ms, negated=negated).holds

    def _true(self, condition: Condition, facts: Facts, *, negated: bool) -> list[Leaf]:
        """The leaves that bear it: of an `any`, those of its true branches; none under a `not`."""
        match condition:
            case AllOf(of):
                return [leaf for one in of for leaf in self._true(one, facts, negated=negated)]
            case AnyOf(of):
                true = [one for one in of if self._holds(one, facts, negated=negated)]
                return [leaf for one in true for leaf in self._true(one, facts, negated=negated)]
            case Not(Not(of)):
                return self._true(of, facts, negated=negated)
            case Not():
                return []
            case _:
                return [condition]

    def _ending(self, definition: Definition, true: Sequence[Leaf], facts: Facts) -> tuple[EndingDeed, ...]:
        """The first single deed that ends it, else all of them: without all that speaks for it, no definition holds."""
        others = [leaf for leaf, negated in leaves(definition.who) if not negated and leaf not in true]
        each = list(dict.fromkeys(deed for leaf in (*true, *others) if (deed := self._undoing(leaf, facts))))
        for deed in each:
            if not self._holds(definition.who, self._after([deed])):
                return (deed,)
        return tuple(each)

    def _undoing(self, leaf: Leaf, facts: Facts) -> EndingDeed | None:
        """What makes a leaf false, whatever else is so; None where it is false already."""
        if not self._holds(leaf, facts):
            return None
        match leaf:
            case InterestWeighs(interest=interest):
                return EndingDeed(MUTE, (interest,))
            case LabelSeen(label=label):
                entry = self.taxonomy.labels.get(label)
                return EndingDeed(MUTE, tuple(entry.interests)) if entry else None
            case Acted():
                return EndingDeed(DELETE_PICTURES, tuple(self.pictures(leaf)))
            case Follows(interest):
                return EndingDeed(UNFOLLOW, (interest,))
            case AsksFor(market):
                return EndingDeed(DELETE_WATCHES, (market,))
            case Stated(field=field):
                return EndingDeed(TAKE_BACK, (field,))

    def _after(self, deeds: Sequence[EndingDeed]) -> Facts:
        gone = {(deed.kind, target) for deed in deeds for target in deed.targets}
        left = tuple(deed for deed in self.known.deeds if (DELETE_PICTURES, deed.media_id) not in gone)
        markets = frozenset(market for market in self.known.markets if (DELETE_WATCHES, market) not in gone)
        muted = [target for kind, target in gone if kind == MUTE]
        still = {field: word for field, word in self.known.stated.items() if (TAKE_BACK, field) not in gone}
        known = Known(self.known.state, left, markets, still)
        facts = facts_of(known, self.taxonomy, self.half_life_ms, muted=muted)
        return replace(facts, follows=frozenset(id_ for id_ in facts.follows if (UNFOLLOW, id_) not in gone))

    def _why(self, true: Sequence[Leaf], facts: Facts) -> Name:
        said = [self._said(leaf, facts) for leaf in dict.fromkeys(true)]
        return Name(
            ", ".join(name.ko for name in said) + " 때문입니다.",
            f"You are in it as {_and([name.en for name in said])}.",
        )

    def _said(self, leaf: Leaf, facts: Facts) -> Name:
        match leaf:
            case InterestWeighs(interest, _, leave_below):
                weight = weight_at(facts.interests[interest], self.now_ms, self.half_life_ms)
                name = self._interest(interest)
                return Name(
                    f"사진에 나타난 ‘{name.ko}’ 관심({weight:.1f}장어치, 유지 기준 {leave_below:g})",
                    f"your pictures say that you care for {name.en} ({weight:.1f} pictures' worth; {leave_below:g} keep you in it)",
                )
            case LabelSeen(label=label, within_days=within_days):
                seen = facts.seen[label]
                pictures, days = len({picture for picture, _ in seen}), len({day for _, day in seen})
                entry = self.taxonomy.labels.get(label)
                shown = entry.name if entry else Name(label, label)
                return Name(
                    f"‘{shown.ko}’ 사진 {pictures}장({days}일에 걸쳐, 최근 {within_days}일 기준)",
                    f"{pictures} of your pictures, on {days} days, show {shown.en} (the last {within_days} days count)",
                )
            case Acted(activity=activity, within_days=within_days):
                since_ms = self.now_ms - within_days * DAY_MS
                times = sum(1 for deed in self.known.deeds if deed.activity == activity and deed.at_ms > since_ms)
                word = _DEEDS[activity]
                return Name(
                    f"최근 {within_days}일의 사진 ‘{word.ko}’ 활동 {times}번",
                    f"you {word.en} pictures {times} times in the last {within_days} days",
                )
            case Follows(interest):
                name = self._interest(interest)
                return Name(f"‘{name.ko}’ 관심사 팔로우", f"you follow {name.en}")
            case AsksFor(market):
                return Name(f"{market}에서 살 수 있기를 기다리는 것", f"you wait for something to buy in {market}")
            case Stated(field=field):
                called, word = stated.FIELDS[field], stated.WORDS[field][facts.stated[field]]
                return Name(f"직접 밝힌 {called.ko}({word.ko})", f"you say yourself that your {called.en} is {word.en}")

    def _ends(self, ends_at_ms: int | None, deeds: Sequence[EndingDeed]) -> Name:
        done = [self._done(deed) for deed in deeds]
        ko = ", ".join(name.ko for name in done) + ("를 모두 하면" if len(done) > 1 else "를 하면") + " 바로 끝납니다"
        en = f"at once if you {_and([name.en for name in done])}"
        ever = Name(
            "개인화나 사진 관심사 동의를 거두어도 바로 끝납니다.",
            "So does withdrawing the consent to personalisation, or to interests from pictures.",
        )
        if ends_at_ms is None:
            return Name(
                f"저절로 끝나지 않습니다. {ko}. {ever.ko}", f"It does not end by itself; it ends {en}. {ever.en}"
            )
        when = datetime.fromtimestamp(ends_at_ms / 1000, UTC)
        day, ko_day = f"{when:%Y-%m-%d %H:%M} UTC", f"{when:%Y-%m-%d %H:%M}(UTC)"
        return Name(
            f"더 아무것도 하지 않으면 {ko_day}에 끝납니다. {ko}. {ever.ko}",
            f"It ends on {day} if you do nothing more, and {en}. {ever.en}",
        )

    def _done(self, deed: EndingDeed) -> Name:
        names = [self._interest(target) for target in deed.targets] if deed.kind in (MUTE, UNFOLLOW) else []
        ko, en = "·".join(f"‘{name.ko}’" for name in names), _and([name.en for name in names])
        match deed.kind:
            case "mute":
                return Name(f"{ko} 관심사 숨기기", f"mute {en}")
            case "unfollow":
                return Name(f"{ko} 팔로우 그만두기", f"unfollow {en}")
            case "delete_pictures":
                return Name(f"이 사진 {len(deed.targets)}장 지우기", f"delete {len(deed.targets)} of these pictures")
            case "take_back":
                fields = [stated.FIELDS[target] for target in deed.targets]
                ko, en = "·".join(name.ko for name in fields), _and([name.en for name in fields])
                return Name(
                    f"직접 밝힌 {ko} 지우기(또는 ‘그룹’에 쓰기 끄기)",
                    f"take back your {en} (or stop its use for groups)",
                )
            case _:
                where = ", ".join(deed.targets)
                return Name(f"{where}에서 기다리는 것 지우기", f"delete what you wait for in {where}")

    def _interest(self, id_: str) -> Name:
        called = self.known.state.corrections.get(id_)
        if called and called.name:
            return Name(called.name, called.name)
        return self.taxonomy.interests[id_].name if id_ in self.taxonomy.interests else Name(id_, id_)


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
