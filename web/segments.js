// The groups that a person is in, the pictures that put them there, and what would end it.

import * as api from "./api.js";
import { crop } from "./crops.js";
import { button, make } from "./make.js";
import { day, named, say } from "./words.js";

const PICTURES_SHOWN = 4;
const $ = (id) => document.getElementById(id);

// open(part): finds with a picture.
export function keepSegments({ open }) {
  let segments = null;

  async function show() {
    const told = await api.getSegments();
    const same = JSON.stringify(told) === JSON.stringify(segments);
    segments = told;
    if (!same) saySegments();
  }

  function saySegments() {
    if (!segments) return;
    const cards = segments.map(card);
    $("segments").replaceChildren(...(cards.length ? cards : [make("li", { class: "faint" }, say("segmentsNone"))]));
  }

  function card({ id, name, since, because, why, ends }) {
    const crops = because.slice(0, PICTURES_SHOWN).map((mediaId) => {
      const look = button(crop(mediaId, null), () => open({ media_id: mediaId, box: null }), { class: null, "aria-label": say("openPicture", say("picture")) });
      return make("li", {}, look);
    });
    return make(
      "li",
      { class: "interest", "data-segment": id },
      make("h3", {}, named(name), make("small", {}, ` ${say("since", day(since))}`)),
      crops.length ? make("ul", { class: "crops" }, ...crops) : null,
      make("p", { class: "why" }, named(why)),
      make("p", { class: "why" }, named(ends?.what)),
    );
  }

  return { show, say: saySegments };
}
