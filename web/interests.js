// <nungil-interests>: what the person's pictures say of them, each with the part that says so, and what the person says to it.
// Fires "allow", "open" with the evidence, "correct" with {interest, correction} and "forget" with {interest}.

import { crop } from "./crops.js";
import { button, form, make } from "./make.js";
import { named, say } from "./words.js";

const INTERESTS_SHOWN = 12;
const EVIDENCE_SHOWN = 4;
const LONGEST_NAME = 60;

class Interests extends HTMLElement {
  #answer = null;
  #all = false;
  #opened = new Set(); // the ids of those that are being corrected

  show(answer) {
    const same = JSON.stringify(answer) === JSON.stringify(this.#answer);
    this.#answer = answer;
    if (!same) this.say();
  }

  // In the language of the page. What had the focus has it again, and what was typed stays.
  say() {
    if (!this.#answer) return;
    const focused = this.contains(document.activeElement) ? document.activeElement : null;
    const caret = focused?.matches("input") ? focused.selectionStart : null;
    const [id, does] = [focused?.closest("[data-interest]")?.dataset.interest, focused?.dataset.does];
    const typed = [...this.querySelectorAll('[data-does="name"]')].filter((field) => field.value !== field.defaultValue);
    const drafts = typed.map((field) => [field.closest("[data-interest]").dataset.interest, field.value]);
    this.replaceChildren(...this.#parts());
    for (const [of, value] of drafts) {
      const field = this.querySelector(`[data-interest="${of}"] [data-does="name"]`);
      if (field) field.value = value;
    }
    if (!focused) return;
    const again = this.querySelector(`[data-interest="${id}"] [data-does="${does}"]`) ?? this.querySelector("summary, button");
    again?.focus({ preventScroll: true });
    if (caret !== null && again?.matches("input")) again.setSelectionRange(caret, caret);
  }

  #parts() {
    const { learning, paused, interests } = this.#answer;
    const ask = learning || paused ? [] : [this.#ask()];
    if (!interests.length) return ask.length ? ask : [make("p", { class: "faint" }, say(paused ? "interestsPaused" : "interestsNone"))];
    const [heard, muted] = [interests.filter((interest) => !interest.muted), interests.filter((interest) => interest.muted)];
    const heaviest = Math.max(...heard.map(({ weight }) => weight), 0) || 1;
    const names = new Map(interests.map((interest) => [interest.id, interest.name]));
    const cards = (some) => some.map((interest) => this.#card(interest, interest.weight / heaviest, names.get(interest.parent)));
    const broader = heard.filter((interest) => saysNoMore(interest, heard));
    const telling = heard.filter((interest) => !broader.includes(interest));
    const shown = this.#all ? telling : telling.slice(0, INTERESTS_SHOWN);
    const list = (some) => make("ul", { class: "cards" }, ...cards(some));
    return [
      ...ask,
      list(shown),
      ...(shown.length < telling.length ? [this.#more()] : []),
      ...(broader.length && shown.length === telling.length ? [make("h3", { class: "quiet-head" }, say("broaderOnes")), list(broader)] : []),
      ...(muted.length ? [make("h3", { class: "quiet-head" }, say("mutedOnes")), list(muted)] : []),
    ];
  }

  #more() {
    const all = () => {
      this.#all = true;
      this.say();
    };
    return button(say("more"), all, { class: "button quiet more" });
  }

  #ask() {
    const allow = button(say("consentGive"), () => this.#fire("allow"), { class: "button" });
    return make("div", { class: "ask" }, make("p", {}, say("consentAsk")), allow);
  }

  #card(interest, share, parent) {
    const opened = this.#opened.has(interest.id);
    const evidence = opened ? interest.evidence : interest.evidence.slice(0, EVIDENCE_SHOWN);
    const bar = make("span", { class: "bar" }, make("span"));
    bar.firstChild.style.width = `${Math.min(100, Math.max(interest.weight > 0 ? 4 : 0, 100 * share))}%`;
    const crops = make("ul", { class: opened ? "crops all" : "crops" }, ...evidence.map((piece) => this.#evidence(piece)));
    const why = named(interest.evidence[0]?.why) || (interest.followed ? say("followedWhy") : "");
    return make(
      "li",
      { class: interest.muted ? "interest muted" : "interest", "data-interest": interest.id },
      this.#head(interest, parent),
      bar,
      evidence.length ? crops : null,
      why && make("p", { class: "why" }, why),
      this.#correcting(interest, opened),
    );
  }

  #head({ name, own_name: own, trend, followed, pinned }, parent) {
    const small = own ? named(name) : parent && named(parent);
    const marks = [pinned && say("pinned"), followed && say("followed"), trend !== "steady" && say(`trend_${trend}`)].filter(Boolean);
    return make(
      "div",
      { class: "interest-head" },
      make("h3", {}, own || named(name), small ? make("small", {}, ` ${small}`) : null),
      make("p", { class: "marks" }, marks.join(" · ")),
    );
  }

  #evidence(piece) {
    const why = named(piece.why);
    const open = button(crop(piece.media_id, piece.box), () => this.#fire("open", piece), { class: null, title: why, "aria-label": why });
    return make("li", {}, open);
  }

  #correcting(interest, opened) {
    const name = interest.own_name || named(interest.name);
    const details = make("details", { class: "correcting", open: opened }, make("summary", { "data-does": "open" }, say("correct")));
    details.addEventListener("toggle", () => {
      if (details.open === this.#opened.has(interest.id)) return;
      if (details.open) this.#opened.add(interest.id);
      else this.#opened.delete(interest.id);
      this.say();
    });
    if (!opened) return details;
    const correct = (correction) => this.#fire("correct", { interest, correction });
    const turn = (does, on) => {
      const text = say(on ? `${does}_off` : `${does}_on`);
      return button(text, () => correct({ [does]: !on }), { class: "button quiet small", "data-does": does, "aria-label": `${text}: ${name}` });
    };
    const forget = button(say("forget"), () => this.#fire("forget", { interest }), { "data-does": "forget", "aria-label": `${say("forget")}: ${name}` });
    const acts = [turn("pinned", interest.pinned), turn("muted", interest.muted), turn("followed", interest.followed), forget];
    details.append(this.#renaming(interest, name, correct), make("div", { class: "acts" }, ...acts));
    return details;
  }

  #renaming(interest, name, correct) {
    const field = { name: "own", value: name, maxlength: LONGEST_NAME, required: true, "aria-label": say("rename"), "data-does": "name" };
    const send = ({ own }) => correct({ own_name: own.value.trim() === named(interest.name) ? null : own.value.trim() });
    const keep = make("button", { class: "button quiet small", "data-does": "rename" }, say("rename"));
    const back = interest.own_name ? button(say("renameBack"), () => correct({ own_name: null }), { "data-does": "back" }) : null;
    return form({ class: "naming" }, [make("input", field), keep, back], send);
  }

  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

// Whether a narrower interest has all that speaks for this one, and the person said nothing of it.
function saysNoMore({ id, evidence, own_name: own, pinned, followed }, all) {
  if (own || pinned || followed || !evidence.length) return false;
  const pieces = (interest) => interest.evidence.map(({ media_id, box }) => JSON.stringify([media_id, box]));
  return all.some((other) => other.parent === id && pieces({ evidence }).every((piece) => pieces(other).includes(piece)));
}

customElements.define("nungil-interests", Interests);
