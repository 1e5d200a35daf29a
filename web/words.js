// What the page says, in the language of who reads it.

import { FAULTS_KO } from "./faults-ko.js";
import { EN } from "./words-en.js";
import { KO } from "./words-ko.js";

const WORDS = { en: EN, ko: KO };

const remembered = localStorage.getItem("nungil-language");
let language = remembered in WORDS ? remembered : navigator.language.startsWith("ko") ? "ko" : "en";

export const languageNow = () => language;

export function switchLanguage() {
  language = language === "ko" ? "en" : "ko";
  localStorage.setItem("nungil-language", language);
}

export function say(key, ...values) {
  const words = WORDS[language][key];
  return typeof words === "function" ? words(...values) : words;
}

// An error of the API. detail: its own English words, which stand where there are no Korean ones.
export const fault = (slug, detail) => (language === "ko" && FAULTS_KO[slug]) || detail;

// A {ko, en} in the language of the page, or in the other where it has only that.
export const named = (name) => (name ? name[language] || name.ko || name.en || "" : "");

export function sayAll(root) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  for (const element of root.querySelectorAll("[data-label]")) element.ariaLabel = say(element.dataset.label);
  for (const element of root.querySelectorAll("[data-hint]")) element.placeholder = say(element.dataset.hint);
}

export const countryName = (code) => {
  try {
    return new Intl.DisplayNames([language], { type: "region" }).of(code);
  } catch {
    return code; // no code that this browser knows
  }
};

const formatOf = (currency) => new Intl.NumberFormat(language, { style: "currency", currency });

// How many minor units one unit of a currency has.
export const minorUnits = (currency) => 10 ** formatOf(currency).resolvedOptions().maximumFractionDigits;

export function price({ price_minor, currency }) {
  try {
    return formatOf(currency).format(price_minor / minorUnits(currency));
  } catch {
    return `${price_minor} ${currency}`;
  }
}

const SPANS = [["day", 86_400], ["hour", 3600], ["minute", 60]];

// "3 hours ago"
export function ago(time) {
  const seconds = (Date.now() - new Date(time)) / 1000;
  const [unit, length] = SPANS.find(([, length]) => seconds >= length) ?? ["second", Infinity];
  return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-Math.floor(seconds / length) || 0, unit);
}

// "21 November 2026"
export const day = (time) => new Intl.DateTimeFormat(language, { dateStyle: "long" }).format(new Date(time));

// To the second, as a receipt tells it.
export const when = (time) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(time));
