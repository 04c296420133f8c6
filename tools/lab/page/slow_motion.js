// One critic update in stages: what each computes, its numbers for one sample, what it does to the plane, and its code.
import { byId, element, short, sized, keepingFocus } from "lab/dom";
import { words, known, onLanguage } from "lab/words";
import { ask } from "lab/engine";
import { session, on, look, evaluate, tell } from "lab/session";
import { labelOfArm, normScale } from "lab/arms";
import { halt } from "lab/player";
import { say } from "lab/announce";
import { formula } from "lab/formulas";
import { drawStage, nearest } from "lab/slow_plane";
import { onTheme, changeColour } from "lab/colours";
import { range } from "lab/contours";

const sources = JSON.parse(byId("sources")?.textContent || "null") ?? {};
let update = null;
let arm = null;
let sample = 0;
let chosen = false;  // by a person: otherwise the first sample that lies on the plane
let stage = 0;
let stale = true;

/// The first sample whose points are all on the plane that is drawn; the first of all where there is none.
function firstOnPlane(arrays) {
  const [left, right, bottom, top] = session.opened.box;
  const clouds = ["batch_real", "batch_fake", "batch_at"].map((name) => arrays[name]).filter(Boolean);
  const inside = (cloud, i) => cloud[2 * i] > left && cloud[2 * i] < right && cloud[2 * i + 1] > bottom && cloud[2 * i + 1] < top;
  const count = arrays.batch_real.length / 2;
  for (let i = 0; i < count; ++i) if (clouds.every((cloud) => inside(cloud, i))) return i;
  return 0;
}

/// Asks for the next update of the chosen model and shows its first stage, or the one that was shown.
export async function begin({ keep = false } = {}) {
  await halt();
  const { opened } = session;
  if (arm === null || arm >= opened.arms.length) arm = opened.arms.length - 1;
  const { generation } = session;
  let answer = await ask("slow", { arm, sample });
  if (!chosen) {
    const visible = firstOnPlane(answer.arrays);
    if (visible !== sample) answer = await ask("slow", { arm, sample: sample = visible });
  }
  if (generation !== session.generation) return;
  const before = update?.stages[stage]?.id;
  update = answer;
  stale = false;
  stage = keep ? Math.max(0, answer.stages.findIndex((s) => s.id === before)) : 0;
  session.state.slow = true;
  build();
  sayStage();
}

const which = () => words("slow.which", { n: update.update + 1, of: update.updates, step: (update.step ?? session.step) + 1 });
/// Says which update and stage is open, and within a step what Play would do.
function sayStage() {
  const ends = session.update > 0 ? ` ${words("player.ends", { step: session.step + 1 })}` : "";
  say(`${which()}. ${labelOfArm(arm)}, ${words(`stage.${update.stages[stage].id}`)}.${ends}`);
}

async function apply() {
  const answer = await ask("slow_apply");
  Object.assign(session, { step: answer.step, update: answer.update });
  tell("stepped", answer);
  await look();
  if (answer.update === 0) await evaluate();
  await begin();
}

const go = (to) => { stage = Math.max(0, Math.min(update.stages.length - 1, to)); build(); sayStage(); };
export const active = () => update !== null && !stale;
export const move = (by) => active() && go(stage + by);

/// Symbols of formulas stay as they are; what the engine says in words is translated.
const symbol = (name) => known(`symbol.${name}`, name);

function number({ symbol: name, value }) {
  const text = Array.isArray(value) ? `(${value.map((v) => short(v)).join(", ")})` : typeof value === "string" ? value : short(value);
  return element("div", {}, element("dt", {}, element("bdi", {}, symbol(name))), element("dd", { dir: "ltr" }, text));
}

/// Rows of numbers, one a layer, each in the colour of its size within the table.
function table({ symbol: name, rows }) {
  const { low, high } = range(rows.flatMap((r) => r.values));
  const reach = Math.max(Math.abs(low), Math.abs(high)) || 1;
  const cell = (v) => element("td", { style: `background: rgb(${changeColour((0.7 * v) / reach).join(" ")})` }, short(v, 2));
  const title = known(`table.${name}`, name);
  const columns = Math.max(...rows.map((r) => r.values.length));
  // Of gradients the columns are: of the scores' loss, of the penalty, of both; without a penalty there is one thing to say.
  const shown = name === "gradients" && columns < 3 ? 1 : columns;
  const heads = name === "gradients" && shown === 3 ? ["scores", "penalty", "both"].map((c) => element("th", { scope: "col" }, words(`table.${c}`))) : [];
  return element("div", { class: "table", tabindex: "0", role: "group", "aria-label": title }, element("table", {}, element("caption", {}, title),
    heads.length > 0 ? element("thead", {}, element("tr", {}, element("td"), ...heads)) : null,
    element("tbody", {}, ...rows.map((r) => element("tr", {}, element("th", { scope: "row" }, layerName(r.layer)), ...r.values.slice(0, shown).map(cell))))));
}

function layerName(name) {
  const hidden = /^hidden (\d+)$/.exec(name);
  return hidden ? words("network.hidden", { n: hidden[1] }) : name === "output" ? words("network.output") : name;
}

function code(now) {
  const found = [sources[`${now.id}.${now.optimizer}`] ?? sources[now.id] ?? []].flat();
  return found.map(({ file, line, text }) => element("figure", { class: "code", dir: "ltr" }, element("figcaption", {}, `${file}:${line}`), element("pre", { tabindex: "0" }, element("code", {}, text))));
}

function armChoice() {
  if (session.opened.arms.length < 2) return null;
  return element("fieldset", { class: "segments" }, element("legend", { class: "away" }, words("slow.model")), ...session.opened.arms.map((_, k) => element("label", {}, element("input", { type: "radio", name: "slow-arm", "data-key": `arm ${k}`, value: k, checked: k === arm, onchange: () => { arm = k; begin({ keep: true }); } }), element("span", {}, labelOfArm(k)))));
}

function empty() {
  byId("slow-body").replaceChildren(element("p", { class: "center" }, element("button", { class: "primary", onclick: () => begin() }, words(update ? "slow.again" : "slow.begin"))));
}

function build() {
  if (!session.opened) return;
  if (!active()) { empty(); return; }
  const { stages } = update;
  const now = stages[stage];
  const list = element("ol", { class: "stages" }, ...stages.map((s, i) => element("li", {}, element("button", { "aria-current": i === stage ? "step" : null, class: i < stage ? "done" : "", "data-key": `stage${i}`, onclick: () => go(i) }, words(`stage.${s.id}`)))));
  const canvas = element("canvas", { role: "img", "aria-label": words(`stage.${now.id}.plane`) });
  const picker = element("input", { type: "number", min: 0, max: update.samples - 1, value: update.sample, "data-key": "sample", onchange: (e) => { chosen = true; sample = Math.max(0, Math.min(update.samples - 1, Math.floor(Number(e.target.value) || 0))); begin({ keep: true }); } });
  const { values } = session.opened.arms[arm];
  const math = formula(now.id, values);
  const { constraints, losses } = session.described;
  // What this page has no formula for, the engine explains in its own words.
  const explained = now.id === "penalty" ? constraints.find((c) => c.name === values["critic.constraint"]) : now.id === "forward" ? losses.find((l) => l.name === values["train.loss"]) : null;
  const formulaNode = element("div", { class: "formula", dir: "ltr" });
  formulaNode.innerHTML = math;
  if (!math && explained) formulaNode.textContent = explained.text;
  const last = stage === stages.length - 1;
  const next = element("button", { class: "primary", "data-key": "next", onclick: () => (last ? apply() : go(stage + 1)) }, words(last ? "slow.apply" : "slow.next"));
  const back = element("button", { "data-key": "back", disabled: stage === 0, onclick: () => go(stage - 1) }, words("slow.back"));
  keepingFocus(byId("slow-body"), () => byId("slow-body").replaceChildren(
    element("div", { class: "slow-head" }, armChoice(), element("span", {}, which(), session.update > 0 ? element("small", {}, `. ${words("player.ends", { step: session.step + 1 })}`) : null), element("label", {}, words("slow.sample"), " ", picker)),
    list,
    element("div", { class: "slow-main" },
      element("div", { class: "slow-plane" }, element("div", { class: "plane" }, canvas), element("p", { class: "reading" }, words(`stage.${now.id}.plane`)), legend(now.id)),
      element("div", { class: "slow-text", "aria-live": "polite" }, element("h3", {}, words(`stage.${now.id}`)), element("p", {}, words(`stage.${now.id}.text`)), formulaNode,
        element("dl", { class: "numbers" }, ...now.numbers.map(number)), ...(now.tables ?? []).map(table), ...code(now),
        element("p", { class: "buttons" }, back, next)))));
  canvas.onclick = (event) => {
    const found = nearest(event, canvas, update, session.opened.box);
    if (found !== null) { chosen = true; sample = found; begin({ keep: true }); }
  };
  // On a phone the stages are one row that scrolls: the present one is brought to its middle.
  const [row, here] = [list.getBoundingClientRect(), list.querySelector("[aria-current]").getBoundingClientRect()];
  list.scrollLeft += here.left + here.width / 2 - row.left - row.width / 2;
  draw();
}

function legend(id) {
  const entry = (kind, text) => element("span", {}, element("i", { class: `mark ${kind}`, "aria-hidden": "true" }), " ", text);
  if (id === "update" || id === "clip") return element("p", { class: "key" }, entry("change", words("slow.change")));
  const batch = ["input_gradient", "penalty", "second_backward"].includes(id);
  const entries = batch ? [] : [entry("real", words("show.real")), entry("fake", words("show.fake"))];
  entries.push(entry("chosen", words("slow.chosen")));
  if (batch || id === "interpolate") entries.push(element("span", { class: "scale-key" }, ...normScale(), " ", words("show.interpolates")));
  return element("p", { class: "key" }, ...entries);
}

function draw() {
  const canvas = byId("slow-body").querySelector("canvas");
  if (canvas && active()) drawStage(sized(canvas), update.stages[stage].id, update, session.opened.box);
}

export function setUp() {
  const outdated = () => {
    if (stale) return;
    stale = true;
    session.state.slow = false;
    build();
  };
  on("opened", () => { chosen = false; sample = 0; update = null; stale = true; build(); });
  for (const name of ["trained", "back"]) on(name, outdated);
  // The stages were computed with the settings from before a change.
  on("changed", () => { if (active()) begin({ keep: true }); });
  onLanguage(build);
  onTheme(() => { if (session.opened) build(); });
  new ResizeObserver(draw).observe(byId("slow-body"));
}
