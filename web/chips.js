// <nungil-chips>: what results can be narrowed to, each with how many it would leave, after what is pressed already.
// Fires "narrow" and "exclude" with the chip, and "drop" with what is to be taken off.

import { make, settle } from "./make.js";
import { named, say } from "./words.js";

const OFFERED_SHOWN = 7;

class Chips extends HTMLElement {
  #pressed = [];
  #offered = [];
  #all = false;
  #elements = new Map();

  // pressed: [{key, text, not}], in order, with what else `drop` is to tell. offered: chips as searches tell them.
  show(pressed, offered) {
    [this.#pressed, this.#offered] = [pressed, offered];
    const elements = new Map();
    const keep = (key, text, build) => {
      const id = `${key} ${text}`;
      const element = this.#elements.get(id) ?? build();
      elements.set(id, element);
      return element;
    };
    const on = pressed.map((each) => keep(`on ${each.key} ${each.not}`, each.text, () => this.#on(each)));
    const shown = this.#all ? offered : someOfEach(offered, OFFERED_SHOWN);
    const off = shown.map((chip) => {
      const element = keep(`off ${chip.kind} ${chip.id}`, named(chip.name), () => this.#off(chip));
      element.querySelector(".count").textContent = chip.count;
      return element;
    });
    this.#elements = elements;
    const focused = this.contains(document.activeElement);
    const more = offered.length - shown.length;
    settle(this, [...on, ...off, ...(more ? [keep("more", more, () => this.#more(more))] : [])]);
    if (focused && !this.contains(document.activeElement)) this.querySelector("button")?.focus(); // what was pressed has gone
  }

  // In the language of the page.
  say() {
    this.ariaLabel = say("chips");
    this.#elements.clear();
    this.show(this.#pressed, this.#offered);
  }

  #more(count) {
    const label = say("moreChips", count);
    const button = make("button", { type: "button", class: "chip more-chips", "aria-label": label, title: label }, `+${count}`);
    button.addEventListener("click", () => {
      this.#all = true;
      this.show(this.#pressed, this.#offered);
    });
    return button;
  }

  #on(pressed) {
    const label = say(pressed.not ? "chipNot" : "chipOn", pressed.text);
    const button = make("button", { type: "button", class: pressed.not ? "chip on not" : "chip on", "aria-label": label, title: label });
    button.append(make("span", {}, pressed.text), cross());
    button.addEventListener("click", () => this.#fire("drop", pressed));
    return button;
  }

  #off(chip) {
    const name = named(chip.name) || chip.id;
    const narrow = make("button", { type: "button", class: "chip" }, name, make("span", { class: "count" }));
    const not = say("notThis", name);
    const exclude = make("button", { type: "button", class: "chip cross", "aria-label": not, title: not }, cross());
    narrow.addEventListener("click", () => this.#fire("narrow", chip));
    exclude.addEventListener("click", () => this.#fire("exclude", chip));
    return make("span", { class: "pair", "data-kind": chip.kind, "data-id": chip.id }, narrow, exclude);
  }

  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

// As many chips in turn of each kind, in the order in which they were.
function someOfEach(chips, count) {
  const turns = new Map();
  const turnOf = ({ kind }) => turns.set(kind, (turns.get(kind) ?? 0) + 1).get(kind);
  const chosen = chips.map((chip) => [turnOf(chip), chip]).sort(([one], [other]) => one - other).slice(0, count);
  return chips.filter((chip) => chosen.some(([, other]) => other === chip));
}

const cross = () => make("span", { class: "x", "aria-hidden": "true" }, "×");

customElements.define("nungil-chips", Chips);
