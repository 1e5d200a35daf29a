// For you: what the person's interests recommend, each with its reason.

import * as api from "./api.js";
import { Card, keyOf } from "./cards.js";
import { crop } from "./crops.js";
import { button, make } from "./make.js";
import { placeNow } from "./views.js";
import { named, say } from "./words.js";

const PAGE = 12; // what was shown does not come again: few at a time
const BECAUSE_SHOWN = 3;
const LASTS_MS = 10 * 60_000;
const $ = (id) => document.getElementById(id);

// complain(error), open(part): the page's. saving: puts what is shown on boards.
export function keepForYou({ complain, note, open, saving }) {
  let answer = null;
  let shownAt = 0;
  let cards = new Map(); // by the key of what they show
  let asking = 0;

  // A list that was shown a while ago stays: what was seen in it would not come again.
  async function show() {
    if (answer && Date.now() - shownAt < LASTS_MS) return heard();
    const allowed = (await api.getConsents()).personalise.given;
    $("for-you-ask").hidden = allowed;
    return allowed ? renew() : undefined; // nothing is used up before the person says how they want it
  }

  async function renew() {
    const mine = ++asking;
    $("recommended").setAttribute("aria-busy", "true");
    try {
      const told = await ask("");
      if (mine !== asking) return;
      shownAt = Date.now();
      answer = told;
      sayForYou();
    } finally {
      if (mine === asking) $("recommended").removeAttribute("aria-busy");
    }
  }

  const ask = (cursor) => api.getRecommendations({ limit: PAGE, cursor, market: $("market").value, in_stock: $("in-stock").checked });

  async function more() {
    const next = await ask(answer.next_cursor);
    answer = { ...next, recommendations: [...answer.recommendations, ...next.recommendations] };
    sayForYou();
  }

  function sayForYou() {
    if (!answer) return;
    cards = new Map();
    $("recommended").replaceChildren(...answer.recommendations.map(card));
    $("for-you-ask").hidden = true;
    $("for-you-none").hidden = answer.recommendations.length > 0;
    $("for-you-more").replaceChildren(...(answer.next_cursor ? [button(say("more"), () => more().catch(complain), { class: "button quiet more" })] : []));
    heard();
  }

  const heard = () => cards.forEach((shown, key) => shown.save(saving.saved.has(key)));

  function card(recommendation) {
    const { because, sponsored } = recommendation;
    const hit = { ...recommendation, score: 0, same: true };
    const shown = new Card(hit, (name, detail) => acts[name](detail));
    const name = shown.title.textContent;
    const hide = button(say("hide"), () => hidden(recommendation).catch(complain), { class: "plain hide", "aria-label": `${say("hide")}: ${name}` });
    const mark = sponsored ? make("p", { class: "sponsored" }, say("sponsored")) : null;
    const pictures = because.media_ids.slice(0, BECAUSE_SHOWN).map((id) => make("li", {}, crop(id, null)));
    const reason = make("div", { class: "because" }, pictures.length ? make("ul", {}, ...pictures) : null, make("p", { class: "why" }, named(because.why)));
    shown.buy.before(...[mark, reason].filter(Boolean));
    shown.element.append(hide);
    cards.set(keyOf(hit), shown);
    return shown.element;
  }

  const acts = {
    open,
    save: ({ hit }) => saving.toggle(hit),
    leave: ({ hit }) => api.noteActivity({ kind: "clicked_out", media_id: hit.media_id, item_id: hit.item?.id ?? "" }).catch(complain),
  };

  async function hidden(recommendation) {
    const { media_id, item } = recommendation;
    await api.noteActivity({ kind: "hidden", media_id, item_id: item?.id ?? "" });
    answer = { ...answer, recommendations: answer.recommendations.filter((other) => other !== recommendation) };
    sayForYou();
    note(say("hidden"));
  }

  async function allow() {
    await api.setConsent("personalise", true);
    answer = null;
    await show();
  }

  saving.addEventListener("saved", heard);
  $("for-you-new").addEventListener("click", () => renew().catch(complain));
  $("for-you-allow").addEventListener("click", () => allow().catch(complain));
  for (const id of ["market", "in-stock"]) {
    $(id).addEventListener("change", () => {
      const shown = Boolean(answer);
      answer = null; // in another view it is asked for when it is next shown
      if (shown && placeNow().view === "for-you") renew().catch(complain);
    });
  }

  return { show, say: sayForYou };
}
