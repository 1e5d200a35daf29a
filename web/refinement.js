// What results must be, beside looking like the picture: words, chips, an offer, an order. No element is touched here.

import { languageNow, named, price, say } from "./words.js";

const MONEY_OF = { KR: "KRW", US: "USD", JP: "JPY", GB: "GBP", CN: "CNY", TW: "TWD", CA: "CAD", AU: "AUD" };
const PRICES = ["min_price_minor", "max_price_minor", "currency"];
const sameChip = (one, other) => one.kind === other.kind && one.id === other.id;
const bare = ({ kind, id }) => ({ kind, id });
const given = (filters) => Object.fromEntries(Object.entries(filters).filter(([, value]) => value));
const pricesOf = (filters) => Object.fromEntries(PRICES.map((name) => [name, filters[name]]));
const bounded = (filters) => Boolean(filters.min_price_minor || filters.max_price_minor);

export class Refinement {
  text = "";
  narrow = [];
  exclude = [];
  filters = {}; // market, in_stock, and a range of prices with its currency
  sort = "likeness";
  #understood = null; // how the newest search read the words
  #currencySeen = "";

  // As a search and the lens take it.
  query() {
    const filters = given(this.filters);
    if (this.sort === "price") filters.currency ??= this.currency;
    const [narrow, exclude] = [this.narrow.map(bare), this.exclude.map(bare)];
    return { filters, text: this.text, narrow, exclude, sort: this.sort };
  }

  // That prices are compared in, where none was chosen.
  get currency() {
    const spoken = languageNow() === "ko" ? "KRW" : "USD";
    return this.filters.currency || MONEY_OF[this.filters.market] || this.#currencySeen || spoken;
  }

  get empty() {
    return !this.text && !this.narrow.length && !this.exclude.length;
  }

  say(text) {
    this.text = text.trim();
    this.#understood = null;
  }

  press(chip, { not }) {
    const [here, there] = not ? ["exclude", "narrow"] : ["narrow", "exclude"];
    this[there] = this[there].filter((other) => !sameChip(other, chip));
    if (!this[here].some((other) => sameChip(other, chip))) this[here] = [...this[here], chip];
  }

  // What a search told of the words, and of the money that things here cost.
  hear({ understood, hits }) {
    this.#understood = this.text ? understood : null;
    this.#currencySeen ||= hits.flatMap(({ item }) => item?.offers ?? [])[0]?.currency ?? "";
  }

  // Everything that holds, as chips that can be taken off; what was pressed before what words said.
  pressed() {
    const own = [
      ...this.narrow.map((chip) => onChip(chip, { not: false })),
      ...this.exclude.map((chip) => onChip(chip, { not: true })),
      ...(bounded(this.filters) ? [{ key: "price", text: rangeOf(this.filters), not: false }] : []),
    ];
    return [...own, ...this.#said(own)];
  }

  // Those of `offered` that are not pressed already.
  unpressed(offered) {
    const on = [...this.narrow, ...this.exclude, ...(this.#understood?.narrow ?? []), ...(this.#understood?.exclude ?? [])];
    return offered.filter((chip) => !on.some((other) => sameChip(other, chip)));
  }

  #said(own) {
    const understood = this.#understood;
    if (!understood) return [];
    const { filters, rest } = understood;
    const chips = [
      ...understood.narrow.map((chip) => onChip(chip, { not: false })),
      ...understood.exclude.map((chip) => onChip(chip, { not: true })),
    ].filter(({ key }) => !own.some((other) => other.key === key));
    const range = bounded(filters) && rangeOf(filters);
    if (range && range !== rangeOf(this.filters)) chips.push({ key: "price", text: range, not: false });
    if (filters.in_stock && !this.filters.in_stock) chips.push({ key: "in_stock", text: say("inStock"), not: false });
    if (filters.market && filters.market !== this.filters.market) chips.push({ key: "market", text: filters.market, not: false });
    if (rest) chips.push({ key: "rest", text: say("quoted", rest), not: false });
    return chips.map((chip) => ({ ...chip, said: true }));
  }

  // Takes off one of `pressed`. Where words said it, the others of what they said are kept as if pressed.
  drop({ key, said, chip }) {
    if (said) this.#keepSaid();
    if (chip) {
      this.narrow = this.narrow.filter((other) => !sameChip(other, chip));
      this.exclude = this.exclude.filter((other) => !sameChip(other, chip));
    } else if (key === "price") this.filters = { ...this.filters, ...pricesOf({}) };
    else if (key === "rest") this.text = "";
    else this.filters = { ...this.filters, [key]: undefined };
  }

  #keepSaid() {
    const { narrow, exclude, filters, rest } = this.#understood;
    for (const chip of narrow) this.press(chip, { not: false });
    for (const chip of exclude) this.press(chip, { not: true });
    this.filters = { ...this.filters, market: filters.market, in_stock: filters.in_stock, ...pricesOf(filters) };
    this.say(rest);
  }
}

const onChip = (chip, { not }) => ({ key: `${chip.kind} ${chip.id}`, text: named(chip.name) || chip.id, not, chip });

function rangeOf({ min_price_minor: least, max_price_minor: most, currency }) {
  const [from, to] = [least, most].map((price_minor) => (price_minor ? price({ price_minor, currency }) : ""));
  return from && to ? `${from} – ${to}` : from ? `≥ ${from}` : to && `≤ ${to}`;
}
