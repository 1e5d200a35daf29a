// <nungil-watches>: crops that wait until something like them can be bought. Fires "open" with {media_id, box}, "drop" with {id}.

import { imageOf } from "./api.js";
import { crop } from "./crops.js";
import { make } from "./make.js";
import { countryName, price, say } from "./words.js";

const MATCHES_SHOWN = 4;

class Watches extends HTMLElement {
  #watches = [];

  show(watches) {
    this.#watches = watches;
    this.say();
  }

  // What was just found for one of them, which a list that is asked for now may not have yet. Whether it is one of these.
  met({ watch_id, ...match }) {
    const watch = this.#watches.find(({ id }) => id === watch_id);
    if (watch && !watch.matches.some(({ item_id }) => item_id === match.item_id)) watch.matches.unshift(match);
    this.say();
    return Boolean(watch);
  }

  // In the language of the page.
  say() {
    this.replaceChildren(make("ul", { class: "waits" }, ...this.#watches.map((watch) => this.#card(watch))));
  }

  #card(watch) {
    const { id, matches } = watch;
    const open = make("button", { type: "button", class: "of-part", "aria-label": say("watchOpen") }, crop(watch.media_id, watch.box));
    const drop = make("button", { type: "button", class: "plain" }, say("watchDrop"));
    open.addEventListener("click", () => this.#fire("open", watch));
    drop.addEventListener("click", () => this.#fire("drop", { id }));
    const found = matches.slice(0, MATCHES_SHOWN).map((match) => this.#match(match));
    const state = make("p", { class: matches.length ? "found" : "faint" }, matches.length ? say("watchFound", matches.length) : say("watchNothing"));
    const terms = make("p", {}, termsOf(watch));
    return make("li", { class: "wait", "data-watch": id }, open, make("div", {}, terms, state), drop, make("div", { class: "met" }, ...found));
  }

  #match(match) {
    const label = say("watchSee");
    const image = make("img", { src: imageOf(match.media_id, 200), alt: "", loading: "lazy", decoding: "async" });
    const button = make("button", { type: "button", class: "thumb", "aria-label": label, title: label }, image);
    button.addEventListener("click", () => this.#fire("open", { media_id: match.media_id, box: null }));
    return button;
  }

  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function termsOf({ market, currency, max_price_minor }) {
  const where = market ? countryName(market) : say("anywhere");
  return max_price_minor ? `${where} · ≤ ${price({ price_minor: max_price_minor, currency })}` : where;
}

customElements.define("nungil-watches", Watches);
