// <nungil-hits>: what was found, best first, or for every part of a picture at once.
// Fires "open" with {media_id, box}, "save" and "leave" with {hit}, "part" with {box}, and "more".

import { Card, keyOf } from "./cards.js";
import { crop } from "./crops.js";
import { make, settle } from "./make.js";
import { named, say } from "./words.js";

const CARDS_KEPT = 240;

class Hits extends HTMLElement {
  #found = null;
  #scene = null;
  #cards = new Map(); // the elements of what was found lately
  #saved = new Set();

  connectedCallback() {
    this.grid ??= make("ul", { class: "grid" });
    this.divide ??= make("li", { class: "divide" });
    this.more ??= make("button", { type: "button", class: "button quiet more" });
    this.more.addEventListener("click", () => this.#fire("more"));
  }

  // found: as a search or the lens told it; null: nothing was asked. moving: more will come at once.
  show(found, { moving = false } = {}) {
    [this.#found, this.#scene] = [found, null];
    if (!found) {
      this.replaceChildren();
      return;
    }
    const cards = found.hits.map((hit) => this.#card(hit).element);
    const similar = firstSimilar(found);
    if (similar >= 0) cards.splice(similar, 0, this.divide);
    this.divide.textContent = say("similarBelow");
    settle(this.grid, cards);
    this.more.disabled = moving;
    this.more.textContent = say("more");
    this.more.hidden = !(found.next_cursor || (moving && !this.more.hidden && this.contains(this.more)));
    settle(this, [this.grid, this.more]);
    this.#forgetOld(cards);
  }

  // scene: the answer to a search with all regions; mediaId: of the picture that they are parts of.
  showScene(scene, mediaId) {
    [this.#found, this.#scene] = [null, { scene, mediaId }];
    const groups = scene.regions.map(({ region, matched, hits }) => {
      const name = named(region.labels[0]?.name) || say("unnamedPart");
      const open = make("button", { type: "button", class: "of-part", "aria-label": say("region", name) }, crop(mediaId, region.box));
      open.addEventListener("click", () => this.#fire("part", { box: region.box }));
      const judged = make("p", { class: "faint" }, say(!hits.length ? "nothing" : matched ? "partMatched" : "nothingButSimilar"));
      const cards = hits.map((hit) => new Card(hit, this.#tell, { saved: this.#saved.has(keyOf(hit)) }).element);
      const head = make("header", {}, open, make("div", {}, make("h2", {}, name), judged));
      return make("section", { class: "scene-part", "aria-label": name }, head, make("ul", { class: "row" }, ...cards));
    });
    this.replaceChildren(...groups);
  }

  // In the language of the page.
  say() {
    this.#cards.clear();
    if (this.#scene) this.showScene(this.#scene.scene, this.#scene.mediaId);
    else this.show(this.#found);
  }

  #card(hit) {
    const key = keyOf(hit);
    let card = this.#cards.get(key);
    this.#cards.delete(key); // to be the newest
    if (card) card.update(hit);
    else card = new Card(hit, this.#tell, { saved: this.#saved.has(key) });
    this.#cards.set(key, card);
    return card;
  }

  #forgetOld(shown) {
    for (const key of this.#cards.keys()) {
      if (this.#cards.size <= Math.max(CARDS_KEPT, shown.length)) return;
      this.#cards.delete(key);
    }
  }

  #tell = (name, detail) => this.#fire(name, detail);

  // saved: the keys of what is on a board.
  saySaved(saved) {
    this.#saved = saved;
    for (const [key, card] of this.#cards) card.save(saved.has(key));
    if (this.#scene) this.say();
  }

  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

// Where what is only similar begins below what is the same: -1 where hits do not fall in two, as in an order of price.
function firstSimilar({ hits }) {
  const at = hits.findIndex(({ same }) => !same);
  return at < 1 || hits.slice(at).some(({ same }) => same) ? -1 : at;
}

customElements.define("nungil-hits", Hits);
