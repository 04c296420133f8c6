// Three looks into the critics: where the weights lie, the gradient norms between the samples, and what gradient reaches each layer.
import { byId, inSight, short } from "lab/dom";
import { words, onLanguage } from "lab/words";
import { session, on, wish, look } from "lab/session";
import { labelOfArm } from "lab/arms";
import { isPlaying } from "lab/player";
import { armColours, onTheme } from "lab/colours";
import { figure, axis, draw, marks, sweep } from "lab/figures";

let figures = {};
let visible = false;
let drawn = 0;
let measured = 0;

function build() {
  const count = session.opened.arms.length;
  figures = { weights: figure("hist.weights", "hist.weights", undefined, count), norms: figure("hist.norms", "hist.norms"), layers: figure("hist.layers", "hist.layers") };
  byId("histograms").replaceChildren(...Object.values(figures).map((f) => f.node));
  sweep();
  refresh();
}

const steps = (label, data, colour, extra = {}) => ({ label, data, stepped: "middle", fill: "origin", pointRadius: 0, borderWidth: 1.6, borderColor: colour, backgroundColor: `${colour}33`, ...extra });
const small = { ticks: { maxTicksLimit: 5 } };

function weights(k, colour) {
  const counts = session.frame.arrays[`weights${k}`];
  const about = session.frame.arms[k]?.weights;
  if (!counts || !about) return;
  const total = counts.reduce((a, b) => a + b, 0) || 1;
  const width = (about.high - about.low) / about.bins;
  const data = Array.from(counts, (n, i) => ({ x: about.low + (i + 0.5) * width, y: n / total }));
  const room = 0.06 * (about.high - about.low);
  draw(figures.weights.canvases[k], { type: "line", data: { datasets: [steps(labelOfArm(k), data, colour)] },
    plugins: [marks(() => { const c = session.frame?.arms[k]?.weights?.c; return c ? [[-c, "-c"], [c, "+c"]] : []; })],
    options: { scales: { x: { type: "linear", min: about.low - room, max: about.high + room, ...axis(k === session.opened.arms.length - 1 ? words("hist.weights.unit") : ""), ...small }, y: { beginAtZero: true, ...axis(words("hist.share")), ticks: { maxTicksLimit: 4 } } } } });
}

/// Shares of gradient norms by their logarithm, from 1/1000 to 1000; what lies outside counts at the ends.
function binned(norms) {
  const bins = 48, low = -3, high = 3;
  const counts = new Array(bins).fill(0);
  for (const n of norms) if (!Number.isNaN(n)) counts[Math.max(0, Math.min(bins - 1, Math.floor(((Math.log10(Math.max(n, 1e-30)) - low) / (high - low)) * bins)))] += 1 / norms.length;
  return counts.map((y, i) => ({ x: 10 ** (low + ((i + 0.5) / bins) * (high - low)), y }));
}

const power = (value) => (Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6 ? short(value) : "");

function refresh() {
  const { frame, opened } = session;
  if (!frame || !opened || !figures.norms) return;
  drawn = performance.now();
  const colours = armColours(opened.arms);
  const arms = opened.arms.map((_, k) => k);
  const dash = (k) => (k === 1 ? { borderDash: [6, 3] } : {});
  arms.forEach((k) => weights(k, colours[k]));
  const norms = arms.filter((k) => frame.arrays[`norms${k}`]).map((k) => steps(labelOfArm(k), binned(frame.arrays[`norms${k}`]), colours[k], dash(k)));
  if (norms.length > 0) {
    draw(figures.norms.canvases[0], { type: "line", data: { datasets: norms }, plugins: [marks(() => [[1, "1"]])],
      options: { scales: { x: { type: "logarithmic", min: 1e-3, max: 1e3, ...axis(words("hist.norms.unit")), ticks: { callback: power, maxRotation: 0 } }, y: { beginAtZero: true, ...axis(words("hist.share")), ...small } } } });
  }
  const layers = arms.filter((k) => frame.arrays[`layers${k}`]);
  if (layers.length > 0) {
    const longest = layers.map((k) => frame.arms[k].layers).reduce((a, b) => (a.length >= b.length ? a : b));
    draw(figures.layers.canvases[0], { type: "bar", data: { labels: longest.map((_, i) => i + 1), datasets: layers.map((k) => ({ label: labelOfArm(k), data: Array.from(frame.arrays[`layers${k}`], (v) => (v > 0 ? v : null)), backgroundColor: k === 1 ? `${colours[k]}aa` : colours[k], borderColor: colours[k], borderWidth: 1 })) },
      options: { scales: { x: axis(words("hist.layers.layer")), y: { type: "logarithmic", ...axis(words("hist.layers.unit")), ticks: { callback: power } } } } });
  }
}

export function setUp() {
  // While it plays, the numbers and these charts are renewed a few times a second, so that not every frame measures them.
  const rested = (since, milliseconds) => !isPlaying() || performance.now() - since > milliseconds;
  wish(() => (visible && rested(drawn, 300) ? ["weights", "norms", "layers"] : []));
  wish(() => (rested(measured, 200) ? ["norms"] : []));
  inSight(byId("histograms"), (seen) => {
    const before = visible;
    visible = seen;
    if (seen && !before && session.opened && !isPlaying()) look();
  });
  on("opened", build);
  on("framed", ({ parts }) => {
    if (parts.includes("norms")) measured = performance.now();
    if (visible && parts.includes("layers")) refresh();
  });
  onLanguage(() => { if (session.opened) build(); });
  onTheme(() => { if (session.opened) build(); });
}
