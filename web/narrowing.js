// The controls that say what results must be: words, chips, market, stock, prices, order. They change one Refinement.

import "./chips.js";
import { make } from "./make.js";
import { Refinement } from "./refinement.js";
import { countryName, minorUnits, say } from "./words.js";

const $ = (id) => document.getElementById(id);

export class Narrowing {
  refinement = new Refinement();
  #changed;
  #offered = [];
  #markets = new Set(["KR", "US", "JP"]); // and those that are met in offers
  #currencies = new Set(["KRW", "USD", "JPY"]);

  // changed(): results must be something else from now on.
  constructor(changed) {
    this.#changed = changed;
    const { filters } = this.refinement;
    filters.market = localStorage.getItem("nungil-market") ?? "";
    filters.in_stock = $("in-stock").checked;
    this.#listen();
  }

  #listen() {
    const set = (name, value) => this.#apply(() => (this.refinement.filters = { ...this.refinement.filters, [name]: value }));
    $("market").addEventListener("change", ({ target }) => {
      localStorage.setItem("nungil-market", target.value);
      set("market", target.value);
    });
    $("in-stock").addEventListener("change", ({ target }) => set("in_stock", target.checked));
    $("sort").addEventListener("change", ({ target }) => this.#apply(() => (this.refinement.sort = target.value)));
    $("asking").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#apply(() => this.refinement.say($("text").value));
    });
    $("text").addEventListener("search", ({ target }) => {
      if (!target.value && this.refinement.text) this.#apply(() => this.refinement.say("")); // its own cross was pressed
    });
    $("range-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#apply(() => this.#takeRange());
      $("range").open = false;
    });
    $("range").addEventListener("keydown", ({ key }) => {
      if (key !== "Escape") return;
      $("range").open = false;
      $("range").firstElementChild.focus();
    });
    addEventListener("pointerdown", ({ target }) => {
      if (!$("range").contains(target)) $("range").open = false;
    });
    const chips = $("chips");
    chips.addEventListener("narrow", ({ detail }) => this.#apply(() => this.refinement.press(detail, { not: false })));
    chips.addEventListener("exclude", ({ detail }) => this.#apply(() => this.refinement.press(detail, { not: true })));
    chips.addEventListener("drop", ({ detail }) => this.#apply(() => this.refinement.drop(detail)));
  }

  #apply(change) {
    change();
    this.show();
    this.#changed();
  }

  #takeRange() {
    const currency = $("currency").value;
    const minor = (id) => Math.round(Math.max(0, Number($(id).value)) * minorUnits(currency)) || undefined;
    const [least, most] = [minor("least"), minor("most")];
    const bounded = least || most;
    this.refinement.filters = {
      ...this.refinement.filters,
      min_price_minor: least,
      max_price_minor: most,
      currency: bounded ? currency : undefined,
    };
  }

  // What was found: its chips, and where and for which money it is sold.
  hear(found) {
    this.refinement.hear(found);
    if (found.full ?? true) this.#offered = found.chips;
    for (const { item } of found.hits) {
      for (const { market, currency } of item?.offers ?? []) {
        this.#markets.add(market);
        this.#currencies.add(currency);
      }
    }
    this.show();
  }

  // Nothing was found: its chips are no news of what comes next.
  forget() {
    this.#offered = [];
    this.show();
  }

  // For another picture: where things are sold, and in which order they come, stays.
  clear() {
    const { filters, sort } = this.refinement;
    this.refinement = new Refinement();
    this.refinement.filters = { market: filters.market, in_stock: filters.in_stock };
    this.refinement.sort = sort;
    this.forget();
  }

  // As the refinement is.
  show() {
    const { filters, sort, text } = this.refinement;
    choose($("market"), [["", say("anywhere")], ...[...this.#markets].map((code) => [code, countryName(code)])], filters.market ?? "");
    choose($("currency"), [...this.#currencies].map((code) => [code, code]), this.refinement.currency);
    $("in-stock").checked = Boolean(filters.in_stock);
    $("sort").value = sort;
    if (document.activeElement !== $("text") || !text) $("text").value = text;
    const pressed = this.refinement.pressed();
    $("chips").show(pressed, this.refinement.unpressed(this.#offered));
  }

  // In the language of the page.
  say() {
    $("chips").say();
    this.show();
  }
}

// The options of a select, [value, text] each, and the one that is chosen.
function choose(select, options, chosen) {
  const all = options.some(([value]) => value === chosen) ? options : [...options, [chosen, countryName(chosen)]];
  const told = JSON.stringify(all);
  if (select.dataset.told !== told) {
    select.dataset.told = told;
    select.replaceChildren(...all.map(([value, text]) => make("option", { value }, text)));
  }
  select.value = chosen;
}
