// What the page says, in Korean and English.

const WORDS = {
  en: {
    another: "Another picture",
    anywhere: "anywhere",
    apply: "Apply",
    asking: "Looking…",
    buyAt: (shop) => `Buy at ${shop}`,
    byLikeness: "likeness",
    byNewest: "newest",
    byPrice: "price",
    checked: (time) => `checked ${time}`,
    chipNot: (name) => `Not ${name}. Press to take this off.`,
    chipOn: (name) => `Only ${name}. Press to take this off.`,
    chips: "Narrow down",
    choose: "Choose a picture",
    consentAsk: "Nungil draws interests from your pictures only if you allow it. You can take that back at any time.",
    consentGive: "Allow",
    currency: "Currency",
    deletePicture: "Delete",
    deleteSure: "Delete this picture for good?",
    dropHere: "Drop it here",
    find: "Find",
    foundByWords: "What these words find:",
    frameHow: "Frame. Arrow keys move it, Shift with an arrow key changes its size, Escape takes the whole picture.",
    giveHow: "Drop a picture here, paste one, or choose one. Then move the frame to what caught your eye.",
    giveHowTouch: "Then move the frame to it, and see what looks alike.",
    giveTitle: "What caught your eye?",
    gone: "This picture is no more.",
    inStock: "in stock",
    interests: "My interests",
    interestsNone: "Nothing yet. Interests come from the pictures you give and save, each with the part that says so.",
    keyNeeded: "This page needs a key. Open the address that “nungil up” printed: it holds one.",
    least: "from",
    market: "Deliver to",
    matched: "Looks like it, best first:",
    more: "Show more",
    moreChips: (count) => `${count} more`,
    moreOffers: (count) => `${count} more ${count === 1 ? "offer" : "offers"}`,
    most: "to",
    nothing: "Nothing here looks like this.",
    nothingButSimilar: "Nothing like it here, only similar",
    nothingByWords: "These words find nothing here.",
    notLive: "Live results are not available: results come when the frame rests.",
    notThis: (name) => `Not this: ${name}`,
    onlySimilar: "Nothing like this here. These are only similar:",
    openHit: (name) => `Search with the matching part of ${name}`,
    openPicture: (name) => `Search with ${name}`,
    otherLanguage: "한국어",
    outOfStock: "out of stock",
    partial: "Some results may be missing: not everything could be looked at in time.",
    partMatched: "Found",
    picture: "a picture",
    preparing: "Taking a close look at the picture…",
    priceRange: "Price range",
    quoted: (words) => `“${words}”`,
    refurbished: "refurbished",
    region: (name) => `Search for: ${name}`,
    rejected: (reason) => `This picture was not taken: ${reason}`,
    results: "Results",
    same: "same",
    save: "Save",
    saved: "Saved",
    sceneSays: "Everything in this picture:",
    searchOnly: "Only search with it: it is not kept",
    similar: "similar",
    similarBelow: "Only similar",
    sortBy: "Sort by",
    takePhoto: "Take a photo",
    thePicture: "The picture",
    unnamedPart: "this part",
    uploading: "Sending…",
    used: "used",
    watchAny: "Tell me when this can be bought",
    watchDrop: "Stop waiting",
    watched: "Kept. You will be told here.",
    watches: "Waiting for",
    watchFound: (count) => `${count} found`,
    watchIn: (country) => `Tell me when this can be bought in ${country}`,
    watchMatched: "Something you wait for can be bought now.",
    watchNothing: "nothing yet",
    watchOpen: "Search with this part again",
    watchSee: "Look at what was found",
    wholePicture: "Whole picture",
    wholeScene: "Everything in it",
    wordsHint: "Words: red mug under $20",
    wordsLabel: "Search in words",
    yourPictures: "Your pictures",
  },
  ko: {
    another: "다른 사진",
    anywhere: "어디든",
    apply: "적용",
    asking: "찾는 중…",
    buyAt: (shop) => `${shop}에서 사기`,
    byLikeness: "닮은 순",
    byNewest: "최신순",
    byPrice: "낮은 가격순",
    checked: (time) => `${time} 확인`,
    chipNot: (name) => `${name} 빼고. 누르면 풀립니다.`,
    chipOn: (name) => `${name}만. 누르면 풀립니다.`,
    chips: "좁혀 보기",
    choose: "사진 고르기",
    consentAsk: "허락하신 경우에만 사진에서 관심사를 읽습니다. 언제든 거두실 수 있습니다.",
    consentGive: "허락하기",
    currency: "통화",
    deletePicture: "삭제",
    deleteSure: "이 사진을 완전히 지울까요?",
    dropHere: "여기에 놓으세요",
    find: "찾기",
    foundByWords: "말로 찾은 것입니다.",
    frameHow: "찾을 부분. 화살표 키로 옮기고, Shift와 화살표 키로 크기를 바꾸고, Esc 키로 사진 전체를 고릅니다.",
    giveHow: "사진을 끌어다 놓거나, 붙여 넣거나, 고르세요. 그런 다음 눈길이 간 곳으로 틀을 옮기면 됩니다.",
    giveHowTouch: "사진에서 그 부분으로 틀을 옮기면 닮은 것을 찾아 드립니다.",
    giveTitle: "무엇에 눈길이 갔나요?",
    gone: "이제 없는 사진입니다.",
    inStock: "재고 있음",
    interests: "나의 관심사",
    interestsNone: "아직 없습니다. 올리고 저장한 사진에서 관심사가 생기며, 사진의 어느 부분 때문인지 함께 보여 드립니다.",
    keyNeeded: "열쇠가 필요한 페이지입니다. ‘nungil up’이 보여 준 주소로 열어 주세요.",
    least: "최소",
    market: "배송지",
    matched: "닮은 것을 찾았습니다. 가장 닮은 순서입니다.",
    more: "더 보기",
    moreChips: (count) => `${count}개 더`,
    moreOffers: (count) => `판매처 ${count}곳 더`,
    most: "최대",
    nothing: "이와 닮은 것이 여기에는 없습니다.",
    nothingButSimilar: "같은 것은 없고 비슷한 것만 있습니다",
    nothingByWords: "이 말로 찾은 것이 없습니다.",
    notLive: "바로바로 보여 드릴 수 없는 연결입니다. 틀을 멈추면 결과가 나옵니다.",
    notThis: (name) => `이건 빼고: ${name}`,
    onlySimilar: "여기에는 같은 것이 없습니다. 비슷한 것만 보여 드립니다.",
    openHit: (name) => `${name}의 닮은 부분으로 찾기`,
    openPicture: (name) => `${name}(으)로 찾기`,
    otherLanguage: "English",
    outOfStock: "품절",
    partial: "제때 다 살펴보지 못해 빠진 결과가 있을 수 있습니다.",
    partMatched: "찾았습니다",
    picture: "사진",
    preparing: "사진을 자세히 보는 중…",
    priceRange: "가격대",
    quoted: (words) => `‘${words}’`,
    refurbished: "리퍼브",
    region: (name) => `${name} 찾기`,
    rejected: (reason) => `이 사진은 받을 수 없습니다: ${reason}`,
    results: "결과",
    same: "같음",
    save: "저장",
    saved: "저장됨",
    sceneSays: "사진 속 모든 것입니다.",
    searchOnly: "찾기에만 쓰고 보관하지 않기",
    similar: "비슷함",
    similarBelow: "비슷하기만 한 것",
    sortBy: "정렬",
    takePhoto: "사진 찍기",
    thePicture: "사진",
    unnamedPart: "이 부분",
    uploading: "보내는 중…",
    used: "중고",
    watchAny: "살 수 있게 되면 알려 주세요",
    watchDrop: "그만 기다리기",
    watched: "기다립니다. 찾으면 여기에 알려 드립니다.",
    watches: "기다리는 것",
    watchFound: (count) => `${count}개 찾음`,
    watchIn: (country) => `${country}에서 살 수 있게 되면 알려 주세요`,
    watchMatched: "기다리시던 것을 이제 살 수 있습니다.",
    watchNothing: "아직 없음",
    watchOpen: "이 부분으로 다시 찾기",
    watchSee: "찾은 것 보기",
    wholePicture: "사진 전체",
    wholeScene: "사진 속 모두",
    wordsHint: "말로 찾기: 3만원 이하 빨간 머그",
    wordsLabel: "말로 찾기",
    yourPictures: "내 사진",
  },
};

const remembered = localStorage.getItem("nungil-language");
let language = remembered in WORDS ? remembered : navigator.language.startsWith("ko") ? "ko" : "en";

export const languageNow = () => language;

export function switchLanguage() {
  language = language === "ko" ? "en" : "ko";
  localStorage.setItem("nungil-language", language);
}

export function say(key, ...values) {
  const words = WORDS[language][key];
  return typeof words === "function" ? words(...values) : words;
}

// A {ko, en} in the language of the page, or in the other where it has only that.
export const named = (name) => (name ? name[language] || name.ko || name.en || "" : "");

export function sayAll(root) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  for (const element of root.querySelectorAll("[data-label]")) element.ariaLabel = say(element.dataset.label);
  for (const element of root.querySelectorAll("[data-hint]")) element.placeholder = say(element.dataset.hint);
}

export const countryName = (code) => {
  try {
    return new Intl.DisplayNames([language], { type: "region" }).of(code);
  } catch {
    return code; // no code that this browser knows
  }
};

const formatOf = (currency) => new Intl.NumberFormat(language, { style: "currency", currency });

// How many minor units one unit of a currency has.
export const minorUnits = (currency) => 10 ** formatOf(currency).resolvedOptions().maximumFractionDigits;

export function price({ price_minor, currency }) {
  try {
    return formatOf(currency).format(price_minor / minorUnits(currency));
  } catch {
    return `${price_minor} ${currency}`;
  }
}

const SPANS = [["day", 86_400], ["hour", 3600], ["minute", 60]];

// "3 hours ago"
export function ago(time) {
  const seconds = (Date.now() - new Date(time)) / 1000;
  const [unit, length] = SPANS.find(([, length]) => seconds >= length) ?? ["second", Infinity];
  return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-Math.floor(seconds / length) || 0, unit);
}
