"""What is never inferred of a person, by name: nationality, ethnicity, emotion, health, religion, politics, sexuality.

Words, not wisdom: they stop what calls itself by its name. Whoever takes a text from a tenant (a name, a definition) asks here.
"""

from __future__ import annotations

import re

_ENGLISH = re.compile(
    r"\b(health\w*|wellness|medic\w*|disease\w*|illness\w*|disab\w*|pregnan\w*|fertility|patients?|drugs?|depress\w*|anxi\w*|diabet\w*|cancer\w*|therap\w*"
    r"|religi\w*|church\w*|christ\w*|catholic\w*|protestant\w*|musl\w*|islam\w*|jews?|jewish|judais\w*|buddh\w*|hindu\w*|atheis\w*|pray\w*|faith|worship\w*"
    r"|politic\w*|elections?|voters?|conservatives|liberals|progressives|left.?wing\w*|right.?wing\w*|trade.?union\w*|union members?"
    r"|ethnic\w*|racial\w*|(?:by|of|what) race|race groups?|nationalit\w*|nationals|immigra\w*|migrants?|refugees?|foreigners?|expats?|ancest(?:ry|ral)"
    r"|sex|sexual\w*|gays?|lesbians?|bisexual\w*|transgender\w*|queer|lgbt\w*"
    r"|emotion\w*|moods|happiness|sad|sadness|lonel\w*|grie(?:f|ving)|heartbroken|angry|anger)\b"
)
_KOREAN = re.compile(
    "건강|의료|의약|질병|질환|환자|장애(?!물)|임신|난임|우울|불안증|당뇨|항암|치료|정신과"
    "|종교|교회|성당|기독|천주교|개신교|이슬람|무슬림|불교|힌두|(?<!경)기도|신앙|예배"
    "|정치|선거|유권자|보수 ?성향|진보 ?성향|좌파|우파|노조"
    "|민족|인종|국적|이민자|이주민|난민|외국인|다문화"
    "|성적 ?지향|성소수자|동성애|게이|레즈비언|트랜스젠더|퀴어"
    "|감정|기분|외로움|외로운|슬픔|슬픈|분노|이별"
)


def refused_word(text: str) -> str | None:
    """The first word of a text, Korean or English, that speaks of what is refused; None where it has none."""
    found = _ENGLISH.search(text.lower().replace("_", " ")) or _KOREAN.search(text)
    return found[0] if found else None
