"""Korean words without the particle that follows them: "운동화를" is about 운동화.

A particle is only taken where it agrees with the sound before it (을 after a consonant, 를 after a vowel), as speakers write.
"""

from __future__ import annotations

from collections.abc import Iterator

from services.search.words.normal import final_of

_AFTER_A_CONSONANT = frozenset(("을", "은", "이", "과", "으로", "이나", "이랑", "이라도", "이요", "으로는", "으로만"))
_AFTER_A_VOWEL = frozenset(("를", "는", "가", "와", "나", "랑", "라도", "요"))
_AFTER_A_VOWEL_OR_L = frozenset(("로", "로는", "로만"))
_OF_PLACE = ("에", "에서", "에게", "한테", "까지", "부터", "에는", "에서는")
_OF_MANY = ("들", "들을", "들이", "들은", "들의")
_AFTER_ANY = frozenset(("의", "도", "만", "만의", "보다", "처럼", "같은", "하고", *_OF_PLACE, *_OF_MANY))
_PARTICLES = sorted(_AFTER_A_CONSONANT | _AFTER_A_VOWEL | _AFTER_A_VOWEL_OR_L | _AFTER_ANY, key=len, reverse=True)


def stems(word: str) -> Iterator[str]:
    """What may be left of a word without its particle: the longest particle first. Nothing where it has none.

    Whether a stem is meant is for the caller to know: "고양이" is a cat, and no 고양 with a particle.
    """
    for particle in _PARTICLES:
        if word.endswith(particle) and len(word) > len(particle):
            stem = word[: -len(particle)]
            final = final_of(stem)
            if final is None or _agrees(particle, final):  # after "nike" nobody can tell: either form is written
                yield stem


def _agrees(particle: str, final: str) -> bool:
    if particle in _AFTER_A_CONSONANT:
        return final != "" and not (particle.startswith("으로") and final == "ㄹ")
    if particle in _AFTER_A_VOWEL:
        return not final
    if particle in _AFTER_A_VOWEL_OR_L:
        return not final or final == "ㄹ"
    return True
