"""What definitions ask of a person, taken from the person's state. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nungil.taxonomy.taxonomy import Taxonomy
from services.profile.core import State
from services.profile.segments.evaluation import Facts, Fading


@dataclass(frozen=True, slots=True)
class Deed:
    """One activity of a person."""

    activity: str
    media_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Known:
    """A person, as far as segments look. deeds: of the last 90 days, where a definition asks for any. markets: that they ask for.

    stated: by field of `abouts.WORDS`, where a definition asks for it and segments may read it.
    """

    state: State
    deeds: tuple[Deed, ...] = ()
    markets: frozenset[str] = frozenset()
    stated: Mapping[str, str] = field(default_factory=dict)


def facts_of(known: Known, taxonomy: Taxonomy, half_life_ms: float, *, muted: Iterable[str] = ()) -> Facts:
    """muted: as if these interests were muted as well. A muted interest silences those below it, and the labels that speak for no other."""
    state = known.state
    silent = {id_ for id_, said in state.corrections.items() if said.muted} | set(muted)
    acts: dict[str, list[int]] = {}
    for deed in known.deeds:
        acts.setdefault(deed.activity, []).append(deed.at_ms)
    return Facts(
        interests={
            id_: Fading(one.weight, one.at_ms)
            for id_, one in state.interests.items()
            if not is_silent(id_, silent, taxonomy)
        },
        seen={id_: one.seen for id_, one in state.labels.items() if not silent or not is_mute(id_, silent, taxonomy)},
        acts=acts,
        follows=frozenset(id_ for id_, said in state.corrections.items() if said.followed),
        markets=known.markets,
        stated=known.stated,
        half_life_ms=half_life_ms,
    )


def is_silent(interest: str, silent: set[str], taxonomy: Taxonomy) -> bool:
    """Whether the interest, or one above it, is among `silent`."""
    if not silent or interest in silent or interest not in taxonomy.interests:
        return interest in silent
    return any(above.id in silent for above in taxonomy.ancestors(interest))


def is_mute(label: str, silent: set[str], taxonomy: Taxonomy) -> bool:
    """Whether all that the label speaks for is silent."""
    entry = taxonomy.labels.get(label)
    return bool(entry and entry.interests) and all(is_silent(id_, silent, taxonomy) for id_ in entry.interests)  # type: ignore[union-attr]


def pictures_of_interest(state: State, interest: str) -> list[str]:
    """The reasons' pictures, strongest first."""
    weighed = state.interests.get(interest)
    return list(dict.fromkeys(reason.media_id for reason in weighed.reasons)) if weighed else []


def pictures_of_label(state: State, label: str) -> list[str]:
    """Pictures that showed it and are a reason for some interest, newest first."""
    at: dict[str, int] = {}
    for weighed in state.interests.values():
        for reason in weighed.reasons:
            if any(name == label for name, _ in reason.labels):
                at[reason.media_id] = max(reason.occurred_at_ms, at.get(reason.media_id, 0))
    return sorted(at, key=lambda media_id: (-at[media_id], media_id))


def pictures_of_deeds(deeds: Sequence[Deed], activity: str, since_ms: int) -> list[str]:
    """Newest first."""
    found = sorted(
        (d for d in deeds if d.activity == activity and d.at_ms > since_ms), key=lambda d: (-d.at_ms, d.media_id)
    )
    return list(dict.fromkeys(deed.media_id for deed in found if deed.media_id))


def changed_keys(before: State, after: State) -> set[tuple[str, str]]:
    """What a change of a state touches, as `published.keys_of` names it."""
    keys = {("interest", id_) for id_ in _differing(before.interests, after.interests)}
    keys |= {("label", id_) for id_ in _differing(before.labels, after.labels)}
    for id_ in _differing(before.corrections, after.corrections):
        keys |= {("follows", id_), ("muted", id_)}
    return keys


def _differing(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    return {
        id_
        for id_ in before.keys() | after.keys()
        if before.get(id_) is not after.get(id_) and before.get(id_) != after.get(id_)
    }
