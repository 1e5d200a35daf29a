// Saving to a board: which one is asked in a dialog, where a new one can be made. Fires "saved" when what is saved changed.

import * as api from "./api.js";
import { coverOf } from "./boards.js";
import { keyOf } from "./cards.js";
import { crop } from "./crops.js";
import { button, make } from "./make.js";
import { say } from "./words.js";

const $ = (id) => document.getElementById(id);

class Saving extends EventTarget {
  saved = new Set(); // keys of the hits that were saved since the page was opened
  #pins = new Map(); // by such a key, [board id, pin id]
  #hit = null;
  #boards = [];
  #page;

  constructor(page) {
    super();
    this.#page = page;
    $("saving-new").addEventListener("submit", (event) => {
      event.preventDefault();
      const name = $("saving-name").value.trim();
      if (name) this.#trying(async () => this.#keep(await api.createBoard(name)));
    });
    $("saving-close").addEventListener("click", () => $("saving").close());
    $("saving").addEventListener("click", ({ target }) => target === $("saving") && $("saving").close()); // beside it
  }

  // hit: {media_id, box, item}. What was saved here is taken off its board; for anything else a board is asked for.
  toggle(hit) {
    return this.#trying(() => (this.saved.has(keyOf(hit)) && hit.item ? this.#takeOff(hit) : this.#ask(hit)));
  }

  async #trying(does) {
    try {
      await does();
    } catch (error) {
      this.#page.complain(error);
    }
  }

  async #ask(hit) {
    [this.#hit, this.#boards] = [hit, (await api.getBoards()).boards];
    $("saving-name").value = "";
    this.say();
    $("saving").showModal();
    ($("saving-boards").querySelector("button") ?? $("saving-name")).focus();
  }

  async #keep(board) {
    const { media_id, box, item } = this.#hit;
    const pin = await api.savePin(board.id, { media_id, box: box ?? null, item_id: item?.id ?? "" });
    $("saving").close();
    this.#note(keyOf(this.#hit), [board.id, pin.id]);
    this.#page.note(say("savedTo", board.name));
  }

  async #takeOff(hit) {
    const [boardId, pinId] = this.#pins.get(keyOf(hit));
    await api.removePin(boardId, pinId);
    this.#note(keyOf(hit), null);
    this.#page.note(say("unsaved"));
  }

  #note(key, pin) {
    if (pin) this.#pins.set(key, pin);
    else this.#pins.delete(key);
    this.saved = new Set(this.#pins.keys());
    this.dispatchEvent(new CustomEvent("saved"));
  }

  // In the language of the page.
  say() {
    if (!this.#hit) return;
    $("saving-what").replaceChildren(crop(this.#hit.media_id, this.#hit.box));
    const choices = this.#boards.map((board) => {
      const cover = board.cover ? coverOf(board.cover, 200) : make("span", { class: "no-cover" });
      const content = make("span", {}, cover, make("span", {}, board.name));
      return make("li", {}, button(content, () => this.#trying(() => this.#keep(board)), { class: "board-choice" }));
    });
    $("saving-boards").replaceChildren(...choices);
  }
}

// page: complain(error) and note(text).
export const keepSaving = (page) => new Saving(page);
