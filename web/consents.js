// What the person allows, purpose by purpose in plain words, and the pause of learning.

import * as api from "./api.js";
import { make } from "./make.js";
import { say } from "./words.js";

const SURE = new Set(["image_interest"]); // what was learnt goes with it
const $ = (id) => document.getElementById(id);

// changed(): something is allowed, or no longer.
export function keepConsents({ complain, changed }) {
  let given = null; // by purpose
  let paused = false;

  async function show() {
    const [consents, interests] = await Promise.all([api.getConsents(), api.getInterests()]);
    given = Object.fromEntries(Object.entries(consents).map(([purpose, consent]) => [purpose, consent.given]));
    paused = interests.paused;
    sayConsents();
  }

  function sayConsents() {
    if (!given) return;
    const focused = document.activeElement?.dataset.purpose;
    const purposes = Object.keys(given).map((purpose) => row(purpose, given[purpose], (on) => allow(purpose, on)));
    const pause = given.image_interest ? row("paused", paused, (on) => api.setLearning(on)) : null;
    $("consents").replaceChildren(...[pause, ...purposes].filter(Boolean));
    if (focused) $("consents").querySelector(`[data-purpose="${focused}"]`)?.focus();
  }

  async function allow(purpose, on) {
    if (!on && SURE.has(purpose) && !confirm(say("consentEndSure"))) return;
    await api.setConsent(purpose, on);
  }

  function row(purpose, on, turn) {
    const box = make("input", { type: "checkbox", role: "switch", "data-purpose": purpose, "aria-describedby": `what-${purpose}` });
    box.checked = on;
    box.addEventListener("change", async () => {
      try {
        await turn(box.checked);
      } catch (error) {
        complain(error);
      }
      changed();
    });
    const words = make("span", {}, make("strong", {}, say(`consent_${purpose}`)), make("small", { id: `what-${purpose}` }, say(`consent_${purpose}_what`)));
    return make("li", {}, make("label", { class: "consent" }, box, words));
  }

  return { show, say: sayConsents };
}
