// Boards: all of them, or one with what is on it.

import * as api from "./api.js";
import { keepBoard } from "./board.js";
import { make } from "./make.js";
import { go } from "./views.js";
import { say } from "./words.js";

const $ = (id) => document.getElementById(id);

// complain(error), note(text), open(part): the page's. saving: of what "more like this board" finds.
export function keepBoards({ complain, note, open, saving }) {
  let answer = null;
  const board = keepBoard({ complain, note, open, saving, left: () => go("boards") ?? show("").catch(complain) });

  // id: of a board; "": all.
  async function show(id) {
    $("boards-all").hidden = Boolean(id);
    $("board").hidden = !id;
    if (id) return board.show(id);
    answer = await api.getBoards();
    sayBoards();
  }

  async function create(name) {
    const { id } = await api.createBoard(name);
    $("board-name").value = "";
    go(`boards/${id}`);
    await show(id);
  }

  $("board-new").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = $("board-name").value.trim();
    if (name) create(name).catch(complain);
  });

  function sayBoards() {
    board.say();
    if (!answer) return;
    const { boards, kept = [] } = answer;
    $("boards-list").replaceChildren(...boards.map(card));
    $("boards-none").hidden = boards.length > 0;
    $("boards-kept").hidden = !kept.length;
    $("boards-kept-list").replaceChildren(...kept.map(card));
  }

  return { show, say: sayBoards };
}

// The part that was saved last.
export const coverOf = ({ image }, width = 400) => make("img", { src: `${image}?width=${width}`, alt: "", loading: "lazy", decoding: "async" });

function card({ id, name, size, cover, shared }) {
  const picture = make("span", { class: "cover" }, cover ? coverOf(cover) : null);
  const facts = [say("pins", size), shared && say("shared")].filter(Boolean).join(" · ");
  return make("li", {}, make("a", { href: `#boards/${id}`, class: "board-card" }, picture, make("strong", {}, name), make("small", {}, facts)));
}
