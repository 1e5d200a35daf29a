// The page: a picture is given, a frame is put on it, what looks like that part is shown.

import * as api from "./api.js";
import { make } from "./hits.js";
import "./interests.js";
import { WHOLE } from "./stage.js";
import { countryName, languageNow, named, say, sayAll, switchLanguage } from "./words.js";

const markets = new Set(["KR", "US", "JP"]); // and those that are met in offers
const MOVING_PAUSE_MS = 120;
const SURE = 0.15; // a label of the whole picture below this is a guess
const $ = (id) => document.getElementById(id);
const [stage, hits, interests] = [$("stage"), $("hits"), $("interests")];

let picture = null; // the one on the stage, as GET /v1/media/{id} gives it
let found = null;
let saying = null; // what the status line says, to be said again in the other language
let searching = new AbortController();
let opening = new AbortController();
let pause = 0;

function tell(key, ...values) {
  saying = key && [key, ...values];
  $("say").textContent = key ? say(key, ...values) : "";
}

function complain(error) {
  if (error.name === "AbortError") return;
  if (error.status === 401) {
    tell("keyNeeded");
    return;
  }
  const toast = $("toast");
  toast.textContent = error.message;
  toast.hidden = false;
  clearTimeout(complain.timer);
  complain.timer = setTimeout(() => (toast.hidden = true), 7000);
}

// --- searching: the newest search wins, older ones are given up -------------------------------------------------------

const filters = () => ({ ...($("market").value && { market: $("market").value }), in_stock: $("in-stock").checked });

async function search({ record }) {
  if (picture?.state !== "searchable") return;
  clearTimeout(pause);
  searching.abort();
  searching = new AbortController();
  const query = { media_id: picture.media_id, box: stage.box, filters: filters(), limit: 24, record };
  hits.setAttribute("aria-busy", "true");
  try {
    found = await api.search(query, searching.signal);
    found.query = query;
    hits.show(found);
    tell(!found.hits.length ? "nothing" : found.matched ? "matched" : "onlySimilar");
    offerMarkets(found.hits);
    hits.removeAttribute("aria-busy");
  } catch (error) {
    if (error.name !== "AbortError") hits.removeAttribute("aria-busy");
    complain(error);
  }
}

stage.addEventListener("frame", ({ detail }) => {
  clearTimeout(pause);
  if (detail.settled) search({ record: true });
  else pause = setTimeout(() => search({ record: false }), MOVING_PAUSE_MS);
});
$("market").addEventListener("change", ({ target }) => localStorage.setItem("nungil-market", target.value));
for (const id of ["market", "in-stock"]) $(id).addEventListener("change", () => search({ record: false }));

hits.addEventListener("more", async () => {
  try {
    const next = await api.search({ ...found.query, cursor: found.next_cursor, record: false }, searching.signal);
    found = { ...next, query: found.query, matched: found.matched, hits: [...found.hits, ...next.hits] };
    hits.show(found);
  } catch (error) {
    complain(error);
  }
});
hits.addEventListener("open", ({ detail }) => open(detail.media_id));
hits.addEventListener("save", async ({ detail: { hit } }) => {
  try {
    await api.noteActivity({ kind: "saved", media_id: hit.media_id, box: hit.box, item_id: hit.item?.id ?? "" });
    showInterestsSoon();
  } catch (error) {
    hits.unsave(hit);
    complain(error);
  }
});
hits.addEventListener("leave", ({ detail: { hit } }) => {
  api.noteActivity({ kind: "clicked_out", media_id: hit.media_id, item_id: hit.item?.id ?? "" }).catch(complain);
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
}

function forget() {
  opening.abort();
  opening = new AbortController();
  searching.abort();
  picture = found = null;
  hits.show(null);
  tell(null);
  return opening.signal;
}

async function open(mediaId, { box = null } = {}) {
  const signal = forget();
  try {
    let shown = await api.getPicture(mediaId);
    signal.throwIfAborted();
    putOnStage(shown, { box });
    if (location.hash !== `#${mediaId}`) history.pushState(null, "", `#${mediaId}`);
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
    await search({ record: false });
  } catch (error) {
    if (error.status === 404) close();
    complain(error);
  }
}

function close() {
  forget();
  stageIs(false);
  if (location.hash) history.pushState(null, "", location.pathname);
}

async function give(file) {
  if (!file) return;
  const searchOnly = $("search-only").checked;
  const signal = forget();
  const preview = URL.createObjectURL(file);
  try {
    putOnStage({ state: "accepted", regions: [], labels: [], purpose: "search" }, { source: preview });
    tell("uploading");
    const given = await api.givePicture(file, { searchOnly });
    signal.throwIfAborted();
    await open(given.media_id);
    if (!searchOnly) await showPictures();
    showInterestsSoon();
  } catch (error) {
    if (error.name !== "AbortError") close();
    complain(error);
  } finally {
    URL.revokeObjectURL(preview);
  }
}

for (const id of ["file", "photo"]) {
  $(id).addEventListener("change", ({ target }) => {
    give(target.files[0]);
    target.value = "";
  });
}
$("choose").addEventListener("keydown", (event) => {
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    $("file").click();
  }
});
$("whole").addEventListener("click", () => stage.choose(WHOLE));
$("another").addEventListener("click", close);
$("delete").addEventListener("click", async () => {
  if (!confirm(say("deleteSure"))) return;
  try {
    await api.deletePicture(picture.media_id);
    close();
    await Promise.all([showPictures(), showInterests()]);
  } catch (error) {
    complain(error);
  }
});

let inside = 0; // dragenter and dragleave come for every element on the way
const dropping = (by) => {
  inside = Math.max(0, inside + by);
  document.body.classList.toggle("dropping", inside > 0);
};
addEventListener("dragenter", () => dropping(1));
addEventListener("dragleave", () => dropping(-1));
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  dropping(-inside);
  give([...event.dataTransfer.files][0]);
});
addEventListener("paste", (event) => give([...event.clipboardData.files].find((file) => file.type.startsWith("image/"))));

// --- one's own pictures and interests --------------------------------------------------------------------------------

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

async function showInterests() {
  interests.show(await api.getInterests());
}

// They follow from what the person did a moment later.
function showInterestsSoon() {
  for (const wait of [600, 2500, 6000]) setTimeout(() => showInterests().catch(complain), wait);
}

interests.addEventListener("open", ({ detail }) => {
  scrollTo({ top: 0, behavior: "smooth" });
  open(detail.media_id, { box: detail.box });
});
interests.addEventListener("allow", async () => {
  try {
    await api.allowInterests();
    await showInterests();
  } catch (error) {
    complain(error);
  }
});

// --- words -----------------------------------------------------------------------------------------------------------

function sayEverything() {
  sayAll(document);
  document.body.dataset.drop = say("dropHere");
  $("language").textContent = say("otherLanguage");
  $("language").lang = languageNow() === "ko" ? "en" : "ko";
  sayMarkets();
  if (saying) tell(...saying);
  stage.say();
  hits.say();
  interests.say();
  sayPicture();
}

function sayMarkets() {
  const market = $("market").value || localStorage.getItem("nungil-market") || "";
  if (market) markets.add(market);
  $("market").replaceChildren(
    make("option", { value: "" }, say("anywhere")),
    ...[...markets].map((code) => make("option", { value: code }, countryName(code))),
  );
  $("market").value = market;
}

function offerMarkets(shown) {
  const before = markets.size;
  for (const hit of shown) for (const offer of hit.item?.offers ?? []) markets.add(offer.market);
  if (markets.size > before) sayMarkets();
}

$("language").addEventListener("click", () => {
  switchLanguage();
  sayEverything();
});

function followAddress() {
  const id = location.hash.slice(1);
  if (id && id !== picture?.media_id) open(id);
  else if (!id && picture) close();
}

addEventListener("popstate", followAddress);
sayEverything();
Promise.all([showPictures(), showInterests()]).catch(complain);
followAddress();
