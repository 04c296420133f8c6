// Every text of the page, in the language chosen. A language is one file: words/LANGUAGE.json.
import { element } from "lab/dom";

const all = JSON.parse(document.getElementById("words").textContent);
let current = "en";
let models = 2;
const plurals = {};
const listeners = [];

/// A text that speaks of two models has a second form, KEY.alone, for a page that shows one.
const formOf = (texts, key) => (models === 1 ? texts?.[`${key}.alone`] : undefined) ?? texts?.[key];
const found = (key) => formOf(all[current], key) ?? formOf(all.en, key);
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

/// The text of a key, with {name} replaced by the value of that name.
export const words = (key, values = {}) => filled(found(key) ?? key, values);

/// The text of a key for a count: KEY.one, KEY.other and what else the language's rules for plurals tell apart.
export function counted(key, count, values = {}) {
  plurals[current] ??= new Intl.PluralRules(current);
  const form = `${key}.${plurals[current].select(Number(count))}`;
  return filled(all[current]?.[form] ?? found(`${key}.other`) ?? key, { n: count, ...values });
}

/// The text of a key, or `otherwise`: the engine has texts of its own, in English, for what this page does not know.
export const known = (key, otherwise) => found(key) ?? otherwise;

/// How many models the page shows, one or two.
export function setModels(count) {
  if (count === models) return;
  models = count;
  fill();
}

export const language = () => current;
export const dictionary = () => ({ ...all.en, ...all[current] });
const languages = () => Object.keys(all);
export const rightToLeft = () => words("language.direction") === "rtl";
export const onLanguage = (listener) => listeners.push(listener);

/// The user's languages, best first, of those that the page has.
export function preferred() {
  const wanted = (navigator.languages ?? [navigator.language]).map((l) => l.slice(0, 2));
  return wanted.find((l) => l in all) ?? "en";
}

/// Fills the elements that name their texts: data-words (content), data-words-label (aria-label), data-words-title.
export function fill(root = document) {
  for (const node of root.querySelectorAll("[data-words]")) node.textContent = words(node.dataset.words);
  for (const node of root.querySelectorAll("[data-words-label]")) node.setAttribute("aria-label", words(node.dataset.wordsLabel));
  for (const node of root.querySelectorAll("[data-words-title]")) node.title = words(node.dataset.wordsTitle);
}

export function setLanguage(code) {
  current = code in all ? code : "en";
  document.documentElement.lang = current;
  document.documentElement.dir = words("language.direction");
  fill();
  for (const listener of listeners) listener();
}

/// The choices of a language menu, each in its own language.
export function languageOptions() {
  return languages().map((code) => element("option", { value: code, lang: code, selected: code === current }, all[code]["language.name"] ?? code));
}
