// The panel of settings: things to try, the data, and every field that the engine describes.
import { byId, element, keepingFocus } from "lab/dom";
import { words, known, onLanguage } from "lab/words";
import { session, on, open, adjust, usePreset } from "lab/session";
import { setValue, isOwn } from "lab/state";
import { presets, offered, presetTitle, presetText } from "lab/presets";
import { control } from "lab/fields";
import { paused } from "lab/player";
import { datasetIcon } from "lab/dataset_icon";
import { openDrawing } from "lab/draw_data";

/// Fields shown at once, in this order; the others are under "All settings", as the engine lists them.
const first = ["train.critic_steps", "critic.depth", "critic.width", "critic.norm", "critic.activation", "critic.optimizer", "critic.learning_rate", "generator.optimizer", "generator.learning_rate", "train.loss", "train.batch", "train.seed"];
/// Fields with a place of their own on the page: in the panel of data, above the planes.
const elsewhere = ["data.kind", "critic.constraint", "critic.lambda", "clip.c"];

/// Whose settings the panel changes: both models' or one's.
let side = "both";
const opened = { more: false };

const apply = ({ key, changeable }, value) => (changeable ? adjust(side, key, value) : paused(() => open((state) => setValue(state, side, key, value))));

function currentOf(key) {
  const values = session.opened.arms.map((arm) => arm.values[key]);
  if (side === "left" || values.length === 1) return { value: values[0], mixed: false };
  if (side === "right") return { value: values[1], mixed: false };
  return { value: values[0], mixed: values[0] !== values[1] };
}

function fieldControl(field) {
  const { value, mixed } = currentOf(field.key);
  return control(field, value, (v) => apply(field, v), { mixed });
}

function tries() {
  return element("section", { class: "panel" }, element("h2", {}, words("presets.title")),
    element("div", { class: "chips", role: "group", "aria-label": words("presets.title") }, ...offered().map((preset) =>
      element("button", { class: "chip", "data-key": `preset ${preset.name}`, "aria-pressed": String((session.state.preset || (isOwn(session.state) ? "" : "start")) === preset.name), title: presetText(preset), onclick: () => paused(() => usePreset(preset)) }, presetTitle(preset)))));
}

function data() {
  const { state, described } = session;
  const own = state.points || state.csv;
  const kind = session.opened.arms[0].values["data.kind"];
  const choose = (name) => paused(() => open((s) => { Object.assign(s, { points: null, csv: null }); setValue(s, "both", "data.kind", name); }));
  const entry = (name, label, pressed, onclick) => element("button", { class: "dataset", "data-key": `data ${name}`, "aria-pressed": String(pressed), title: label, onclick }, datasetIcon(name), element("span", {}, label));
  return element("section", { class: "panel" }, element("h2", {}, words("data.title")),
    element("div", { class: "datasets", role: "group", "aria-label": words("data.title") },
      ...described.datasets.filter((name) => name !== "file").map((name) => entry(name, known(`data.${name}`, name), !own && kind === name, () => choose(name))),
      entry("draw", words("data.draw"), Boolean(state.points), openDrawing),
      entry("file", state.csv ? words("data.csv.now") : words("data.csv"), Boolean(state.csv), () => byId("open-file").click())));
}

function sides() {
  const { arms } = session.opened;
  if (arms.length === 1) {
    side = "both";
    return null;
  }
  const entry = (value) => element("label", {}, element("input", { type: "radio", name: "side", "data-key": `side ${value}`, value, checked: side === value, onchange: () => { side = value; build(); } }), element("span", {}, words(`settings.${value}`)));
  return element("fieldset", { class: "segments" }, element("legend", { class: "away" }, words("settings.whose")), entry("both"), entry("left"), entry("right"));
}

function settings() {
  const { fields } = session.described;
  const shown = first.map((key) => fields.find((f) => f.key === key)).filter(Boolean);
  const rest = fields.filter((f) => !first.includes(f.key) && !elsewhere.includes(f.key));
  const two = element("label", { class: "check" }, element("input", { type: "checkbox", "data-key": "two", checked: session.opened.arms.length === 2, onchange: (e) => paused(() => open((s) => { s.arms = e.target.checked ? 2 : 1; })) }), " ", words("settings.two"));
  const more = element("details", { open: opened.more, ontoggle: (e) => { opened.more = e.target.open; } }, element("summary", {}, words("settings.more")), ...rest.map(fieldControl));
  return element("section", { class: "panel" }, element("h2", {}, words("settings.title")), sides(), ...shown.map(fieldControl), more, two, element("p", { class: "reading" }, words("settings.restart")));
}

function build() {
  if (!session.opened) return;
  const body = byId("settings-body");
  keepingFocus(body, () => body.replaceChildren(tries(), data(), settings()));
  for (const label of body.querySelectorAll("label[title]")) label.closest(".field").title = label.title;
}

/// The line above the planes that says what to look at.
function showWatch() {
  // The presets' texts compare two models.
  const alone = session.opened.arms.length === 1;
  const preset = alone ? null : presets(session.described).find((p) => p.name === session.state.preset);
  const own = alone || isOwn(session.state) ? words("watch.own") : words("preset.start.text");
  byId("watch-text").textContent = (preset && presetText(preset)) ?? own;
}

export function setUp() {
  on("opened", () => { build(); showWatch(); });
  for (const name of ["refused", "changed"]) on(name, () => { if (session.opened) build(); });
  onLanguage(() => { if (session.opened) { build(); showWatch(); } });
  const sheet = (shown) => {
    byId("settings").classList.toggle("shown", shown);
    byId("settings-open").setAttribute("aria-expanded", String(shown));
    if (shown) byId("settings-close").focus();
    else byId("settings-open").focus();
  };
  byId("settings-open").onclick = () => sheet(!byId("settings").classList.contains("shown"));
  byId("settings-close").onclick = () => sheet(false);
  byId("settings").addEventListener("keydown", (event) => { if (event.key === "Escape" && byId("settings").classList.contains("shown")) sheet(false); });
}
