// <nungil-stage>: a picture, its dots, and the frame that says which part is meant.
// Fires "frame" with {box, settled}: settled is false while the frame still moves.

import { named, say } from "./words.js";

const SMALLEST = 0.05;
const STEP = 0.02;
const APART = 0.09;
const CORNERS = ["nw", "ne", "sw", "se"];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export const WHOLE = { x: 0, y: 0, width: 1, height: 1 };

const centreOf = ({ box }) => [box.x + box.width / 2, box.y + box.height / 2];

// Whether the name above this one's dot would lie on another's dot, or on a name of those before it.
function crowded(region, regions, before) {
  const [x, y] = centreOf(region);
  const beside = (other, [wide, from, to]) => {
    const [dx, dy] = [Math.abs(centreOf(other)[0] - x), centreOf(other)[1] - y];
    return other !== region && dx < wide && dy > from && dy < to;
  };
  return regions.some((other) => beside(other, [0.2, -0.2, -0.02])) || before.some((other) => beside(other, [0.32, -0.09, 0.09]));
}

// Without those whose dot would lie on another's.
function apart(regions) {
  const kept = [];
  for (const region of regions) {
    const [x, y] = centreOf(region);
    if (kept.every((other) => Math.hypot(centreOf(other)[0] - x, centreOf(other)[1] - y) > APART)) kept.push(region);
  }
  return kept;
}

class Stage extends HTMLElement {
  #box = WHOLE;
  #regions = [];
  #drag = null;
  #settling = 0;

  connectedCallback() {
    if (this.firstChild) return;
    const corners = CORNERS.map((corner) => `<span class="corner ${corner}" data-corner="${corner}"></span>`).join("");
    this.innerHTML = `
      <div class="picture">
        <img alt="" draggable="false">
        <div class="dim"><div class="hole"></div></div>
        <div class="dots"></div>
        <div class="frame" tabindex="0" role="group">${corners}</div>
      </div>`;
    this.picture = this.querySelector(".picture");
    this.image = this.querySelector("img");
    this.hole = this.querySelector(".hole");
    this.dots = this.querySelector(".dots");
    this.frame = this.querySelector(".frame");
    this.picture.addEventListener("pointerdown", (event) => this.#grab(event));
    this.picture.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) this.picture.addEventListener(end, (event) => this.#release(event));
    this.image.addEventListener("load", () => {
      this.picture.style.setProperty("--aspect", this.image.naturalWidth / this.image.naturalHeight);
    });
    this.frame.addEventListener("keydown", (event) => this.#press(event));
  }

  get box() {
    return this.#box;
  }

  // busy: the picture is shown, and cannot be searched with yet.
  show({ source, alt = "", regions = [], box = null, busy = false }) {
    if (this.image.getAttribute("src") !== source) this.image.src = source;
    this.image.alt = alt;
    this.toggleAttribute("busy", busy);
    this.#regions = apart(regions.filter((region) => region.n > 0));
    this.#place(box ?? WHOLE);
    this.say();
  }

  // In the language of the page.
  say() {
    this.frame.ariaLabel = say("frameHow");
    this.dots.replaceChildren(
      ...this.#regions.map((region, n) => {
        const { x, y, width, height } = region.box;
        const dot = document.createElement("button");
        const name = named(region.labels[0]?.name);
        dot.type = "button";
        dot.className = "dot";
        dot.ariaLabel = say("region", name || say("picture"));
        dot.dataset.name = name;
        dot.classList.toggle("crowded", crowded(region, this.#regions, this.#regions.slice(0, n)));
        dot.style.left = `${(x + width / 2) * 100}%`;
        dot.style.top = `${(y + height / 2) * 100}%`;
        dot.addEventListener("click", () => this.choose(region.box));
        return dot;
      }),
    );
    this.#mark();
  }

  // As if the person had put the frame there.
  choose(box) {
    this.#place(box);
    this.#tell(true);
  }

  #place(box) {
    const width = clamp(box.width, SMALLEST, 1);
    const height = clamp(box.height, SMALLEST, 1);
    this.#box = { x: clamp(box.x, 0, 1 - width), y: clamp(box.y, 0, 1 - height), width, height };
    for (const element of [this.frame, this.hole]) {
      element.style.left = `${this.#box.x * 100}%`;
      element.style.top = `${this.#box.y * 100}%`;
      element.style.width = `${this.#box.width * 100}%`;
      element.style.height = `${this.#box.height * 100}%`;
    }
    this.#mark();
  }

  #mark() {
    const same = (a, b) => ["x", "y", "width", "height"].every((side) => Math.abs(a[side] - b[side]) < 0.005);
    this.#regions.forEach((region, i) => this.dots.children[i]?.classList.toggle("on", same(region.box, this.#box)));
  }

  #tell(settled) {
    this.dispatchEvent(new CustomEvent("frame", { detail: { box: this.#box, settled } }));
  }

  #at(event) {
    const { left, top, width, height } = this.picture.getBoundingClientRect();
    return { x: (event.clientX - left) / width, y: (event.clientY - top) / height };
  }

  #grab(event) {
    if (event.button !== 0 || event.target.closest(".dot") || this.hasAttribute("busy")) return;
    const on = event.target.closest(".frame");
    if (!on && event.pointerType === "touch") {
      this.#tapped = { ...this.#at(event), id: event.pointerId }; // a finger beside the frame may want to scroll
      return;
    }
    event.preventDefault();
    this.frame.focus({ preventScroll: true });
    this.picture.setPointerCapture(event.pointerId);
    const from = this.#at(event);
    this.#drag = { id: event.pointerId, corner: event.target.dataset?.corner ?? (on ? null : "new"), from, box: this.#box, moved: false };
    this.toggleAttribute("moving", true);
  }

  #tapped = null;

  #move(event) {
    const drag = this.#drag;
    if (drag?.id !== event.pointerId) return;
    const at = this.#at(event);
    const dx = at.x - drag.from.x;
    const dy = at.y - drag.from.y;
    drag.moved ||= Math.hypot(dx, dy) > 0.005;
    if (!drag.moved) return;
    if (drag.corner === null) this.#place({ ...drag.box, x: drag.box.x + dx, y: drag.box.y + dy });
    else this.#stretch(drag, at);
    this.#tell(false);
  }

  #stretch({ corner, from, box }, at) {
    const fixed =
      corner === "new" ? from : { x: corner.includes("w") ? box.x + box.width : box.x, y: corner.includes("n") ? box.y + box.height : box.y };
    const x = clamp(at.x, 0, 1);
    const y = clamp(at.y, 0, 1);
    const width = Math.max(Math.abs(x - fixed.x), SMALLEST);
    const height = Math.max(Math.abs(y - fixed.y), SMALLEST);
    this.#place({ x: x < fixed.x ? fixed.x - width : fixed.x, y: y < fixed.y ? fixed.y - height : fixed.y, width, height });
  }

  #release(event) {
    const tapped = this.#tapped;
    this.#tapped = null;
    if (tapped?.id === event.pointerId && event.type === "pointerup") {
      const size = { width: Math.min(this.#box.width, 0.4), height: Math.min(this.#box.height, 0.4) };
      this.choose({ ...size, x: tapped.x - size.width / 2, y: tapped.y - size.height / 2 });
      return;
    }
    const drag = this.#drag;
    if (drag?.id !== event.pointerId) return;
    this.#drag = null;
    this.toggleAttribute("moving", false);
    if (drag.moved) this.#tell(true);
  }

  #press(event) {
    if (event.key === "Escape") {
      this.choose(WHOLE);
      return;
    }
    const arrow = ARROWS[event.key];
    if (!arrow) return;
    event.preventDefault();
    const [dx, dy] = arrow.map((direction) => direction * STEP);
    const { x, y, width, height } = this.#box;
    this.#place(event.shiftKey ? { x, y, width: Math.min(width + dx, 1 - x), height: Math.min(height + dy, 1 - y) } : { x: x + dx, y: y + dy, width, height });
    this.#tell(false);
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#tell(true), 600);
  }
}

customElements.define("nungil-stage", Stage);
