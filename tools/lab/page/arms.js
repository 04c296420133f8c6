// The two models side by side: what bounds each critic, its plane, and its numbers.
import { byId, element, short, sized, keepingFocus } from "lab/dom";
import { words, counted, known, onLanguage } from "lab/words";
import { session, on, open, look, wish } from "lab/session";
import { setValue, layers } from "lab/state";
import { control } from "lab/fields";
import { drawPlane } from "lab/plane";
import { armColours, rampGradient, normGradient, onTheme, palette } from "lab/colours";
import { paused, isPlaying, position } from "lab/player";

let cards = [];
const titleOfArm = (arm) => constraintTitle(session.opened.arms[arm].values["critic.constraint"], session.opened.arms[arm].title);
const constraintTitle = (name, otherwise) => known(`constraint.${name}`, otherwise ?? session.described.constraints.find((c) => c.name === name)?.title ?? name);
/// The constraint's title, and what tells the two models apart where they have the same one.
export function labelOfArm(arm) {
  const { arms } = session.opened;
  const title = titleOfArm(arm);
  const same = arms.length === 2 && titleOfArm(0) === titleOfArm(1);
  return same ? `${title} (${words(arm === 0 ? "left" : "right")})` : title;
}

const change = (arm, key, value) => paused(() => open((state) => setValue(state, arm === 0 ? "left" : "right", key, value)));

/// The numbers that belong to a constraint: lambda where it weighs a term of the loss, and fields that have its name.
function strengths(values) {
  const parts = values["critic.constraint"].split("+");
  const { fields, constraints } = session.described;
  const weighed = parts.some((p) => constraints.find((c) => c.name === p)?.penalty);
  const own = fields.filter((f) => f.kind !== "flag" && parts.some((p) => f.key.startsWith(`${p}.`)));
  return [...own, ...fields.filter((f) => weighed && f.key === "critic.lambda")];
}

function card(opened, arm) {
  const { values } = opened;
  const name = values["critic.constraint"];
  const choices = session.described.constraints.map((c) => c.name);
  if (!choices.includes(name)) choices.push(name);
  const menu = element("select", { "data-key": "constraint", "aria-label": words(arm === 0 ? "arm.left" : "arm.right"), onchange: (e) => change(arm, "critic.constraint", e.target.value) },
    ...choices.map((c) => element("option", { value: c, selected: c === name }, constraintTitle(c))));
  const canvas = element("canvas", { role: "img" });
  const overlay = element("p", { class: "diverged", hidden: true });
  const scale = element("p", { class: "scale" });
  const numbers = element("dl", { class: "numbers" });
  const said = session.described.constraints.find((c) => c.name === name)?.text;
  const node = element("article", { class: "arm", "data-arm": arm },
    element("header", {}, element("h2", {}, element("span", { class: "swatch", "aria-hidden": "true" }), menu),
      ...strengths(values).map((field) => control(field, values[field.key], (v) => change(arm, field.key, v)))),
    element("div", { class: "plane" }, canvas, scale, overlay),
    numbers);
  menu.title = known(`constraint.${name}.text`, said ?? "");
  return { node, canvas, overlay, scale, numbers };
}

function build() {
  const { arms } = session.opened;
  cards = arms.map(card);
  keepingFocus(byId("planes"), () => byId("planes").replaceChildren(...cards.map((c) => c.node)));
  byId("planes").classList.toggle("one", arms.length === 1);
  colour();
  warn();
  showNumbers();
}

function colour() {
  armColours(session.opened.arms).forEach((c, k) => cards[k].node.style.setProperty("--arm", c));
  document.documentElement.style.setProperty("--ramp", rampGradient());
  document.documentElement.style.setProperty("--norms", normGradient());
  for (const [name, key] of [["--real", "real"], ["--real-edge", "realEdge"], ["--fake", "fake"], ["--fake-edge", "fakeEdge"]]) document.documentElement.style.setProperty(name, palette()[key]);
}

function warn() {
  const list = byId("warnings");
  const { arms } = session.opened;
  const items = arms.flatMap((arm, k) => arm.warnings.map((text) => (arms.length === 2 ? `${labelOfArm(k)}: ${text}` : text)));
  list.replaceChildren(...[...new Set(items)].map((text) => element("li", {}, text)));
  list.hidden = items.length === 0;
}

let drawn = [];
function drawPlanes() {
  const { opened, frame, state } = session;
  if (!opened) return;
  drawn = cards.map(({ canvas }, arm) => drawPlane(sized(canvas), { box: opened.box, frame, arm, real: opened.arrays.real, show: state.show }));
  session.diverged.forEach((text, arm) => {
    if (!cards[arm]) return;
    cards[arm].overlay.hidden = !text;
    cards[arm].overlay.textContent = text ? words("arm.diverged", { text }) : "";
  });
}

const median = (values) => (values && values.length > 0 ? Float32Array.from(values).sort()[values.length >> 1] : null);

/// Numbers of one model: name, value, a remark.
export function numbersOf(arm) {
  const { evaluations, frame, history, opened } = session;
  const last = evaluations.at(-1) && evaluations.filter((e) => e.step <= session.step).at(-1);
  const found = last?.arms[arm];
  const at = history.steps.findLastIndex((s) => s <= session.step);
  const rows = [];
  if (found && found.w1 !== null) rows.push(["w1", short(found.w1), last.floor > 0 ? counted("number.floors", short(found.w1 / last.floor, 2)) : ""]);
  if (found && found.modes !== null && opened.modes > 0) rows.push(["modes", `${found.modes} / ${opened.modes}`, found.quality === null ? "" : words("number.quality", { n: Math.round(100 * found.quality) })]);
  rows.push(["estimate", at >= 0 ? short(history.arms[arm].estimate[at]) : "-", ""]);
  const norms = frame?.arrays[`norms${arm}`];
  if (norms) rows.push(["norm", short(median(norms), 2), words("number.norm.wish")]);
  return rows;
}

/// The estimate's title, with what it is in units of the distance: divided by the largest gradient norm measured.
function estimateTitle(arm) {
  const norms = session.frame?.arrays[`norms${arm}`];
  const largest = norms ? norms.reduce((a, b) => Math.max(a, b), 0) : 0;
  const at = session.history.steps.findLastIndex((s) => s <= session.step);
  if (!(largest > 0) || at < 0) return words("number.estimate.text");
  return `${words("number.estimate.text")} ${words("number.estimate.scaled", { norm: short(largest), n: short(session.history.arms[arm].estimate[at] / largest) })}`;
}

let shown = 0;
function showNumbers() {
  if (!session.history) return;
  // While it plays, five times a second are enough to read.
  if (isPlaying() && performance.now() - shown < 200) return;
  shown = performance.now();
  cards.forEach(({ numbers, canvas, scale }, arm) => {
    const rows = numbersOf(arm);
    numbers.replaceChildren(...rows.map(([key, value, remark]) => element("div", {}, element("dt", { title: key === "estimate" ? estimateTitle(arm) : words(`number.${key}.text`) }, words(`number.${key}`)), element("dd", {}, element("b", { dir: "ltr" }, value), " ", element("small", {}, remark)))));
    const { range, longest } = drawn[arm] ?? {};
    const said = [];
    if (range && session.state.show.has("field")) said.push(element("span", { dir: "ltr", title: words("number.range") }, "D ", short(range.low, 2), element("i", { class: "ramp" }), short(range.high, 2)));
    if (longest !== undefined && session.state.show.has("arrows")) said.push(element("span", {}, words("number.arrow"), " ", element("bdi", {}, short(longest, 2))));
    scale.replaceChildren(...said);
    canvas.setAttribute("aria-label", words("arm.described", { title: labelOfArm(arm), at: position(), numbers: rows.map(([key, value]) => `${words(`number.${key}`)} ${value}`).join("; ") }));
  });
}

/// The legend of the plane; each of its entries shows or hides what it explains.
function buildShow() {
  keepingFocus(byId("show"), () => byId("show").replaceChildren(...offered().map((layer, i) => element("button", { class: "chip", "data-key": layer, "data-layer": layer, "aria-pressed": String(session.state.show.has(layer)), title: `${words(`show.${layer}.text`)} (${i + 1})`, onclick: () => toggleLayer(layer) },
    ...symbols(layer), element("span", {}, words(`show.${layer}`))))));
}

/// The colours of gradient norms, with what they mean.
/// The colours run from left to right in every language.
export const normScale = () => [element("span", { class: "scale-key", dir: "ltr" }, element("small", {}, "< 1"), element("i", { class: "mark norms", "aria-hidden": "true" }), element("small", {}, "> 1"))];

function symbols(layer) {
  const mark = (kind) => element("i", { class: `mark ${kind}`, "aria-hidden": "true" });
  if (layer === "samples") return [mark("real"), element("span", {}, words("show.real")), mark("fake")];
  if (layer === "interpolates") return [...normScale()];
  return [mark(layer)];
}

/// Those layers that the engine can answer for.
export const offered = () => layers.filter((layer) => layer !== "manifold" || session.described.parts?.includes("manifold"));

export async function toggleLayer(layer) {
  if (!offered().includes(layer)) return;
  const { show } = session.state;
  if (!show.delete(layer)) show.add(layer);
  buildShow();
  drawPlanes();
  if (!isPlaying()) await look();
}

export function setUp() {
  wish(() => [...session.state.show].filter((l) => offered().includes(l)));
  wish(() => (session.state.show.has("arrows") || session.state.show.has("plan") ? ["samples"] : []));
  on("opened", () => { build(); buildShow(); drawPlanes(); });
  on("framed", () => { drawPlanes(); showNumbers(); });
  on("evaluated", showNumbers);
  onLanguage(() => { if (session.opened) { build(); buildShow(); drawPlanes(); } });
  onTheme(() => { if (session.opened) { colour(); drawPlanes(); } });
  new ResizeObserver(() => drawPlanes()).observe(byId("planes"));
}
