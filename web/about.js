// What a person says of themselves, and what it may be used for. Nothing of it is ever inferred.

import * as api from "./api.js";
import { button, make } from "./make.js";
import { say } from "./words.js";

const CHOICES = {
  age_band: ["under_20", "20s", "30s", "40s", "50s", "60_or_over"],
  gender: ["woman", "man", "nonbinary"],
  hair: ["straight", "wavy", "curly", "coily"],
  skin_type: ["dry", "oily", "combination", "normal", "sensitive"],
};
const PURPOSES = ["recommendations", "segments", "ads"];
const LONGEST_STYLE = 200;
const $ = (id) => document.getElementById(id);

// changed(): what is stated is another.
export function keepAbout({ complain, note, changed }) {
  let about = null;
  $("about").addEventListener("submit", (event) => {
    event.preventDefault();
    put(stated(new FormData($("about")))).catch(complain);
  });

  async function show() {
    about = await api.getAbout();
    sayAbout();
  }

  async function put(said) {
    about = await api.putAbout(said);
    sayAbout();
    note(say("aboutKept"));
    await changed();
  }

  async function forget() {
    await api.forgetAbout();
    note(say("aboutForgotten"));
    await Promise.all([show(), changed()]);
  }

  function sayAbout() {
    if (!about) return;
    const choices = Object.entries(CHOICES).map(([name, values]) => choice(name, values));
    const style = make("input", { name: "style", maxlength: LONGEST_STYLE, value: about.style });
    const purposes = PURPOSES.map((purpose) => {
      const box = make("input", { type: "checkbox", name: "purposes", value: purpose });
      box.checked = about.purposes?.includes(purpose) ?? false;
      return make("label", { class: "choice" }, box, ` ${say(`purpose_${purpose}`)}`);
    });
    $("about").replaceChildren(
      ...choices,
      make("label", {}, make("span", {}, say("about_style")), style),
      make("fieldset", {}, make("legend", {}, say("aboutFor")), ...purposes),
      make("div", { class: "acts" }, make("button", { class: "button" }, say("keep")), button(say("aboutForget"), () => forget().catch(complain))),
    );
  }

  function choice(name, values) {
    const options = values.map((value) => make("option", { value }, say(`${name}_${value}`)));
    const select = make("select", { name }, make("option", { value: "" }, say("unsaid")), ...options);
    select.value = about[name] ?? "";
    return make("label", {}, make("span", {}, say(`about_${name}`)), select);
  }

  return { show, say: sayAbout };
}

// What was filled in; what was left out is not told.
function stated(form) {
  const words = [...Object.keys(CHOICES), "style"].map((name) => [name, form.get(name)?.trim()]).filter(([, value]) => value);
  return { ...Object.fromEntries(words), purposes: form.getAll("purposes") };
}
