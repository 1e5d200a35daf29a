// The receipt of an erasure: which stores have answered, who is missing, and a copy to take away. No key is needed to read it.

import * as api from "./api.js";
import { button, make } from "./make.js";
import { day, say, when } from "./words.js";

const AGAIN_MS = 1000;
const $ = (id) => document.getElementById(id);

export function keepReceipt({ complain }) {
  let receipt = null;
  let again = 0;

  async function show(id) {
    clearTimeout(again);
    receipt = null;
    $("receipt").replaceChildren();
    await look(id);
  }

  async function look(id) {
    receipt = await api.getReceipt(id);
    sayReceipt();
    if (receipt.missing.length && location.hash === `#receipt/${id}`) again = setTimeout(() => look(id).catch(complain), AGAIN_MS);
  }

  function sayReceipt() {
    if (!receipt) return;
    const said = say(receipt.missing.length ? "receiptWaits" : "receiptComplete");
    if ($("receipt-state").textContent !== said) $("receipt-state").textContent = said;
    const head = make("tr", {}, ...["receiptStore", "receiptCount", "receiptWhen"].map((key) => make("th", { scope: "col" }, say(key))));
    const rows = receipt.stores.map(row);
    const missing = receipt.missing.map(waiting);
    $("receipt").replaceChildren(
      make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows, ...missing)),
      make("p", { class: "faint" }, say("receiptId", receipt.receipt_id)),
      button(say("receiptTake"), take, { class: "button", id: "receipt-take" }),
    );
  }

  function row({ service, store, count, at, gone_by: goneBy }) {
    const gone = goneBy === at ? say("receiptGone") : say("receiptGoneBy", day(goneBy));
    return make("tr", {}, make("th", { scope: "row" }, `${service} · ${store}`), make("td", {}, String(count)), make("td", {}, `${when(at)} · ${gone}`));
  }

  function waiting({ service, store }) {
    return make("tr", { class: "faint" }, make("th", { scope: "row" }, `${service} · ${store}`), make("td", { colspan: 2 }, say("receiptMissing")));
  }

  function take() {
    const source = URL.createObjectURL(new Blob([JSON.stringify(receipt, null, 2)], { type: "application/json" }));
    make("a", { href: source, download: `nungil-erasure-${receipt.receipt_id}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(source));
  }

  return { show, say: sayReceipt };
}
