// Curves over the steps: the distance and its estimate for each model, and what the two have in common to compare.
import { byId, inSight } from "lab/dom";
import { words, onLanguage } from "lab/words";
import { session, on } from "lab/session";
import { labelOfArm } from "lab/arms";
import { armColours, palette, onTheme } from "lab/colours";
import { applyLook, figure, axis, draw, marks, sweep, thinned } from "lab/figures";

let figures = {};
let visible = false;
let due = false;
let drawn = 0;

function build() {
  applyLook();
  const list = session.opened.arms.map((_, k) => [`distance${k}`, figure(`distance${k}`, "chart.distance", words("chart.distance.title", { title: labelOfArm(k) }))]);
  for (const name of ["modes", "penalty", "time", "generator"]) {
    if (name === "modes" && !(session.opened.modes > 0)) continue;
    list.push([name, figure(`chart.${name}`, `chart.${name}`)]);
  }
  figures = Object.fromEntries(list);
  byId("charts").replaceChildren(...list.map(([, f]) => f.node));
  sweep();
  refresh(true);
}

const now = marks(() => (session.history?.steps.at(-1) > session.step ? [[session.step, words("chart.now")]] : []));
const line = (label, data, colour, extra = {}) => ({ label, data, borderColor: colour, backgroundColor: colour, borderWidth: 1.8, pointRadius: 0, spanGaps: false, ...extra });

function options(yTitle, y = {}, legend = true) {
  const end = Math.max(20, session.history.steps.at(-1) ?? 0);
  return { scales: { x: { type: "linear", min: 0, max: end, ...axis(words("chart.step")), ticks: { maxTicksLimit: 6 } }, y: { ...axis(yTitle), ticks: { maxTicksLimit: 6 }, ...y } },
    plugins: { legend: { display: legend } }, interaction: { mode: "nearest", axis: "x", intersect: false } };
}

function distance(k, colour) {
  const { ink, soft } = palette();
  const { history, evaluations } = session;
  const measured = evaluations.filter((e) => e.arms[k] && e.arms[k].w1 !== null);
  const estimate = thinned(history.steps, history.arms[k].estimate);
  const highest = Math.max(0.1, ...measured.map((e) => e.arms[k].w1), ...measured.map((e) => e.floor));
  const floor = evaluations.at(-1)?.floor;
  const end = Math.max(20, history.steps.at(-1) ?? 0);
  // The estimate of an unbounded critic would press everything else flat: it may leave the chart.
  const reach = Math.max(...estimate.map((p) => p.y ?? 0), 0), least = Math.min(...estimate.map((p) => p.y ?? 0), 0);
  const datasets = [line(words("chart.w1"), measured.map((e) => ({ x: e.step, y: e.arms[k].w1 })), colour, { pointRadius: measured.length > 40 ? 0 : 2.5, borderWidth: 2.4 }),
    line(words("chart.estimate"), estimate, soft, { borderWidth: 1.2 })];
  if (typeof floor === "number") datasets.push(line(words("chart.floor"), [{ x: 0, y: floor }, { x: end, y: floor }], ink, { borderDash: [6, 5], borderWidth: 1.2 }));
  draw(figures[`distance${k}`].canvases[0], { type: "line", data: { datasets }, plugins: [now],
    options: options(words("chart.distance.unit"), { min: Math.max(least, -0.5 * highest), max: 1.1 * Math.max(highest, Math.min(reach, 2 * highest)) }) });
}

/// One curve for each model, the right one's dashed, so that they differ without colour.
function both(name, pointsOf, unit, y = {}, muted = false) {
  if (!figures[name]) return;
  const colours = armColours(session.opened.arms);
  const datasets = session.opened.arms.map((_, k) => line(labelOfArm(k), pointsOf(k), muted ? palette().soft : colours[k], k === 1 ? { borderDash: [7, 3] } : {}));
  draw(figures[name].canvases[0], { type: "line", data: { datasets }, options: options(unit, y), plugins: [now] });
}

function refresh(force = false) {
  if (!visible && !force) { due = true; return; }
  due = false;
  drawn = performance.now();
  const { history, evaluations, opened, times } = session;
  const colours = armColours(opened.arms);
  opened.arms.forEach((_, k) => distance(k, colours[k]));
  both("modes", (k) => evaluations.filter((e) => e.arms[k] && e.arms[k].modes !== null).map((e) => ({ x: e.step, y: e.arms[k].modes })), words("chart.modes.unit"), { min: 0, max: opened.modes });
  both("penalty", (k) => thinned(history.steps, history.arms[k].penalty), words("chart.penalty.unit"), { beginAtZero: true });
  both("generator", (k) => thinned(history.steps, history.arms[k].generator_loss), words("chart.generator.unit"), {}, true);
  draw(figures.time.canvases[0], { type: "line", data: { datasets: [line(words("chart.time.label"), thinned(times.map((t) => t.step), times.map((t) => t.milliseconds)), palette().ink)] }, options: options(words("chart.time.unit"), { beginAtZero: true }, false), plugins: [now] });
}

const soon = () => { if (performance.now() - drawn > 300) refresh(); else due = true; };

export function setUp() {
  applyLook();
  inSight(byId("charts"), (seen) => { visible = seen; if (seen && due && session.opened) refresh(); });
  on("opened", build);
  for (const name of ["trained", "evaluated"]) on(name, soon);
  on("back", () => refresh());
  on("playing", (playing) => { if (!playing && session.opened) refresh(); });
  setInterval(() => { if (due && visible && session.opened) refresh(); }, 400);
  onLanguage(() => { if (session.opened) build(); });
  onTheme(() => { if (session.opened) build(); });
}
