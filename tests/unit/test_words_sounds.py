"""Brands by their sound: real names as both scripts write them, none mistaken for another."""

from __future__ import annotations

from collections import defaultdict

import pytest

from services.search.words.sounds import sound_alike, sound_of


def pairs(text: str) -> list[tuple[str, str]]:
    """(as Korean writes it, as the brand does)"""
    return [
        (ko, en)
        for ko, en in (each.strip().split(" ", 1) for each in text.replace("\n", "|").split("|") if each.strip())
    ]


# The rules and the cut were set while looking at these.
SEEN = pairs("""
나이키 Nike | 아디다스 Adidas | 푸마 Puma | 리복 Reebok | 뉴발란스 New Balance | 컨버스 Converse | 반스 Vans | 필라 Fila
아식스 Asics | 언더아머 Under Armour | 노스페이스 North Face | 파타고니아 Patagonia | 콜롬비아 Columbia | 살로몬 Salomon
아크테릭스 Arcteryx | 구찌 Gucci | 프라다 Prada | 샤넬 Chanel | 에르메스 Hermes | 디올 Dior | 버버리 Burberry | 펜디 Fendi
발렌시아가 Balenciaga | 지방시 Givenchy | 몽클레르 Moncler | 루이비통 Louis Vuitton | 보테가베네타 Bottega Veneta | 셀린느 Celine
로에베 Loewe | 입생로랑 Yves Saint Laurent | 베르사체 Versace | 발렌티노 Valentino | 토리버치 Tory Burch
마이클코어스 Michael Kors | 랄프로렌 Ralph Lauren | 토미힐피거 Tommy Hilfiger | 라코스테 Lacoste | 캘빈클라인 Calvin Klein
게스 Guess | 리바이스 Levis | 자라 Zara | 유니클로 Uniqlo | 망고 Mango | 무지 Muji | 이케아 Ikea | 롤렉스 Rolex | 오메가 Omega
카시오 Casio | 세이코 Seiko | 티파니 Tiffany | 까르띠에 Cartier | 불가리 Bulgari | 스와로브스키 Swarovski | 판도라 Pandora
레이밴 Ray-Ban | 오클리 Oakley | 크록스 Crocs | 닥터마틴 Dr Martens | 팀버랜드 Timberland | 버켄스탁 Birkenstock | 애플 Apple
삼성 Samsung | 소니 Sony | 파나소닉 Panasonic | 필립스 Philips | 다이슨 Dyson | 브라운 Braun | 지멘스 Siemens | 보쉬 Bosch
밀레 Miele | 캐논 Canon | 니콘 Nikon | 후지필름 Fujifilm | 올림푸스 Olympus | 코닥 Kodak | 라이카 Leica | 폴라로이드 Polaroid
고프로 GoPro | 보스 Bose | 젠하이저 Sennheiser | 마이크로소프트 Microsoft | 구글 Google | 아마존 Amazon | 인텔 Intel
엔비디아 Nvidia | 레노버 Lenovo | 에이수스 Asus | 샤오미 Xiaomi | 화웨이 Huawei | 로지텍 Logitech | 코카콜라 Coca-Cola | 펩시 Pepsi
스프라이트 Sprite | 환타 Fanta | 트로피카나 Tropicana | 네슬레 Nestle | 네스카페 Nescafe | 스타벅스 Starbucks | 하인즈 Heinz
켈로그 Kellogg | 오레오 Oreo | 프링글스 Pringles | 하리보 Haribo | 페레로 Ferrero | 누텔라 Nutella | 킷캣 KitKat
스니커즈 Snickers | 허쉬 Hershey | 고디바 Godiva | 린트 Lindt | 다논 Danone | 알라 Arla | 오틀리 Oatly | 알프로 Alpro
발리오 Valio | 에비앙 Evian | 페리에 Perrier | 레드불 Red Bull | 하이네켄 Heineken | 기네스 Guinness | 로레알 Loreal
랑콤 Lancome | 에스티로더 Estee Lauder | 클리니크 Clinique | 시세이도 Shiseido | 니베아 Nivea | 도브 Dove | 메이블린 Maybelline
맥 MAC | 키엘 Kiehls | 바비브라운 Bobbi Brown | 이솝 Aesop | 록시땅 Loccitane | 조말론 Jo Malone | 질레트 Gillette
오랄비 Oral-B | 콜게이트 Colgate | 팬틴 Pantene | 바세린 Vaseline | 뉴트로지나 Neutrogena | 테슬라 Tesla | 도요타 Toyota
혼다 Honda | 닛산 Nissan | 마쓰다 Mazda | 스바루 Subaru | 포르쉐 Porsche | 페라리 Ferrari | 람보르기니 Lamborghini | 볼보 Volvo
푸조 Peugeot | 르노 Renault | 시트로엥 Citroen | 쉐보레 Chevrolet | 벤틀리 Bentley | 재규어 Jaguar | 야마하 Yamaha
스즈키 Suzuki | 할리데이비슨 Harley-Davidson | 베스파 Vespa | 레고 Lego | 바비 Barbie | 플레이모빌 Playmobil | 닌텐도 Nintendo
세가 Sega | 해즈브로 Hasbro | 디즈니 Disney | 픽사 Pixar | 핀터레스트 Pinterest | 스포티파이 Spotify | 컬럼비아 Columbia
스탠리 Stanley | 콜맨 Coleman | 스노우피크 Snow Peak | 헬리녹스 Helinox | 테팔 Tefal | 르크루제 Le Creuset | 휘슬러 Fissler
드롱기 Delonghi | 발뮤다 Balmuda | 엘지 LG | 에이치피 HP | 비엠더블유 BMW | 에이치앤엠 H&M | 디케이엔와이 DKNY | 몰스킨 Moleskine
파커 Parker | 몽블랑 Montblanc | 라미 Lamy | 스테들러 Staedtler
""")
# These were written down afterwards, and nothing was changed to please one of them alone.
UNSEEN = pairs("""
휠라 Fila | 엄브로 Umbro | 미즈노 Mizuno | 스케쳐스 Skechers | 케즈 Keds | 호카 Hoka | 멜리사 Melissa | 디젤 Diesel
베네통 Benetton | 막스마라 Max Mara | 겐조 Kenzo | 마르니 Marni | 톰브라운 Thom Browne | 오프화이트 Off-White | 슈프림 Supreme
칼하트 Carhartt | 디키즈 Dickies | 챔피온 Champion | 폴로 Polo | 에스프리 Esprit | 투미 Tumi | 리모와 Rimowa
샘소나이트 Samsonite | 키플링 Kipling | 롱샴 Longchamp | 휴고보스 Hugo Boss | 아르마니 Armani | 모스키노 Moschino
쌤소나이트 Samsonite | 스와치 Swatch | 티쏘 Tissot | 파슬 Fossil | 가민 Garmin | 앤커 Anker | 엡손 Epson | 제록스 Xerox
도시바 Toshiba | 샤프 Sharp | 델 Dell | 켄우드 Kenwood | 월풀 Whirlpool | 스메그 Smeg | 브리타 Brita | 락앤락 LocknLock
타파웨어 Tupperware | 지포 Zippo | 빅토리녹스 Victorinox | 립톤 Lipton | 라바짜 Lavazza | 크노르 Knorr | 토블론 Toblerone
밀카 Milka | 트윅스 Twix | 바운티 Bounty | 몬스터 Monster | 도리토스 Doritos | 치토스 Cheetos | 마즈 Mars | 리츠 Ritz
바릴라 Barilla | 아벤느 Avene | 비오템 Biotherm | 달팡 Darphin | 러쉬 Lush | 베네피트 Benefit | 에튀드 Etude | 키스미 Kissme
나스 Nars | 시슬리 Sisley | 클라랑스 Clarins
""")
OTHER_BRANDS = [each.strip() for each in """
Acer Alfa Romeo | Allbirds | Ambre | Anker | Ariel | Armani | Aveda | Avene | Bandai | Bally | Benetton
Bic | Bioderma | Bosco | Brita | Brooks | Bugaboo | Camper | Carhartt | Caterpillar | Chloe | Clarks
Coach | Cuisinart | Dell | Desigual | Diesel | Dickies | Dunlop | Duracell | Ecco | Electrolux
Energizer | Epson | Esprit | Etude | Fjallraven | Fossil | Fred Perry | Gant | Garmin | Geox | Hoka
Hunter | Jansport | Jeep | Joseph Joseph | Kappa | Keds | Kenwood | Kenzo | Kipling | KitchenAid
Lavazza | Lee | Lipton | Longchamp | Lush | Lululemon | Mammut | Marc Jacobs | Marimekko | Merrell
Missoni | Mizuno | Mondelez | Monster | Moschino | Nars | Napapijri | Oasis | Osprey | Pentax | Persil
Pilot | Playtex | Pyrex | Quiksilver | Rimowa | Ricoh | Roxy | Saucony | Scotch | Sharp | Skechers | Smeg
Speedo | Superdry | Swatch | Teva | Thule | Tissot | Toshiba | Tumi | Tupperware | Umbro | Velcro
Victorinox | Vitra | Wedgwood | Whirlpool | Wilson | Wrangler | Xerox | Yonex | Zalando | Zippo
Zwilling | Garant | Bravo | Yoggi | God Morgon | Ritz | Milka | Toblerone | Twix | Mars | Bounty | Knorr
Barilla | Danisco
""".replace("\n", "|").split("|") if each.strip()]  # fmt: skip
_THINGS = """
운동화 가방 모자 바지 치마 셔츠 원피스 신발 구두 양말 장갑 목도리 시계 안경 반지 목걸이 귀걸이 지갑 우산 의자 책상 소파 침대 이불
베개 커튼 조명 거울 화분 접시 컵 냄비 프라이팬 칼 도마 수건 비누 샴푸 로션 향수 사과 바나나 우유 주스 커피 빵 과자 초콜릿
고양이 강아지 자전거 자동차 카메라 노트북 마우스 키보드 스피커 이어폰 냉장고 세탁기 청소기 선풍기 토마토 오렌지 레몬 망고 멜론 감자 양파 버섯 예쁜 좋은
따뜻한 시원한 부드러운 여름 겨울 가을 남자 여자 아기 선물 세일
"""
THINGS = _THINGS.split()


def alike(one: str, other: str) -> bool:
    sounds = sound_of(one), sound_of(other)
    return sounds[0] is not None and sounds[1] is not None and sound_alike(sounds[0], sounds[1])


def share_found(some: list[tuple[str, str]]) -> float:
    return sum(alike(ko, en) for ko, en in some) / len(some)


@pytest.mark.parametrize(
    ("ko", "en"),
    [
        ("나이키", "Nike"),
        ("트로피카나", "Tropicana"),
        ("핀터레스트", "Pinterest"),
        ("이케아", "IKEA"),
        ("유니클로", "Uniqlo"),
        ("뉴발란스", "New Balance"),
    ],
)
def test_a_brand_is_found_by_its_sound_in_either_script(ko: str, en: str) -> None:
    assert alike(ko, en)
    assert alike(en, ko)


def test_nine_brands_in_ten_of_those_looked_at_are_found_by_sound() -> None:
    assert len(SEEN) >= 150
    assert share_found(SEEN) >= 0.9


def test_three_brands_in_four_never_looked_at_are_found_by_sound() -> None:
    assert len(UNSEEN) >= 50
    assert share_found(UNSEEN) >= 0.75


def test_no_brand_is_taken_for_another() -> None:
    written = defaultdict(set)
    for ko, en in SEEN + UNSEEN:
        written[ko].add(en)
    brands = {en for names in written.values() for en in names} | set(OTHER_BRANDS)
    assert len(OTHER_BRANDS) >= 100
    assert [(ko, en) for ko in written for en in brands - written[ko] if alike(ko, en)] == []


def test_no_word_for_a_thing_is_taken_for_a_brand() -> None:
    brands = {en for _, en in SEEN + UNSEEN} | set(OTHER_BRANDS)
    homonyms = {("망고", "Mango")}
    assert {(thing, en) for thing in THINGS for en in brands if alike(thing, en)} == homonyms


@pytest.mark.parametrize(
    ("ko", "en"), [("엘지", "LG"), ("비엠더블유", "BMW"), ("에이치앤엠", "H&M"), ("디케이엔와이", "DKNY")]
)
def test_letters_are_read_out(ko: str, en: str) -> None:
    assert alike(ko, en)


def test_two_names_in_one_script_are_never_alike_by_sound() -> None:
    assert not alike("Nike", "Nikee")
    assert not alike("나이키", "나이끼")


@pytest.mark.parametrize("name", ["", "3M", "나이키 Air", "ㄴㅇㅋ", "!?"])
def test_what_is_no_name_of_one_script_has_no_sound(name: str) -> None:
    assert sound_of(name) is None
