// A lens session (docs/guide/lens.md): frames go out while they move, and the newest answer comes back, as a search would tell it.
// Fires "answer" with what was found, "live" when `live` or `broken` changed, and "gone" when the picture is no more.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 20_000;
const OVERDUE_MS = 400; // an answer that is waited for no longer
const BROKEN_AFTER = 2; // tries in a row that were never open
const OPEN = 1; // of readyState; the class itself may be missing
const GONE = 4404;
const IDLE = 4408;
const REFUSED = new Set([1009, 4409, 4422]); // asked again, it would be refused again

const address = () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/lens`;

export class Lens extends EventTarget {
  #asks = null; // what `open` says: the picture, and what results must be
  #socket = null;
  #number = 0;
  #pool = 0; // the number of the refine whose pool is wanted
  #ready = false;
  #items = new Map();
  #waiting = null; // the frame to be sent next
  #due = 0; // the number of the frame that is not answered yet
  #rested = 0; // answers up to this number are no news
  #tries = 0;
  #timers = { again: 0, overdue: 0 };
  broken = false; // WebSockets do not work here, or not now

  // Frames are answered as they move.
  get live() {
    return this.#ready;
  }

  open(mediaId, refine, limit) {
    this.close();
    this.#asks = { media_id: mediaId, limit, record: false, ...refine }; // where it rests, a search is recorded
    this.#tries = 0;
    this.#connect();
  }

  close() {
    this.#asks = null;
    clearTimeout(this.#timers.again);
    this.#leave();
  }

  // What results must be from now on.
  refine(refine) {
    if (!this.#asks) return;
    const { media_id, limit, record } = this.#asks;
    this.#asks = { media_id, limit, record, ...refine };
    if (this.#socket?.readyState !== OPEN) return;
    this.#pool = ++this.#number;
    this.#rested = this.#number;
    this.#set({ ready: false });
    this.#tell({ refine: { number: this.#number, ...refine } });
  }

  // The frame is here now. At most one is on its way; of those that wait, the newest goes.
  move(box) {
    this.#waiting = box;
    if (this.#asks && !this.#socket && !this.#timers.again) this.#connect(); // it had been idle
    this.#send();
  }

  // The frame was let go: what is still on its way is no news any more.
  rest() {
    this.#waiting = null;
    this.#rested = this.#number;
  }

  #connect() {
    clearTimeout(this.#timers.again);
    this.#timers.again = 0;
    let socket;
    try {
      socket = new WebSocket(address());
    } catch {
      this.#set({ broken: true });
      return;
    }
    this.#socket = socket;
    let opened = false;
    socket.addEventListener("open", () => {
      opened = true;
      this.#tell({ open: this.#asks });
    });
    socket.addEventListener("message", ({ data }) => this.#socket === socket && this.#hear(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => this.#socket === socket && this.#ended(code, opened));
  }

  #hear({ ready, answer, fault }) {
    if (ready && ready.number >= this.#pool) {
      this.#tries = 0;
      this.#set({ ready: true, broken: false });
    }
    if (answer) {
      for (const item of answer.items) this.#items.set(item.id, item);
      if (answer.number > this.#rested) this.#fire("answer", this.#found(answer));
    }
    const number = answer?.number ?? fault?.number;
    if (number >= this.#due) this.#due = 0;
    this.#send();
  }

  #found(answer) {
    const hits = answer.hits.map(({ item_id, ...hit }) => ({ ...hit, item: this.#items.get(item_id) ?? null, file_name: null }));
    return { ...answer, hits, next_cursor: null, understood: null };
  }

  #send() {
    if (!this.#waiting || !this.#ready || this.#due) return;
    this.#due = ++this.#number;
    this.#tell({ frame: { number: this.#due, box: this.#waiting } });
    this.#waiting = null;
    clearTimeout(this.#timers.overdue);
    this.#timers.overdue = setTimeout(() => {
      this.#due = 0;
      this.#send();
    }, OVERDUE_MS);
  }

  #tell(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #ended(code, opened) {
    this.#leave();
    if (code === GONE) this.#fire("gone");
    if (code === IDLE || code === GONE || REFUSED.has(code)) return;
    this.#tries += 1;
    if (!opened && this.#tries >= BROKEN_AFTER) this.#set({ broken: true });
    const wait = Math.min(FIRST_WAIT_MS * 2 ** (this.#tries - 1), LONGEST_WAIT_MS);
    this.#timers.again = setTimeout(() => this.#connect(), wait * (0.75 + Math.random() / 2));
  }

  #leave() {
    const socket = this.#socket;
    this.#socket = this.#waiting = null;
    this.#number = this.#pool = this.#due = this.#rested = 0;
    this.#items.clear();
    clearTimeout(this.#timers.overdue);
    socket?.close();
    this.#set({ ready: false });
  }

  #set({ ready = this.#ready, broken = this.broken }) {
    if (ready === this.#ready && broken === this.broken) return;
    [this.#ready, this.broken] = [ready, broken];
    this.#fire("live");
  }

  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
