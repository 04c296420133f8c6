// One control for one field of the configuration, made from what the engine says of it: kind, choices, bounds.
import { element, short } from "lab/dom";
import { words, known } from "lab/words";

/// Where a slider helps: its ends, and whether it goes by the logarithm or by a list. Other numbers get a box to type in.
const sliders = {
  "clip.c": { low: 0.0003, high: 1, log: true }, "critic.lambda": { low: 0.001, high: 100, log: true },
  "critic.learning_rate": { low: 1e-5, high: 0.1, log: true }, "generator.learning_rate": { low: 1e-5, high: 0.1, log: true },
  "train.critic_steps": { list: [1, 2, 3, 4, 5, 7, 10, 15, 20] }, "train.batch": { list: [16, 32, 64, 128, 256, 512] },
  "critic.width": { list: [4, 8, 16, 32, 64, 128, 256, 512] }, "generator.width": { list: [4, 8, 16, 32, 64, 128, 256, 512] },
  "critic.depth": { list: [0, 1, 2, 3, 4, 6, 8, 12, 20] }, "generator.depth": { list: [0, 1, 2, 3, 4, 6, 8, 12, 20] },
};

/// The slider's place as a value: by the logarithm rounded to 1, 2, 3, 5 or 7 times a power of ten.
function scaleOf({ low, high, log, list }) {
  let values = list;
  if (log) {
    values = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); ++power) {
      for (const digit of [1, 2, 3, 5, 7]) {
        const value = Number(`${digit}e${power}`);
        if (value >= low * 0.999 && value <= high * 1.001) values.push(value);
      }
    }
  }
  return { values, place: (v) => values.reduce((best, w, i) => (Math.abs(w - v) < Math.abs(values[best] - v) ? i : best), 0) };
}

const titleOf = (field) => known(`field.${field.key}`, field.key);
const textOf = (field) => known(`field.${field.key}.text`, field.text);

let made = 0;

/// A labelled control with the field's value; calls `change` with a new one. `mixed`: the two models differ.
export function control(field, value, change, { mixed = false, bare = false } = {}) {
  const id = `field-${++made}`;
  const input = { id, "data-key": field.key };
  let node;
  let output = null;
  if (field.kind === "flag") {
    node = element("input", { ...input, type: "checkbox", checked: value === true, onchange: (e) => change(e.target.checked) });
  } else if (field.kind === "word" && field.choices) {
    const choices = field.choices.includes(value) || mixed ? field.choices : [...field.choices, value];
    node = element("select", { ...input, onchange: (e) => change(e.target.value) },
      mixed ? element("option", { value: "", selected: true, disabled: true }, words("settings.differ")) : null,
      ...choices.map((c) => element("option", { value: c, selected: !mixed && c === value }, known(`choice.${c}`, c))));
  } else if (sliders[field.key]) {
    const scale = scaleOf(sliders[field.key]);
    output = element("output", { for: id, dir: "ltr" }, mixed ? words("settings.differ") : short(value));
    node = element("input", { ...input, type: "range", min: 0, max: scale.values.length - 1, step: 1, value: scale.place(value), "aria-valuetext": short(value),
      oninput: (e) => { output.textContent = short(scale.values[e.target.value]); e.target.setAttribute("aria-valuetext", output.textContent); },
      onchange: (e) => change(scale.values[e.target.value]) });
  } else {
    const number = field.kind !== "word";
    node = element("input", { ...input, type: number ? "number" : "text", value: mixed ? "" : value, placeholder: mixed ? words("settings.differ") : null, step: field.kind === "integer" ? 1 : "any",
      min: number ? field.low : null, max: number ? field.high : null, dir: "ltr",
      onchange: (e) => { if (e.target.value !== "") change(number ? Number(e.target.value) : e.target.value); } });
  }
  const label = element("label", { for: id, title: textOf(field) }, titleOf(field));
  // Most changes start the training anew; these do not.
  if (field.changeable) label.append(" ", element("small", { class: "goes-on", title: words("settings.goes-on.text") }, words("settings.goes-on")));
  if (bare) label.classList.add("away");
  return element("div", { class: `field ${field.kind}${output ? " slider" : ""}`, "data-field": field.key }, label, output, node);
}
