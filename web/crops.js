// The part of a picture under a box, cut by the browser.

import { imageOf } from "./api.js";
import { make } from "./make.js";

const NARROWEST = 0.6;
const FLATTEST = 1.1;
const WHOLE = { x: 0, y: 0, width: 1, height: 1 };

// The middle of a box that would be too flat or too narrow to show beside others. aspect: of the whole picture.
function bounded({ x, y, width, height }, aspect) {
  const shape = (aspect * width) / height;
  const kept = { width: width * Math.min(1, FLATTEST / shape), height: height * Math.min(1, shape / NARROWEST) };
  return { ...kept, x: x + (width - kept.width) / 2, y: y + (height - kept.height) / 2 };
}

// source: where the picture is, if not among those that the person may see by its id.
export function crop(mediaId, box, { source = imageOf(mediaId, 600) } = {}) {
  const image = make("img", { src: source, alt: "", loading: "lazy", decoding: "async" });
  const frame = make("span", { class: "crop" }, image);
  image.addEventListener("load", () => {
    const part = bounded(box ?? WHOLE, image.naturalWidth / image.naturalHeight);
    frame.style.aspectRatio = (part.width * image.naturalWidth) / (part.height * image.naturalHeight);
    image.style.width = `${100 / part.width}%`;
    image.style.left = `${(-100 * part.x) / part.width}%`;
    image.style.top = `${(-100 * part.y) / part.height}%`;
  });
  image.addEventListener("error", () => frame.closest("li")?.remove()); // deleted meanwhile
  return frame;
}
