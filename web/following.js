// An interest is looked for by what it is called, and followed.

import * as api from "./api.js";
import { button, make } from "./make.js";
import { named, say } from "./words.js";

const SHOWN = 12;
const PAUSE_MS = 200;
const $ = (id) => document.getElementById(id);

// changed(): the person's interests are others from now on.
export function keepFollowing({ complain, changed }) {
  let asking = new AbortController();
  let found = [];
  let pause = 0;

  async function look() {
    asking.abort();
    asking = new AbortController();
    const words = $("follow-words").value.trim();
    found = words ? (await api.findInterests(words, asking.signal)).interests.slice(0, SHOWN) : [];
    sayFound();
  }

  function sayFound() {
    const chips = found.map(({ id, name }) => {
      const label = say("followThis", named(name));
      return make("li", {}, button(`+ ${named(name)}`, () => follow(id), { class: "chip on", "data-follow": id, "aria-label": label }));
    });
    const none = $("follow-words").value.trim() && !chips.length;
    $("follow-found").replaceChildren(...(none ? [make("li", { class: "faint" }, say("followNone"))] : chips));
  }

  async function follow(id) {
    try {
      await api.correctInterest(id, { followed: true });
      found = [];
      $("follow-words").value = "";
      $("follow-words").focus();
      sayFound();
      await changed();
    } catch (error) {
      complain(error);
    }
  }

  $("follow-words").addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => look().catch(complain), PAUSE_MS);
  });
  $("follow").addEventListener("submit", (event) => {
    event.preventDefault();
    look().catch(complain);
  });

  return { say: sayFound };
}
