// Finding: a picture is given, a frame is put on it, what looks like that part is shown.

import * as api from "./api.js";
import { listenForPictures } from "./giving.js";
import "./hits.js";
import { Lens } from "./lens.js";
import { make } from "./make.js";
import { Narrowing } from "./narrowing.js";
import { WHOLE } from "./stage.js";
import { go, placeNow } from "./views.js";
import { keepWatches } from "./watching.js";
import { named, say } from "./words.js";

const HITS = 24;
const HITS_A_PART = 6;
const MOVING_PAUSE_MS = 120; // without a lens
const SURE = 0.15; // a label of the whole picture below this is a guess
const $ = (id) => document.getElementById(id);

// complain(error), note(text): the page's. saving: puts hits and parts on boards.
export function keepFinding({ complain: complainOnPage, note, saving }) {
  const [stage, hits] = [$("stage"), $("hits")];
  const watching = keepWatches({ open: openPart, complain, note });

  let picture = null; // the one on the stage, as GET /v1/media/{id} gives it
  let found = null;
  let saying = null; // what the status line says, to be said again in the other language
  let searching = new AbortController();
  let opening = new AbortController();
  let pause = 0;
  const lens = new Lens();
  const narrowing = new Narrowing(() => {
    lens.refine(narrowing.refinement.query());
    search({ record: false });
  });

  function tell(key, ...values) {
    saying = key && [key, ...values];
    const text = key ? say(key, ...values) : "";
    if ($("say").textContent !== text) $("say").textContent = text;
  }

  // Without a key there is nothing to find: the line that would say what was found says how to come by one.
  function complain(error) {
    if (error.status === 401) tell("keyNeeded");
    else complainOnPage(error);
  }

  // --- searching: the newest search wins, older ones are given up -------------------------------------------------------

  function giveUpSearching() {
    clearTimeout(pause);
    searching.abort();
    searching = new AbortController();
    hits.removeAttribute("aria-busy");
    return searching.signal;
  }

  // A picture, words, or both; null: neither.
  function question() {
    const { refinement } = narrowing;
    if (picture) return picture.state === "searchable" ? { media_id: picture.media_id, box: stage.box, ...refinement.query() } : null;
    if (refinement.empty) return null;
    const { text, narrow, ...query } = refinement.query();
    return { ...query, narrow, text: text || refinement.narrow.map(({ name }) => named(name)).join(" ") }; // it wants words
  }

  async function search({ record }) {
    const signal = giveUpSearching();
    const asked = question();
    if (!asked) {
      if (!picture) show(null);
      return;
    }
    const query = { ...asked, limit: HITS, chips: true, record };
    hits.setAttribute("aria-busy", "true");
    try {
      show({ ...(await api.search(query, signal)), query, words: !query.media_id });
      hits.removeAttribute("aria-busy");
    } catch (error) {
      if (error.name !== "AbortError") hits.removeAttribute("aria-busy");
      complain(error);
    }
  }

  // moving: the lens told it, of a frame that may have moved on.
  function show(answer, { moving = false } = {}) {
    found = answer;
    hits.show(found, { moving });
    document.body.classList.toggle("with-words", Boolean(found?.words));
    $("narrowing").hidden = !found;
    $("partial").hidden = !found?.partial;
    if (!moving) watching.offer(found, picture);
    if (!found) {
      tell(null);
      narrowing.forget();
      return;
    }
    narrowing.hear(found);
    tell(verdict(found));
  }

  function verdict({ hits, matched, words }) {
    if (words) return hits.length ? "foundByWords" : "nothingByWords";
    return !hits.length ? "nothing" : matched ? "matched" : "onlySimilar";
  }

  stage.addEventListener("frame", ({ detail: { box, settled } }) => {
    if (settled) {
      lens.rest();
      search({ record: true });
      return;
    }
    giveUpSearching();
    lens.move(box);
    if (!lens.live) pause = setTimeout(() => search({ record: false }), MOVING_PAUSE_MS);
  });
  lens.addEventListener("answer", ({ detail }) => show(detail, { moving: true }));
  lens.addEventListener("live", () => ($("not-live").hidden = !lens.broken));
  lens.addEventListener("gone", () => {
    close();
    complain(new Error(say("gone")));
  });

  hits.addEventListener("more", async () => {
    try {
      const { query, words } = found;
      const next = await api.search({ ...query, cursor: found.next_cursor, chips: false, record: false }, searching.signal);
      show({ ...found, query, words, next_cursor: next.next_cursor, hits: [...found.hits, ...next.hits] });
    } catch (error) {
      complain(error);
    }
  });
  hits.addEventListener("open", ({ detail }) => openPart(detail));
  hits.addEventListener("part", ({ detail }) => stage.choose(detail.box));
  hits.addEventListener("save", ({ detail: { hit } }) => saving.toggle(hit));
  saving.addEventListener("saved", () => hits.saySaved(saving.saved));
  $("save-part").addEventListener("click", () => saving.toggle({ media_id: picture.media_id, box: stage.box }));
  hits.addEventListener("leave", ({ detail: { hit } }) => {
    api.noteActivity({ kind: "clicked_out", media_id: hit.media_id, item_id: hit.item?.id ?? "" }).catch(complain);
  });

  // Shop the look: every part at once.
  $("scene").addEventListener("click", async () => {
    const signal = giveUpSearching();
    hits.setAttribute("aria-busy", "true");
    try {
      const { filters } = narrowing.refinement.query();
      const scene = await api.search({ media_id: picture.media_id, regions: "all", filters, limit: HITS_A_PART }, signal);
      found = null;
      watching.offer(null, picture);
      $("narrowing").hidden = true;
      $("partial").hidden = !scene.partial;
      hits.showScene(scene, picture.media_id);
      tell("sceneSays");
      hits.removeAttribute("aria-busy");
    } catch (error) {
      if (error.name !== "AbortError") hits.removeAttribute("aria-busy");
      complain(error);
    }
  });

  // --- the picture on the stage ----------------------------------------------------------------------------------------

  function stageIs(shown) {
    $("give").hidden = shown;
    stage.hidden = !shown;
    $("under").hidden = !shown;
    document.body.classList.toggle("with-picture", shown);
  }

  // A large part that shows what the whole picture is surest of, or else a frame that can be seen to be one.
  function firstBox({ regions, labels }) {
    const sure = new Map(labels.filter(({ score }) => score >= SURE).map(({ id, score }) => [id, score]));
    const worth = ({ box, labels: [label] }) => (sure.get(label?.id) ?? 0) * Math.sqrt(box.width * box.height);
    const [best] = regions.filter((region) => region.n > 0 && worth(region) > 0).sort((a, b) => worth(b) - worth(a));
    return best?.box ?? { x: 0.1, y: 0.1, width: 0.8, height: 0.8 };
  }

  function putOnStage(shown, { box = null, source = api.imageOf(shown.media_id) } = {}) {
    picture = shown;
    stageIs(true);
    const busy = shown.state !== "searchable";
    stage.show({ source, alt: shown.file_name ?? "", regions: shown.regions, box: busy ? WHOLE : (box ?? firstBox(shown)), busy });
    sayPicture();
  }

  function sayPicture() {
    if (!picture) return;
    const labels = picture.labels.filter(({ score }) => score >= SURE).slice(0, 3).map(({ name }) => named(name));
    $("named").textContent = labels.join(" · ");
    $("delete").hidden = picture.purpose !== "personal";
    $("scene").hidden = !picture.regions.some(({ n }) => n > 0);
  }

  function forget() {
    opening.abort();
    opening = new AbortController();
    giveUpSearching();
    lens.close();
    picture = null;
    show(null);
    return opening.signal;
  }

  async function open(mediaId, { box = null } = {}) {
    const signal = forget();
    try {
      let shown = await api.getPicture(mediaId);
      signal.throwIfAborted();
      putOnStage(shown, { box });
      if (placeNow().view === "find") go(mediaId);
      if (shown.state === "accepted") {
        tell("preparing");
        shown = await api.whenSettled(mediaId, signal);
        signal.throwIfAborted();
        putOnStage(shown, { box });
      }
      if (shown.state === "rejected") tell("rejected", shown.reason);
      if (shown.state !== "searchable") return;
      tell("asking");
      if (matchMedia("(max-width: 860px)").matches) scrollTo({ top: $("pictures").offsetTop, behavior: "smooth" });
      lens.open(mediaId, narrowing.refinement.query(), HITS);
      await search({ record: false });
    } catch (error) {
      if (error.status === 404) close();
      complain(error);
    }
  }

  function openPart({ media_id, box }) {
    go(media_id);
    scrollTo({ top: 0, behavior: "smooth" });
    open(media_id, { box });
  }

  function close() {
    narrowing.clear();
    forget();
    stageIs(false);
    if (placeNow().view === "find") go("");
  }

  async function give(file) {
    if (!file) return;
    go("");
    const searchOnly = $("search-only").checked;
    narrowing.clear();
    const signal = forget();
    const preview = URL.createObjectURL(file);
    try {
      putOnStage({ state: "accepted", regions: [], labels: [], purpose: "search" }, { source: preview });
      tell("uploading");
      const given = await api.givePicture(file, { searchOnly });
      signal.throwIfAborted();
      await open(given.media_id);
      if (!searchOnly) await showPictures();
    } catch (error) {
      if (error.name !== "AbortError") close();
      complain(error);
    } finally {
      URL.revokeObjectURL(preview);
    }
  }

  listenForPictures(give);
  $("whole").addEventListener("click", () => stage.choose(WHOLE));
  $("another").addEventListener("click", close);
  $("delete").addEventListener("click", async () => {
    if (!confirm(say("deleteSure"))) return;
    const { media_id } = picture;
    try {
      forget(); // or its lens would say that it is gone
      await api.deletePicture(media_id);
      await Promise.all([showPictures(), watching.show()]);
    } catch (error) {
      complain(error);
    } finally {
      close();
    }
  });

  // --- one's own pictures ----------------------------------------------------------------------------------------------

  async function showPictures() {
    const { media } = await api.listPictures();
    const shown = media.filter(({ state }) => state !== "rejected");
    $("pictures").replaceChildren(
      ...shown.map(({ media_id, file_name }) => {
        const name = file_name ?? "";
        const thumb = make("button", { type: "button", class: "thumb", title: name, "aria-label": say("openPicture", name || say("picture")) });
        thumb.append(make("img", { src: api.imageOf(media_id, 200), alt: "", loading: "lazy", decoding: "async" }));
        thumb.addEventListener("click", () => open(media_id));
        return thumb;
      }),
    );
  }

  // --- the view --------------------------------------------------------------------------------------------------------

  function sayView() {
    if (saying) tell(...saying);
    stage.say();
    hits.say();
    narrowing.say();
    watching.say();
    sayPicture();
  }

  // mediaId: of the picture that the address names; "": none.
  function showView(mediaId) {
    if (mediaId && mediaId !== picture?.media_id) open(mediaId);
    else if (!mediaId && picture) close();
  }

  function begin() {
    Promise.all([showPictures(), watching.begin()]).catch(complain);
  }

  return { begin, show: showView, say: sayView, openPart, showPictures };
}
