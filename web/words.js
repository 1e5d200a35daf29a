// What the page says, in Korean and English.

const WORDS = {
  en: {
    another: "Another picture",
    anywhere: "anywhere",
    asking: "Looking…",
    choose: "Choose a picture",
    consentAsk: "Nungil draws interests from your pictures only if you allow it. You can take that back at any time.",
    consentGive: "Allow",
    deletePicture: "Delete",
    deleteSure: "Delete this picture for good?",
    dropHere: "Drop it here",
    frameHow: "Frame. Arrow keys move it, Shift with an arrow key changes its size, Escape takes the whole picture.",
    giveHow: "Drop a picture here, paste one, or choose one. Then move the frame to what caught your eye.",
    giveHowTouch: "Then move the frame to it, and see what looks alike.",
    giveTitle: "What caught your eye?",
    inStock: "in stock",
    interests: "My interests",
    interestsNone: "Nothing yet. Interests come from the pictures you give and save, each with the part that says so.",
    keyNeeded: "This page needs a key. Open the address that “nungil up” printed: it holds one.",
    market: "Deliver to",
    matched: "Looks like it, best first:",
    more: "Show more",
    nothing: "Nothing here looks like this.",
    onlySimilar: "Nothing here matches. These are only similar:",
    openPicture: (name) => `Search with ${name}`,
    otherLanguage: "한국어",
    outOfStock: "out of stock",
    picture: "a picture",
    preparing: "Taking a close look at the picture…",
    region: (name) => `Search for: ${name}`,
    rejected: (reason) => `This picture was not taken: ${reason}`,
    results: "Results",
    save: "Save",
    saved: "Saved",
    searchOnly: "Only search with it: it is not kept",
    takePhoto: "Take a photo",
    thePicture: "The picture",
    uploading: "Sending…",
    wholePicture: "Whole picture",
    yourPictures: "Your pictures",
  },
  ko: {
    another: "다른 사진",
    anywhere: "어디든",
    asking: "찾는 중…",
    choose: "사진 고르기",
    consentAsk: "허락하신 경우에만 사진에서 관심사를 읽습니다. 언제든 거두실 수 있습니다.",
    consentGive: "허락하기",
    deletePicture: "삭제",
    deleteSure: "이 사진을 완전히 지울까요?",
    dropHere: "여기에 놓으세요",
    frameHow: "찾을 부분. 화살표 키로 옮기고, Shift와 화살표 키로 크기를 바꾸고, Esc 키로 사진 전체를 고릅니다.",
    giveHow: "사진을 끌어다 놓거나, 붙여 넣거나, 고르세요. 그런 다음 눈길이 간 곳으로 틀을 옮기면 됩니다.",
    giveHowTouch: "사진에서 그 부분으로 틀을 옮기면 닮은 것을 찾아 드립니다.",
    giveTitle: "무엇에 눈길이 갔나요?",
    inStock: "재고 있음",
    interests: "나의 관심사",
    interestsNone: "아직 없습니다. 올리고 저장한 사진에서 관심사가 생기며, 사진의 어느 부분 때문인지 함께 보여 드립니다.",
    keyNeeded: "열쇠가 필요한 페이지입니다. ‘nungil up’이 보여 준 주소로 열어 주세요.",
    market: "배송지",
    matched: "닮은 것을 찾았습니다. 가장 닮은 순서입니다.",
    more: "더 보기",
    nothing: "이와 닮은 것이 여기에는 없습니다.",
    onlySimilar: "꼭 맞는 것은 없습니다. 비슷한 것만 보여 드립니다.",
    openPicture: (name) => `${name}(으)로 찾기`,
    otherLanguage: "English",
    outOfStock: "품절",
    picture: "사진",
    preparing: "사진을 자세히 보는 중…",
    region: (name) => `${name} 찾기`,
    rejected: (reason) => `이 사진은 받을 수 없습니다: ${reason}`,
    results: "결과",
    save: "저장",
    saved: "저장됨",
    searchOnly: "찾기에만 쓰고 보관하지 않기",
    takePhoto: "사진 찍기",
    thePicture: "사진",
    uploading: "보내는 중…",
    wholePicture: "사진 전체",
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
}

export const countryName = (code) => {
  try {
    return new Intl.DisplayNames([language], { type: "region" }).of(code);
  } catch {
    return code; // no code that this browser knows
  }
};

export function price(offer) {
  try {
    const format = new Intl.NumberFormat(language, { style: "currency", currency: offer.currency });
    const digits = format.resolvedOptions().maximumFractionDigits;
    return format.format(offer.price_minor / 10 ** digits);
  } catch {
    return `${offer.price_minor} ${offer.currency}`;
  }
}
