// The public API, as the page uses it. The key is in a cookie that scripts cannot read.

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? `HTTP ${status}`);
    this.status = status;
    this.slug = (body.type ?? "").split(":").at(-1);
  }
}

async function ask(path, { json, ...options } = {}) {
  if (json !== undefined) {
    options.body = JSON.stringify(json);
    options.headers = { "Content-Type": "application/json", ...options.headers };
  }
  const response = await fetch(path, options);
  if (!response.ok) throw new Problem(response.status, await response.json().catch(() => ({})));
  return response.status === 204 ? null : response.json();
}

export function givePicture(file, { searchOnly }) {
  const form = new FormData();
  form.set("purpose", searchOnly ? "search" : "personal");
  form.set("file", file, file.name || "picture");
  return ask("/v1/media", { method: "POST", body: form });
}

export const listPictures = () => ask("/v1/media?limit=40");
export const getPicture = (id) => ask(`/v1/media/${encodeURIComponent(id)}`);
export const deletePicture = (id) => ask(`/v1/media/${encodeURIComponent(id)}`, { method: "DELETE" });
export const imageOf = (id, width = 0) => `/v1/media/${encodeURIComponent(id)}/image${width ? `?width=${width}` : ""}`;
export const search = (query, signal) => ask("/v1/search", { method: "POST", json: query, signal });
export const getInterests = () => ask("/v1/me/interests");
export const getWatches = () => ask("/v1/me/watches");
export const keepWatch = (watch) => ask("/v1/me/watches", { method: "POST", json: watch });
export const dropWatch = (id) => ask(`/v1/me/watches/${encodeURIComponent(id)}`, { method: "DELETE" });
export const allowInterests = () => ask("/v1/me/consent", { method: "PUT", json: { image_interest: true } });

export const noteActivity = (activity) =>
  ask("/v1/activity", { method: "POST", json: activity, keepalive: true, headers: { "Idempotency-Key": crypto.randomUUID() } });

// Resolves with the picture once it is searchable, or rejected. Its states come as events; should the stream break
// off, asking again now and then tells the same.
export async function whenSettled(id, signal) {
  const events = new EventSource(`/v1/events?media_id=${encodeURIComponent(id)}`);
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
