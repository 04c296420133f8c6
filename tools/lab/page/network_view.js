// The critic as a diagram: each unit is a small picture of what it computes over the plane.
import { byId, element, short, sized, inSight, keepingFocus } from "lab/dom";
import { words, counted, onLanguage } from "lab/words";
import { ask } from "lab/engine";
import { session, on } from "lab/session";
import { labelOfArm } from "lab/arms";
import { isPlaying } from "lab/player";
import { drawField, drawReal, placing } from "lab/plane";
import { range } from "lab/contours";
import { onTheme } from "lab/colours";

const grid = 20;
const limit = 8;
let arm = 0;
let visible = false;
let layout = "";
let asked = 0;
let busy = false;
let large = null;

const coordinate = (axis) => Float32Array.from({ length: grid * grid }, (_, i) => (axis === 0 ? i % grid : Math.floor(i / grid)));
const silent = (field) => { const { low, high } = range(field); return high - low < 1e-9 * Math.max(1, Math.abs(high)); };

function paintUnit(canvas, field, side, lines = false) {
  const surface = sized(canvas);
  if (!surface) return null;
  const place = placing([0, 1, 0, 1], surface.width, surface.height);
  return drawField(surface.context, field, side, place, { lines });
}

function unitButton(layer, unit, name) {
  const title = layer === null ? name : words("network.unit", { layer: name, unit: unit + 1 });
  return element("button", { class: "unit", "data-layer": layer, "data-unit": unit, title, "aria-label": title, disabled: layer === null, onclick: layer === null ? null : () => enlarge(layer, unit, title) }, element("canvas", { "aria-hidden": "true" }));
}

function build(answer) {
  const { layers } = answer;
  const all = session.opened.arms[arm].layers;
  const column = (name, remark, buttons) => element("div", { class: buttons.length < 3 ? "layer single" : "layer" }, element("h3", { dir: "auto" }, name), element("small", { dir: "auto" }, remark), ...buttons);
  const columns = [column(words("network.input"), counted("network.units", 2), ["x", "y"].map((name, i) => unitButton(null, i, name)))];
  layers.forEach((layer, l) => {
    const count = all[l]?.units ?? layer.units;
    const last = l === layers.length - 1;
    columns.push(column(last ? words("network.output") : words("network.hidden", { n: l + 1 }), layer.units < count ? counted("network.some", count, { n: layer.units, of: count }) : counted("network.units", count), Array.from({ length: layer.units }, (_, u) => unitButton(l, u, last ? words("network.output") : words("network.hidden", { n: l + 1 })))));
  });
  const choice = session.opened.arms.length < 2 ? null : element("fieldset", { class: "segments" }, element("legend", { class: "away" }, words("slow.model")), ...session.opened.arms.map((_, k) => element("label", {}, element("input", { type: "radio", name: "network-arm", "data-key": `arm ${k}`, value: k, checked: k === arm, onchange: () => { arm = k; layout = ""; refresh(); } }), element("span", {}, labelOfArm(k)))));
  keepingFocus(byId("network-body"), () => byId("network-body").replaceChildren(...[choice].filter(Boolean), element("div", { class: "network", dir: "ltr", role: "group", "aria-label": words("network.title") }, ...columns)));
  rove(byId("network-body").querySelector(".network"));
}

/// One stop of the tab key for all units; arrow keys go from unit to unit.
function rove(diagram) {
  const units = [...diagram.querySelectorAll(".unit:not(:disabled)")];
  units.forEach((u, i) => { u.tabIndex = i === 0 ? 0 : -1; });
  diagram.onkeydown = (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const next = units[units.indexOf(document.activeElement) + by];
    if (!next) return;
    event.preventDefault();
    document.activeElement.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  };
}

async function refresh() {
  if (!session.opened || !visible || busy) return;
  busy = true;
  asked = performance.now();
  if (arm >= session.opened.arms.length) arm = 0;
  const { generation } = session;
  try {
    const answer = await ask("units", { arm, grid, limit });
    if (generation !== session.generation) return;
    const shape = `${arm} ${answer.layers.map((l) => l.units).join()} ${generation}`;
    if (shape !== layout) build(answer);
    layout = shape;
    const buttons = [...byId("network-body").querySelectorAll(".unit")];
    buttons.slice(0, 2).forEach((b, i) => paintUnit(b.firstChild, coordinate(i), grid));
    buttons.slice(2).forEach((b, i) => {
      const field = answer.arrays.units.subarray(i * grid * grid, (i + 1) * grid * grid);
      const never = silent(field);
      b.classList.toggle("silent", never);
      paintUnit(b.firstChild, field, grid, false);
      if (never) b.title = `${b.getAttribute("aria-label")}: ${words("network.silent")}`;
    });
    if (large) await drawLarge();
  } finally {
    busy = false;
  }
}

async function drawLarge() {
  const answer = await ask("unit", { arm, layer: large.layer, unit: large.unit, grid: 64 });
  if (!large) return;
  const surface = sized(large.canvas);
  if (!surface) return;
  const place = placing(session.opened.box, surface.width, surface.height);
  const { low, high } = drawField(surface.context, answer.arrays.field, 64, place);
  drawReal(surface.context, session.opened.arrays.real, place);
  large.values.textContent = silent(answer.arrays.field) ? words("network.silent") : words("network.values", { low: short(low), high: short(high) });
}

async function enlarge(layer, unit, title) {
  const dialog = byId("unit-dialog");
  const canvas = element("canvas", { role: "img", "aria-label": title });
  const values = element("p", { class: "reading" });
  dialog.replaceChildren(element("h2", { id: "unit-title" }, title), element("div", { class: "plane" }, canvas), values, element("p", { class: "reading" }, words("network.large")), element("p", { class: "buttons" }, element("button", { class: "primary", onclick: () => dialog.close() }, words("close"))));
  dialog.onclose = () => { large = null; };
  dialog.showModal();
  large = { layer, unit, canvas, values };
  await drawLarge();
}

export function setUp() {
  inSight(byId("network"), (seen) => { visible = seen; if (seen) refresh(); });
  on("opened", () => { layout = ""; byId("unit-dialog").close(); });
  on("framed", () => { if ((visible || large) && (!isPlaying() || performance.now() - asked > 500)) refresh(); });
  onLanguage(() => { layout = ""; refresh(); });
  onTheme(() => refresh());
}
