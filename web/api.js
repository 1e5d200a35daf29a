// The public API, as the page uses it. The key is in a cookie that scripts cannot read.

import { fault, say } from "./words.js";

const asPart = encodeURIComponent;

export class Problem extends Error {
  constructor(status, body) {
    const slug = (body.type ?? "").split(":").at(-1);
    super(fault(slug, body.detail) ?? `HTTP ${status}`);
    Object.assign(this, { status, slug });
  }
}

async function ask(path, { json, ...options } = {}) {
  if (json !== undefined) {
    options.body = JSON.stringify(json);
    options.headers = { "Content-Type": "application/json", ...options.headers };
  }
  const response = await fetch(path, options).catch((error) => {
    throw error.name === "AbortError" ? error : new Error(say("offline"));
  });
  if (!response.ok) throw new Problem(response.status, await response.json().catch(() => ({})));
  return response.status === 204 ? null : response.json();
}

// The day on which it was taken is kept where the person allows that.
export async function givePicture(file, { searchOnly }) {
  const form = new FormData();
  if (!searchOnly && (await getConsents()).taken_on.given) form.set("keep_taken_on", "true");
  form.set("purpose", searchOnly ? "search" : "personal");
  form.set("file", file, file.name || "picture");
  return ask("/v1/media", { method: "POST", body: form });
}

export const listPictures = () => ask("/v1/media?limit=40");
export const getPicture = (id) => ask(`/v1/media/${asPart(id)}`);
export const deletePicture = (id) => ask(`/v1/media/${asPart(id)}`, { method: "DELETE" });
export const imageOf = (id, width = 0) => `/v1/media/${asPart(id)}/image${width ? `?width=${width}` : ""}`;
export const search = (query, signal) => ask("/v1/search", { method: "POST", json: query, signal });
export const getInterests = () => ask("/v1/me/interests");
export const getWatches = () => ask("/v1/me/watches");
export const keepWatch = (watch) => ask("/v1/me/watches", { method: "POST", json: watch });
export const dropWatch = (id) => ask(`/v1/me/watches/${asPart(id)}`, { method: "DELETE" });
export const getConsents = () => ask("/v1/me/consent");
export const setConsent = (purpose, given) => ask("/v1/me/consent", { method: "PUT", json: { [purpose]: given } });
export const setLearning = (paused) => ask("/v1/me/learning", { method: "PUT", json: { paused } });
export const findInterests = (words, signal) => ask(`/v1/interests?q=${asPart(words)}`, { signal });
export const getStory = () => ask("/v1/me/story");
export const getAbout = () => ask("/v1/me/about");
export const putAbout = (about) => ask("/v1/me/about", { method: "PUT", json: about });
export const forgetAbout = () => ask("/v1/me/about", { method: "DELETE" });
export const getSegments = () => ask("/v1/me/segments");

// etag: of the interest as it was read; it is refused with 412 where it was corrected since.
const interestAt = (id) => `/v1/me/interests/${asPart(id)}`;
export const correctInterest = (id, correction, etag) =>
  ask(interestAt(id), { method: "PATCH", json: correction, headers: etag ? { "If-Match": etag } : {} });
export const deleteInterest = (id, etag) => ask(interestAt(id), { method: "DELETE", headers: etag ? { "If-Match": etag } : {} });

export const EXPORT = "/v1/me/export";
export const eraseMe = () => ask("/v1/me", { method: "DELETE" });
export const getReceipt = (id) => ask(`/v1/erasures/${asPart(id)}`);

const boardAt = (id) => `/v1/me/boards/${asPart(id)}`;
const pinAt = (boardId, id) => `${boardAt(boardId)}/pins/${asPart(id)}`;
const pageOf = (cursor) => (cursor ? `?cursor=${asPart(cursor)}` : "");
export const getBoards = () => ask("/v1/me/boards");
export const createBoard = (name) => ask("/v1/me/boards", { method: "POST", json: { name } });
export const getBoard = (id, cursor = "") => ask(boardAt(id) + pageOf(cursor));
export const changeBoard = (id, change) => ask(boardAt(id), { method: "PATCH", json: change });
export const deleteBoard = (id) => ask(boardAt(id), { method: "DELETE" });
export const savePin = (boardId, pin) => ask(`${boardAt(boardId)}/pins`, { method: "POST", json: pin });
export const changePin = (boardId, id, change) => ask(pinAt(boardId, id), { method: "PATCH", json: change });
export const removePin = (boardId, id) => ask(pinAt(boardId, id), { method: "DELETE" });
export const shareBoard = (id) => ask(`${boardAt(id)}/share`, { method: "POST" });
export const unshareBoard = (id) => ask(`${boardAt(id)}/share`, { method: "DELETE" });
export const getSharedBoard = (token, cursor = "") => ask(`/v1/boards/shared/${asPart(token)}${pageOf(cursor)}`);
export const keepBoard = (token) => ask("/v1/me/boards/shared", { method: "POST", json: { token } });
export const dropKeptBoard = (id) => ask(`/v1/me/boards/shared/${asPart(id)}`, { method: "DELETE" });
export const moreLikeBoard = (id, query) => ask(`${boardAt(id)}/more`, { method: "POST", json: query });

export function getRecommendations({ market, in_stock, cursor, limit }) {
  const asked = new URLSearchParams(Object.entries({ market, in_stock, cursor, limit }).filter(([, value]) => value));
  return ask(`/v1/me/recommendations?${asked}`);
}

export const noteActivity = (activity) =>
  ask("/v1/activity", { method: "POST", json: activity, keepalive: true, headers: { "Idempotency-Key": crypto.randomUUID() } });

// Resolves with the picture once it is searchable, or rejected. Its states come as events; should the stream break
// off, asking again now and then tells the same.
export async function whenSettled(id, signal) {
  const events = new EventSource(`/v1/events?media_id=${asPart(id)}`);
  try {
    for (;;) {
      const picture = await getPicture(id);
      if (picture.state !== "accepted") return picture;
      await new Promise((resolve) => {
        const wait = setTimeout(resolve, 1000);
        events.addEventListener("media", (event) => {
          if (JSON.parse(event.data).state === "accepted") return;
          clearTimeout(wait);
          setTimeout(resolve, 120);
        });
      });
      signal.throwIfAborted();
    }
  } finally {
    events.close();
  }
}

// Calls `met` as soon as something is found for a watch, while the page is open.
export function followWatches(met) {
  const events = new EventSource("/v1/events");
  events.addEventListener("watch", (event) => met(JSON.parse(event.data)));
  addEventListener("pagehide", () => events.close());
}
