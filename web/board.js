// One board: what is on it, its name and place, its link, and more like it.

import * as api from "./api.js";
import { Card } from "./cards.js";
import "./hits.js";
import { button, form, make } from "./make.js";
import { say } from "./words.js";

const MORE = 24;
const LONGEST_NAME = 80;
const $ = (id) => document.getElementById(id);

// left(): the board is no more, or was left.
export function keepBoard({ complain, note, open, saving, left }) {
  let board = null;
  let others = [];
  let link = ""; // told once, when it is made
  let moreSaid = ""; // the key of what is said above what is like the board
  const hits = $("board-hits");

  const trying = (does) => async () => {
    try {
      await does();
    } catch (error) {
      complain(error);
    }
  };

  async function show(id) {
    if (board?.id !== id) [board, link] = [null, ""];
    moreSaid = "";
    hits.show(null);
    const [own, all] = await Promise.all([api.getBoard(id), api.getBoards()]);
    [board, others] = [own, all.boards];
    sayBoard();
  }

  async function more() {
    board = await withMore(board);
    sayBoard();
  }

  async function change(does) {
    await does();
    const all = board.pins.length;
    board = await api.getBoard(board.id);
    while (board.next_cursor && board.pins.length < all) board = await withMore(board);
    others = (await api.getBoards()).boards;
    sayBoard();
  }

  async function share() {
    const { url } = await api.shareBoard(board.id);
    link = new URL(url, location.origin).href;
    await change(async () => {});
    $("share-link").select();
  }

  async function unshare() {
    if (!confirm(say("unshareSure"))) return;
    link = "";
    await change(() => api.unshareBoard(board.id));
  }

  async function remove() {
    if (!confirm(say("boardDeleteSure", board.name))) return;
    await api.deleteBoard(board.id);
    board = null;
    left();
  }

  async function drop() {
    await api.dropKeptBoard(board.id);
    board = null;
    left();
  }

  async function lookForMore() {
    hits.setAttribute("aria-busy", "true");
    try {
      const found = await api.moreLikeBoard(board.id, { limit: MORE });
      hits.show(found);
      moreSaid = found.hits.length ? "boardMoreFound" : "boardMoreNone";
      sayMore();
    } finally {
      hits.removeAttribute("aria-busy");
    }
  }

  function sayMore() {
    $("board-more-head").hidden = !moreSaid;
    $("board-more-head").textContent = moreSaid && say(moreSaid);
  }

  hits.addEventListener("open", ({ detail }) => open(detail));
  hits.addEventListener("save", ({ detail: { hit } }) => saving.toggle(hit));
  hits.addEventListener("leave", ({ detail: { hit } }) => {
    api.noteActivity({ kind: "clicked_out", media_id: hit.media_id, item_id: hit.item?.id ?? "" }).catch(complain);
  });
  saving.addEventListener("saved", () => hits.saySaved(saving.saved));

  // In the language of the page.
  function sayBoard() {
    if (!board) return;
    $("board-title").textContent = board.name;
    $("board-acts").replaceChildren(...(board.pins.length ? [button(say("boardMore"), trying(lookForMore), { class: "button", id: "board-more" })] : []), ...([board.own ? changing() : button(say("boardDrop"), trying(drop))]));
    $("board-link").replaceChildren(...(link ? linkShown() : []));
    $("pins").replaceChildren(...board.pins.map(pinCard));
    $("board-none").hidden = board.pins.length > 0;
    $("pins-more").replaceChildren(...(board.next_cursor ? [button(say("more"), trying(more), { class: "button quiet more" })] : []));
    sayMore();
    hits.say();
  }

  function linkShown() {
    const field = make("input", { id: "share-link", readonly: true, value: link, "aria-label": say("shareLink") });
    const copy = async () => {
      await navigator.clipboard.writeText(link);
      note(say("copied"));
    };
    return [make("p", { class: "faint" }, say("shareHow")), make("div", { class: "naming" }, field, button(say("copy"), trying(copy), { class: "button quiet small" }))];
  }

  function changing() {
    const at = others.findIndex(({ id }) => id === board.id);
    const move = (by) => trying(() => change(() => api.changeBoard(board.id, { position: at + by })));
    const rename = (elements) => trying(() => change(() => api.changeBoard(board.id, { name: elements.own.value.trim() })))();
    const name = make("input", { name: "own", value: board.name, maxlength: LONGEST_NAME, required: true, "aria-label": say("boardName") });
    const shared = board.shared ? button(say("unshare"), trying(unshare), { class: "button quiet small" }) : null;
    const acts = [
      button(say(board.shared ? "shareAgain" : "share"), trying(share), { class: "button quiet small", id: "board-share" }),
      shared,
      at > 0 ? button(say("boardEarlier"), move(-1)) : null,
      at < others.length - 1 ? button(say("boardLater"), move(1)) : null,
      button(say("boardDelete"), trying(remove)),
    ];
    const naming = form({ class: "naming" }, [name, make("button", { class: "button quiet small" }, say("rename"))], rename);
    return make("details", { class: "correcting" }, make("summary", {}, say("boardChange")), naming, make("div", { class: "acts" }, ...acts));
  }

  function pinCard(pin, at) {
    const card = new Card({ ...pin, score: 0, same: true }, (name, detail) => name === "open" && open(detail));
    card.heart.remove();
    card.look.disabled = !pin.media_id; // another person's
    if (!pin.item) card.title.hidden = true;
    if (pin.note) card.element.append(make("p", { class: "why" }, pin.note));
    if (board.own) card.element.append(pinActs(pin, at));
    card.element.dataset.pin = pin.id;
    return card.element;
  }

  function pinActs(pin, at) {
    const put = (changed) => trying(() => change(() => api.changePin(board.id, pin.id, changed)));
    const elsewhere = others.filter(({ id }) => id !== board.id);
    const move = make("select", { "aria-label": say("moveTo") }, make("option", { value: "" }, say("moveTo")), ...elsewhere.map(({ id, name }) => make("option", { value: id }, name)));
    move.addEventListener("change", () => put({ board_id: move.value })());
    const step = (by, key, sign) => button(sign, put({ position: at + by }), { "aria-label": say(key), title: say(key) });
    const acts = [
      at > 0 ? step(-1, "pinEarlier", "‹") : null,
      at < board.pins.length - 1 ? step(1, "pinLater", "›") : null,
      elsewhere.length ? move : null,
      button(say("unsave"), trying(() => change(() => api.removePin(board.id, pin.id)))),
    ];
    return make("div", { class: "acts" }, ...acts);
  }

  return { show, say: sayBoard };
}

// With the next page of its pins.
async function withMore(board) {
  const { pins, next_cursor } = await api.getBoard(board.id, board.next_cursor);
  return { ...board, pins: [...board.pins, ...pins], next_cursor };
}
