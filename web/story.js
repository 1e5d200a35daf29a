// The story that a person's pictures tell, year by year and season by season.

import * as api from "./api.js";
import { crop } from "./crops.js";
import { button, make } from "./make.js";
import { named, say } from "./words.js";

const PICTURES_SHOWN = 6;
const $ = (id) => document.getElementById(id);

// open(part): finds with a picture. changed(): something is allowed from now on.
export function keepStory({ complain, open, changed }) {
  let story = null;

  async function show() {
    const told = await api.getStory();
    const same = JSON.stringify(told) === JSON.stringify(story);
    story = told;
    if (!same) sayStory();
  }

  function sayStory() {
    if (!story) return;
    const missing = story.missing_consents;
    const years = story.years.map(({ year, seasons }) => make("section", { class: "year" }, make("h3", {}, String(year)), ...seasons.map(season)));
    const none = !years.length && !missing.length ? make("p", { class: "faint" }, say("storyNone")) : null;
    const undated = story.undated ? make("p", { class: "faint" }, say("storyUndated", story.undated)) : null;
    const pending = story.pending ? make("p", { class: "faint" }, say("storyPending", story.pending)) : null;
    $("story").replaceChildren(...[...(missing.length ? [ask(missing)] : []), ...years, none, undated, pending].filter(Boolean));
  }

  function ask(missing) {
    const allow = async () => {
      for (const purpose of missing) await api.setConsent(purpose, true);
      changed();
    };
    const words = make("p", {}, say("storyAsk", missing.map((purpose) => say(`consent_${purpose}`)).join(", ")));
    return make("div", { class: "ask" }, words, button(say("consentGive"), () => allow().catch(complain), { class: "button quiet" }));
  }

  function season({ season: name, sentence, interests }) {
    const seen = new Set();
    const pictures = interests.flatMap(({ media_ids }) => media_ids).filter((id) => !seen.has(id) && seen.add(id));
    const crops = pictures.slice(0, PICTURES_SHOWN).map((id) => {
      const look = button(crop(id, null), () => open({ media_id: id, box: null }), { class: null, "aria-label": say("openPicture", say("picture")) });
      return make("li", {}, look);
    });
    return make("div", { class: "season" }, make("h4", {}, say(`season_${name}`)), make("p", {}, named(sentence)), make("ul", { class: "crops" }, ...crops));
  }

  return { show, say: sayStory };
}
