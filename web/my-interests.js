// My interests: what was learnt, what it is used for, what the person says of themselves, and leaving.

import * as api from "./api.js";
import { keepAbout } from "./about.js";
import { keepConsents } from "./consents.js";
import "./interests.js";
import { keepFollowing } from "./following.js";
import { keepLeaving } from "./leaving.js";
import { keepSegments } from "./segments.js";
import { keepStory } from "./story.js";
import { placeNow } from "./views.js";
import { named, say } from "./words.js";

const SOON_MS = [600, 2500, 6000]; // what follows from what a person did comes a moment later
const $ = (id) => document.getElementById(id);

// complain(error), note(text), open(part): the page's.
export function keepInterests({ complain, note, open }) {
  const list = $("learnt");
  let waits = [];

  async function showInterests() {
    list.show(await api.getInterests());
  }

  // Where someone else corrected it meanwhile, what they said is shown, and nothing of this is done.
  async function change(does) {
    try {
      await does();
    } catch (error) {
      if (error.status !== 412) throw error;
      note(say("changedMeanwhile"));
    }
    await Promise.all([showInterests(), segments.show()]);
  }

  // What follows from what the person did a moment ago, as long as they look.
  async function look() {
    if (placeNow().view === "interests") await Promise.all([showInterests(), story.show(), segments.show()]);
  }

  const told = () => Promise.all([consents.show(), showInterests(), story.show(), segments.show()]).catch(complain);
  const consents = keepConsents({ complain, changed: told });
  const story = keepStory({ complain, open, changed: told });
  const segments = keepSegments({ open });
  const about = keepAbout({ complain, note, changed: () => segments.show() });
  const following = keepFollowing({ complain, changed: showInterests });
  const leaving = keepLeaving({ complain });

  list.addEventListener("open", ({ detail }) => open(detail));
  list.addEventListener("allow", () => api.setConsent("image_interest", true).then(told).catch(complain));
  list.addEventListener("correct", ({ detail: { interest, correction } }) => {
    change(() => api.correctInterest(interest.id, correction, interest.etag)).catch(complain);
  });
  list.addEventListener("forget", ({ detail: { interest } }) => {
    if (!confirm(say("forgetSure", interest.own_name || named(interest.name)))) return;
    change(() => api.deleteInterest(interest.id, interest.etag)).catch(complain);
  });

  function show() {
    waits.forEach(clearTimeout);
    waits = SOON_MS.map((wait) => setTimeout(() => look().catch(complain), wait));
    return Promise.all([showInterests(), ...[consents, story, segments, about].map((part) => part.show().catch(complain))]);
  }

  function sayView() {
    list.say();
    for (const part of [consents, story, segments, about, following, leaving]) part.say();
  }

  return { show, say: sayView };
}
