// Taking everything away, and erasing everything.

import * as api from "./api.js";
import { say } from "./words.js";

const $ = (id) => document.getElementById(id);

export function keepLeaving({ complain }) {
  $("export").href = api.EXPORT;

  const isTyped = () => $("erase-word").value.trim().toLowerCase() === say("eraseWord");

  function sayLeaving() {
    $("erase-how").textContent = say("eraseHow", say("eraseWord"));
    $("erase-all").disabled = !isTyped();
  }

  async function erase() {
    $("erase-all").disabled = true;
    try {
      const { receipt_id: id } = await api.eraseMe();
      location.assign(`${location.pathname}#receipt/${id}`);
      location.reload(); // nothing of what was shown stays in memory
    } catch (error) {
      complain(error);
      sayLeaving();
    }
  }

  $("erase-word").addEventListener("input", sayLeaving);
  $("erase").addEventListener("submit", (event) => {
    event.preventDefault();
    if (isTyped()) erase();
  });

  return { say: sayLeaving };
}
