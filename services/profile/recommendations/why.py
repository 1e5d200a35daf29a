"""Why a thing is shown, in one sentence of Korean and of English."""

from __future__ import annotations

from nungil.taxonomy.taxonomy import Name
from services.profile.recommendations.wishes import Source
from services.profile.sentences import ends_in_consonant, with_and_particle, with_object_particle


def why(source: Source, interest: Name | None, pictures: int, stated: Name | None = None) -> Name:
    """interest: as the person calls it, None where there is none. pictures: that are given as the reason. stated: what they say of themselves."""
    match source:
        case Source.INTEREST:
            these = Name(f"이 사진 {pictures}장에서", f"these {pictures} pictures") if pictures > 1 else None
            these = these or Name("이 사진에서", "this picture")
            if interest is None:
                return Name(f"{these.ko} 본 것과 닮았습니다", f"Because of {these.en}: it looks alike")
            said = with_and_particle(f"‘{interest.ko}’")
            return Name(f"{these.ko} {said} 관련된 것을 보았습니다", f"Because of {these.en}: {interest.en}")
        case Source.SESSION:
            return Name("방금 살펴본 것과 닮았습니다", "Because it looks like what you pointed at just now")
        case Source.FOLLOWED if interest is not None:
            return Name(f"{with_object_particle(f'‘{interest.ko}’')} 팔로우합니다", f"Because you follow {interest.en}")
        case Source.STATED if stated is not None:
            return Name(f"말씀하신 ‘{stated.ko}’에 맞춰 골랐습니다", f"Because you said: {stated.en}")
        case Source.EXPLORATION:
            return Name("지금까지의 관심사와 다른 것입니다", "Something else: outside of your interests so far")
    return Name("새로 들어왔습니다", "Newly come")


def why_sponsored(interest: Name | None) -> Name:
    """Of a campaign: what of the person it was meant for."""
    if interest is None:
        return Name("광고입니다", "Sponsored")
    particle = "을" if ends_in_consonant(interest.ko) else "를"
    return Name(
        f"광고: ‘{interest.ko}’{particle} 좋아하는 분께 보입니다", f"Sponsored, for those who like {interest.en}"
    )
