// Waiting for what cannot be bought: the offer to, the list of what waits, and word of what was found.

import * as api from "./api.js";
import "./watches.js";
import { countryName, say } from "./words.js";

const $ = (id) => document.getElementById(id);
const inStock = ({ item }) => item?.offers.some(({ in_stock }) => in_stock);
const buyable = ({ matched, hits }) => matched && hits.some((hit, n) => (hit.same || n === 0) && inStock(hit));

// open({media_id, box}), complain(error) and note(text) are the page's.
export function keepWatches({ open, complain, note }) {
  const list = $("watches");
  const button = $("watch");
  let wanted = null; // what a watch would be of

  async function show() {
    const { watches } = await api.getWatches();
    list.show(watches);
    $("watches-shown").hidden = !watches.length;
  }

  async function begin() {
    await show();
    api.followWatches((match) => {
      note(say("watchMatched"));
      if (!list.met(match)) show().catch(complain); // kept in another window
    });
  }

  function sayButton() {
    button.textContent = !wanted ? "" : wanted.market ? say("watchIn", countryName(wanted.market)) : say("watchAny");
  }

  // Where nothing that is the same can be bought. Only of a picture that stays.
  function offer(found, picture) {
    const stays = picture && picture.purpose !== "search" && found?.query?.media_id;
    wanted = stays && !buyable(found) ? watchOf(found.query) : null;
    button.hidden = !wanted;
    sayButton();
  }

  button.addEventListener("click", async () => {
    try {
      await api.keepWatch(wanted);
      button.hidden = true;
      note(say("watched"));
      await show();
    } catch (error) {
      complain(error);
    }
  });
  list.addEventListener("open", ({ detail }) => open(detail));
  list.addEventListener("drop", async ({ detail }) => {
    try {
      await api.dropWatch(detail.id);
      await show();
    } catch (error) {
      complain(error);
    }
  });

  function sayAll() {
    list.say();
    sayButton();
  }

  return { begin, show, offer, say: sayAll };
}

function watchOf({ media_id, box, filters: { market, currency, max_price_minor } }) {
  const most = max_price_minor ? { currency, max_price_minor } : {};
  return { media_id, box, ...(market && { market }), ...most };
}
