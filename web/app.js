// The page: its views, and what they share: the language, and how something is told.

import { keepBoards } from "./boards.js";
import { keepFinding } from "./finding.js";
import { keepForYou } from "./for-you.js";
import { keepInterests } from "./my-interests.js";
import { keepReceipt } from "./receipt.js";
import { keepSaving } from "./saving.js";
import { keepShared } from "./shared.js";
import { display, placeNow } from "./views.js";
import { languageNow, say, sayAll, switchLanguage } from "./words.js";

const TOAST_MS = 7000;
const NEEDS_NO_KEY = new Set(["shared", "receipt"]);
const $ = (id) => document.getElementById(id);

function complain(error) {
  if (error.name === "AbortError") return;
  note(error.status === 401 ? say("keyNeeded") : error.message);
}

function note(text) {
  const toast = $("toast");
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(note.timer);
  note.timer = setTimeout(() => (toast.hidden = true), TOAST_MS);
}

const shared = { complain, note, open: (part) => finding.openPart(part) };
const saving = keepSaving(shared);
const finding = keepFinding({ ...shared, saving });
const views = {
  find: finding,
  interests: keepInterests(shared),
  boards: keepBoards({ ...shared, saving }),
  "for-you": keepForYou({ ...shared, saving }),
  shared: keepShared(shared),
  receipt: keepReceipt(shared),
};

function sayEverything() {
  sayAll(document);
  document.body.dataset.drop = say("dropHere");
  $("language").textContent = say("otherLanguage");
  $("language").lang = languageNow() === "ko" ? "en" : "ko";
  for (const view of [...Object.values(views), saving]) view.say();
}

$("language").addEventListener("click", () => {
  switchLanguage();
  sayEverything();
});

// As the address says. moved: the person went there, so that whoever reads by ear is taken along.
function follow({ moved }) {
  const place = placeNow();
  display(place);
  if (!NEEDS_NO_KEY.has(place.view)) begin();
  $("toast").hidden = true;
  Promise.resolve(views[place.view].show(place.id)).catch(complain);
  const heading = document.querySelector(`[data-of-view="${place.view}"] .view-head h1`);
  if (!moved || !heading) return;
  scrollTo(0, 0);
  heading.focus({ preventScroll: true });
}

let begun = false;

function begin() {
  if (!begun) finding.begin();
  begun = true;
}

addEventListener("popstate", () => follow({ moved: true }));
sayEverything();
follow({ moved: false });
