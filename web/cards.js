// One thing that was found: its picture with the part that matched, its name, and where it can be bought.

import { imageOf } from "./api.js";
import { make } from "./make.js";
import { ago, countryName, named, price, say } from "./words.js";

const OFFERS_SHOWN = 2;
const HEART = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 20 4.800 12.800C2.400 10.400 2.700 6.800 5.400 5.300 8 3.900 10.700 5 12 7.600 13.300 5 16 3.900 18.600 5.300c2.700 1.500 3 5.100.6 7.500Z"/></svg>';
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export const keyOf = (hit) => (hit.item ? `item ${hit.item.id}` : `picture ${hit.media_id}`);

// hit.image: where its picture is, of that part alone; without it that of hit.media_id is shown.
// Stays the same element while the same thing is found, so that nothing flickers. tell(name, detail): "open", "save", "leave".
export class Card {
  #tell;
  #hit = null;
  #offers = "";

  constructor(hit, tell, { saved = false } = {}) {
    this.#tell = tell;
    this.image = make("img", { alt: "", loading: "lazy", decoding: "async" });
    this.part = make("span", { class: "part", hidden: true });
    this.badge = make("span", { class: "badge" });
    this.look = make("button", { type: "button", class: "look" }, this.image, this.part, this.badge);
    this.heart = make("button", { type: "button", class: "save" });
    this.heart.innerHTML = HEART;
    this.title = make("h3");
    this.brand = make("p", { class: "brand" });
    this.buy = make("div", { class: "buy" });
    this.element = make("li", { class: "card" }, this.look, this.heart, this.title, this.brand, this.buy);
    this.image.addEventListener("load", () => this.#mark());
    this.look.addEventListener("click", () => tell("open", { media_id: this.#hit.media_id, box: this.#hit.box }));
    this.heart.addEventListener("click", () => tell("save", { hit: this.#hit }));
    this.update(hit);
    this.save(saved);
  }

  update(hit) {
    // names of files are told by whole searches alone
    const known = hit.file_name == null && hit.media_id === this.#hit?.media_id ? { ...hit, file_name: this.#hit.file_name } : hit;
    this.#hit = known;
    const name = named(known.item?.title) || known.file_name || say("picture");
    if (this.element.dataset.media !== (known.media_id ?? "")) {
      this.element.dataset.media = known.media_id ?? "";
      this.image.src = known.image ? `${known.image}?width=400` : imageOf(known.media_id, 400);
    }
    this.element.classList.toggle("similar", !known.same);
    this.title.classList.toggle("file", !known.item);
    put(this.title, name);
    put(this.brand, known.item?.brand ?? "");
    put(this.badge, known.score ? `${say(known.same ? "same" : "similar")} ${known.score.toFixed(2)}` : "");
    this.look.ariaLabel = say("openHit", name);
    this.#mark();
    this.#sayOffers(known.item?.offers ?? []);
  }

  save(saved) {
    this.heart.ariaPressed = String(saved);
    this.heart.title = say(saved ? "saved" : "save");
    this.heart.ariaLabel = `${this.heart.title}: ${this.title.textContent}`;
  }

  // The square that is seen of the picture is slid to the part that matched, which is outlined.
  #mark() {
    const { naturalWidth: width, naturalHeight: height } = this.image;
    const box = this.#hit.image ? null : this.#hit.box; // an image of its own shows the part alone
    this.part.hidden = !box || !width || (box.width > 0.97 && box.height > 0.97);
    if (!box || !width) return;
    const seen = { width: Math.min(1, height / width), height: Math.min(1, width / height) };
    const left = clamp(box.x + box.width / 2 - seen.width / 2, 0, 1 - seen.width);
    const top = clamp(box.y + box.height / 2 - seen.height / 2, 0, 1 - seen.height);
    const share = (from, room) => (room > 0.001 ? (100 * from) / room : 50);
    this.image.style.objectPosition = `${share(left, 1 - seen.width)}% ${share(top, 1 - seen.height)}%`;
    const edge = (at, from, size) => 100 * clamp((at - from) / size, 0.02, 0.98);
    const [x0, x1] = [edge(box.x, left, seen.width), edge(box.x + box.width, left, seen.width)];
    const [y0, y1] = [edge(box.y, top, seen.height), edge(box.y + box.height, top, seen.height)];
    Object.assign(this.part.style, { left: `${x0}%`, top: `${y0}%`, width: `${x1 - x0}%`, height: `${y1 - y0}%` });
  }

  // As the service sorts them: what is in stock first, and of that the cheapest.
  #sayOffers(offers) {
    const told = JSON.stringify(offers);
    if (told === this.#offers) return;
    this.#offers = told;
    const list = (some) => make("ul", { class: "offers" }, ...some.map((offer) => this.#offer(offer)));
    const rest = offers.slice(OFFERS_SHOWN);
    const more = rest.length ? make("details", { class: "rest" }, make("summary", {}, say("moreOffers", rest.length)), list(rest)) : null;
    this.buy.replaceChildren(...(offers.length ? [list(offers.slice(0, OFFERS_SHOWN)), more] : []).filter(Boolean));
  }

  #offer(offer) {
    const shop = /^https?:\/\//i.test(offer.url)
      ? make("a", { href: offer.url, target: "_blank", rel: "noopener noreferrer nofollow" }, say("buyAt", offer.shop))
      : make("span", {}, offer.shop);
    shop.addEventListener("click", () => this.#tell("leave", { hit: this.#hit }));
    const facts = [countryName(offer.market)];
    if (offer.condition && offer.condition !== "new") facts.push(say(offer.condition));
    if (!offer.in_stock) facts.push(say("outOfStock"));
    const checked = offer.checked_at ? make("time", { datetime: offer.checked_at }, say("checked", ago(offer.checked_at))) : null;
    return make(
      "li",
      { class: offer.in_stock ? "offer" : "offer gone" },
      make("span", { class: "price" }, price(offer)),
      make("span", { class: "where" }, shop),
      make("span", { class: "facts" }, facts.join(" · "), checked),
    );
  }
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
