"""Which entries of a journal still speak, after what was taken back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from nungil.api.profile.v1 import profile_pb2 as pb
from services.profile.core import NOTHING, Entry, Rules, State, fold

SAVED, UNSAVED, HIDDEN = pb.ACTIVITY_KIND_SAVED, pb.ACTIVITY_KIND_UNSAVED, pb.ACTIVITY_KIND_HIDDEN
TAKES_BACK = (UNSAVED, HIDDEN)
Place = tuple[int, str]
NO_ROWS: Mapping[str, Sequence[int]] = {}


def fold_all(entries: Sequence[Entry], rules: Rules) -> State:
    """The state of a whole journal, in order."""
    return fold(NOTHING, standing(entries), rules)


def standing(entries: Sequence[Entry], before: Mapping[str, Sequence[int]] = NO_ROWS) -> list[Entry]:
    """The entries that still speak, in their order: an unsaved picture was never saved, and of a hidden one nothing is
    left but the hiding. So taking back gives exactly what never giving would have.

    before: for each picture that is hidden here, the kinds of its earlier entries that are not among these, in order.
    """
    of_picture: dict[str, list[int]] = {}
    left: dict[int, Entry] = {}
    for n, entry in enumerate(entries):
        earlier = of_picture.setdefault(entry.media_id, []) if entry.media_id else []
        if entry.kind in TAKES_BACK:
            for place in earlier:
                if entry.kind == HIDDEN or entries[place].kind == SAVED:
                    left.pop(place, None)
        if entry.kind == HIDDEN:
            kinds = [*before.get(entry.media_id, ()), *(entries[place].kind for place in earlier)]
            entry = replace(entry, took_back=_spoke(kinds))
        left[n] = entry
        earlier.append(n)
    return list(left.values())


def _spoke(kinds: Iterable[int]) -> bool:
    """Whether a picture had given anything that was not taken back by unsaving it."""
    saved = otherwise = False
    for kind in kinds:
        saved = kind == SAVED or (saved and kind != UNSAVED)
        otherwise = otherwise or kind not in (SAVED, *TAKES_BACK)
    return saved or otherwise


def taken_from(filled: Iterable[Entry], rows: Mapping[str, Sequence[tuple[Place, int]]]) -> Place | None:
    """The earliest place that something of `filled` takes back: what was folded after it must be folded again.

    rows: of each picture that something is taken back of, place and kind of every one.
    """
    found = [
        place
        for entry in filled
        if entry.kind in TAKES_BACK
        for place, kind in rows.get(entry.media_id, ())
        if place < entry.place and (entry.kind == HIDDEN or kind == SAVED)
    ]
    return min(found, default=None)
