// <nungil-hits>: what was found. Fires "open" with {media_id}, "save" and "leave" with {hit}, and "more".

import { imageOf } from "./api.js";
import { countryName, named, price, say } from "./words.js";

const OFFERS_SHOWN = 3;
const HEART = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 20 4.800 12.800C2.400 10.400 2.700 6.800 5.400 5.300 8 3.900 10.700 5 12 7.600 13.300 5 16 3.900 18.600 5.300c2.700 1.500 3 5.100.6 7.500Z"/></svg>';

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

const nameOf = (hit) => named(hit.item?.title) || hit.file_name || say("picture");

class Hits extends HTMLElement {
  #found = null;
  #saved = new Set();

  show(found) {
    this.#found = found;
    this.say();
  }

  // In the language of the page.
  say() {
    if (!this.#found) {
      this.replaceChildren();
      return;
    }
    const grid = make("ul", { class: "grid" }, ...this.#found.hits.map((hit) => this.#card(hit)));
    const more = make("button", { type: "button", class: "button quiet more" }, say("more"));
    more.addEventListener("click", () => this.#fire("more"));
    this.replaceChildren(grid, ...(this.#found.next_cursor ? [more] : []));
    this.toggleAttribute("similar", !this.#found.matched);
  }

  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #card(hit) {
    const name = nameOf(hit);
    const open = make(
      "button",
      { type: "button", class: "look", "aria-label": say("openPicture", name) },
      make("img", { src: imageOf(hit.media_id, 400), alt: "", loading: "lazy", decoding: "async" }),
      make("span", { class: "score" }, hit.score.toFixed(2)),
    );
    open.addEventListener("click", () => this.#fire("open", { media_id: hit.media_id }));
    const brand = hit.item?.brand ? make("p", { class: "brand" }, hit.item.brand) : null;
    return make("li", { class: "card", "data-media": hit.media_id }, open, this.#save(hit), make("h3", { class: hit.item ? null : "file" }, name), brand, this.#offers(hit));
  }

  #save(hit) {
    const saved = this.#saved.has(hit.media_id);
    const button = make("button", { type: "button", class: "save", "aria-pressed": String(saved), title: say(saved ? "saved" : "save") });
    button.innerHTML = HEART;
    button.ariaLabel = `${say(saved ? "saved" : "save")}: ${nameOf(hit)}`;
    button.addEventListener("click", () => {
      if (this.#saved.has(hit.media_id)) return;
      this.#saved.add(hit.media_id);
      button.replaceWith(this.#save(hit));
      this.#fire("save", { hit });
    });
    return button;
  }

  // The person's save did not arrive.
  unsave(hit) {
    this.#saved.delete(hit.media_id);
    this.say();
  }

  #offers(hit) {
    const offers = (hit.item?.offers ?? []).toSorted((a, b) => b.in_stock - a.in_stock);
    if (!offers.length) return null;
    return make("ul", { class: "offers" }, ...offers.slice(0, OFFERS_SHOWN).map((offer) => this.#offer(hit, offer)));
  }

  #offer(hit, offer) {
    const shop = /^https?:\/\//i.test(offer.url)
      ? make("a", { href: offer.url, target: "_blank", rel: "noopener noreferrer nofollow" }, offer.shop)
      : make("span", {}, offer.shop);
    shop.addEventListener("click", () => this.#fire("leave", { hit }));
    return make(
      "li",
      { class: offer.in_stock ? "offer" : "offer gone" },
      make("span", { class: "price" }, price(offer)),
      make("span", { class: "where" }, shop, ` · ${countryName(offer.market)}`, offer.in_stock ? "" : ` · ${say("outOfStock")}`),
    );
  }
}

customElements.define("nungil-hits", Hits);
