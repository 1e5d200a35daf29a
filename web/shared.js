// A board that someone shared, by its link. No key is needed, so nothing else of the API is asked.

import * as api from "./api.js";
import { Card } from "./cards.js";
import { button } from "./make.js";
import { say } from "./words.js";

const $ = (id) => document.getElementById(id);

export function keepShared({ complain, note }) {
  let board = null;
  let token = "";

  async function show(link) {
    [token, board] = [link, null];
    sayShared();
    try {
      board = await api.getSharedBoard(token);
    } catch (error) {
      if (error.status !== 404) throw error;
      $("shared-title").textContent = say("sharedGone");
      return;
    }
    sayShared();
  }

  async function more() {
    const { pins, next_cursor } = await api.getSharedBoard(token, board.next_cursor);
    board = { ...board, pins: [...board.pins, ...pins], next_cursor };
    sayShared();
  }

  async function keep() {
    await api.keepBoard(token);
    note(say("boardKept"));
  }

  $("shared-keep").addEventListener("click", () => keep().catch(complain));

  function sayShared() {
    $("shared-keep").hidden = !board;
    $("shared-title").textContent = board?.name ?? "";
    $("shared-pins").replaceChildren(...(board?.pins ?? []).map(pinCard));
    $("shared-none").hidden = !board || board.pins.length > 0;
    $("shared-more").replaceChildren(...(board?.next_cursor ? [button(say("more"), () => more().catch(complain), { class: "button quiet more" })] : []));
  }

  return { show, say: sayShared };
}

function pinCard(pin) {
  const card = new Card({ ...pin, score: 0, same: true }, () => {});
  card.heart.remove();
  card.look.disabled = true;
  if (!pin.item) card.title.hidden = true;
  return card.element;
}
