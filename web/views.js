// Which view is shown, by the address: "#interests", "#boards/<id>", "#shared/<token>". Any other is a picture to find with.

const VIEWS = new Set(["interests", "boards", "for-you", "shared", "receipt"]);

// {view, id} of an address's hash. id: of the picture, the board, the link or the receipt; "": none.
export function placeOf(hash) {
  const [view, ...rest] = hash.replace(/^#/, "").split("/");
  return VIEWS.has(view) ? { view, id: rest.join("/") } : { view: "find", id: view };
}

export const placeNow = () => placeOf(location.hash);

// Shows the sections of a view and hides the others.
export function display({ view }) {
  document.body.dataset.view = view;
  for (const section of document.querySelectorAll("[data-of-view]")) section.hidden = section.dataset.ofView !== view;
  for (const link of document.querySelectorAll(".views a")) {
    const current = placeOf(link.hash).view === (view === "shared" ? "boards" : view === "receipt" ? "interests" : view);
    if (current) link.ariaCurrent = "page";
    else link.ariaCurrent = null;
  }
}

// The address says another place from now on, which is displayed; nobody is told.
export function go(hash, { instead = false } = {}) {
  const address = `${location.pathname}${hash ? `#${hash}` : ""}`;
  if (location.hash.replace(/^#/, "") !== hash) history[instead ? "replaceState" : "pushState"](null, "", address);
  display(placeNow());
}
