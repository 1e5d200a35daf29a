// <nungil-interests>: what the person's pictures say of them, each with the part that says so. Fires "allow" and "open".

import { imageOf } from "./api.js";
import { make } from "./make.js";
import { named, say } from "./words.js";

const INTERESTS_SHOWN = 9;
const EVIDENCE_SHOWN = 4;
const NARROWEST = 0.6;
const FLATTEST = 1.1;
const WHOLE = { x: 0, y: 0, width: 1, height: 1 };

// The middle of a box that would be too flat or too narrow to show beside others. aspect: of the whole picture.
function bounded({ x, y, width, height }, aspect) {
  const shape = (aspect * width) / height;
  const kept = { width: width * Math.min(1, FLATTEST / shape), height: height * Math.min(1, shape / NARROWEST) };
  return { ...kept, x: x + (width - kept.width) / 2, y: y + (height - kept.height) / 2 };
}

// The part of a picture under a box, cut by the browser.
export function crop(mediaId, box) {
  const image = make("img", { src: imageOf(mediaId, 600), alt: "", loading: "lazy", decoding: "async" });
  const frame = make("span", { class: "crop" }, image);
  image.addEventListener("load", () => {
    const part = bounded(box ?? WHOLE, image.naturalWidth / image.naturalHeight);
    frame.style.aspectRatio = (part.width * image.naturalWidth) / (part.height * image.naturalHeight);
    image.style.width = `${100 / part.width}%`;
    image.style.left = `${(-100 * part.x) / part.width}%`;
    image.style.top = `${(-100 * part.y) / part.height}%`;
  });
  image.addEventListener("error", () => frame.closest("li")?.remove()); // deleted meanwhile
  return frame;
}

class Interests extends HTMLElement {
  #answer = null;
  #all = false;

  show(answer) {
    const same = JSON.stringify(answer) === JSON.stringify(this.#answer);
    this.#answer = answer;
    if (!same) this.say();
  }

  // In the language of the page.
  say() {
    if (!this.#answer) return;
    const { learning, interests } = this.#answer;
    if (!learning) this.replaceChildren(this.#ask());
    else if (!interests.length) this.replaceChildren(make("p", { class: "faint" }, say("interestsNone")));
    else {
      const heaviest = interests[0].weight || 1;
      const names = new Map(interests.map((interest) => [interest.id, interest.name]));
      const shown = this.#all ? interests : interests.slice(0, INTERESTS_SHOWN);
      const cards = shown.map((interest) => this.#card(interest, interest.weight / heaviest, names.get(interest.parent)));
      this.replaceChildren(make("ul", { class: "cards" }, ...cards), ...(shown.length < interests.length ? [this.#more()] : []));
    }
  }

  #more() {
    const button = make("button", { type: "button", class: "button quiet more" }, say("more"));
    button.addEventListener("click", () => {
      this.#all = true;
      this.say();
    });
    return button;
  }

  #ask() {
    const button = make("button", { type: "button", class: "button" }, say("consentGive"));
    button.addEventListener("click", () => this.dispatchEvent(new CustomEvent("allow")));
    return make("div", { class: "ask" }, make("p", {}, say("consentAsk")), button);
  }

  #card(interest, share, parent) {
    const evidence = interest.evidence.slice(0, EVIDENCE_SHOWN);
    const bar = make("span", { class: "bar" }, make("span"));
    bar.firstChild.style.width = `${Math.max(4, 100 * share)}%`;
    const title = make("h3", {}, named(interest.name), parent ? make("small", {}, ` ${named(parent)}`) : null);
    const crops = evidence.map((piece) => {
      const open = make("button", { type: "button", title: named(piece.why), "aria-label": named(piece.why) }, crop(piece.media_id, piece.box));
      open.addEventListener("click", () => this.dispatchEvent(new CustomEvent("open", { detail: piece })));
      return make("li", {}, open);
    });
    const why = evidence.length ? make("p", { class: "why" }, named(evidence[0].why)) : null;
    return make("li", { class: "interest", "data-interest": interest.id }, title, bar, make("ul", { class: "crops" }, ...crops), why);
  }
}

customElements.define("nungil-interests", Interests);
