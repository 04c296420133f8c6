// Draws the report from the JSON inside the page. One function a kind of figure; figures whose numbers were not measured
// are left out.
"use strict";

// Constraints without a colour of their own, in the order in which they come.
const others = dark ? ["#b39ddb", "#ffab91", "#80cbc4", "#e6ee9c"] : ["#5e35b1", "#a1440f", "#00695c", "#827717"];
const further = [...new Set(data.runs.map((r) => r.constraint))].filter((c) => !(c in colours));
const colourOf = (run) => (dark ? bright : colours)[run.constraint] || others[further.indexOf(run.constraint) % others.length];
const nameOf = (run) => run.title;

/// The last measured value of a key.
function last(run, key) {
  for (let i = run.lines.length - 1; i >= 0; --i) if (run.lines[i][key] !== undefined && run.lines[i][key] !== null) return run.lines[i][key];
  return undefined;
}

/// Where and why a run diverged, or undefined.
const divergence = (run) => run.lines.find((l) => typeof l.diverged === "string");
/// Whether the run's data lie in the plane, where W1 is measured.
const inPlane = (run) => last(run, "w1") !== undefined;
const points = (run, key) => run.lines.filter((l) => typeof l[key] === "number").map((l) => ({ x: l.step, y: l[key] }));
/// ", critic.lambda 0.1": what else than its constraint and seed tells a run or a cell from the others.
const valuesOf = (run) => Object.entries(run.values).map(([key, value]) => `, ${key} ${value}`).join("");

function label(run, runs) {
  const name = nameOf(run) + valuesOf(run);
  return runs.filter((r) => nameOf(r) + valuesOf(r) === name).length === 1 ? name : `${name}, seed ${run.seed}`;
}

/// Curves of one metric over steps, with dashed references.
function curves(grid, runs, { key, title, reading, unit, references = [], logarithmic = false, muted = false }) {
  const datasets = [];
  for (const run of runs) {
    const values = points(run, key).filter((p) => !logarithmic || p.y > 0);
    if (values.length === 0) continue;
    datasets.push({ label: label(run, runs), data: values, borderColor: muted ? soft : colourOf(run), backgroundColor: muted ? soft : colourOf(run),
      borderWidth: 1.8, pointRadius: values.length > 40 ? 0 : 2.5, borderDash: muted && run.constraint === "clip" ? [2, 2] : [] });
  }
  if (datasets.length === 0) return;
  const steps = Math.max(...datasets.flatMap((d) => d.data.map((p) => p.x)));
  for (const { y, text } of references) {
    if (typeof y !== "number") continue;
    datasets.push({ label: text, data: [{ x: 0, y }, { x: steps, y }], borderColor: ink, borderDash: [6, 5], borderWidth: 1.2, pointRadius: 0 });
  }
  const { node, canvas } = figure(title, reading);
  grid.append(node);
  new Chart(canvas, { type: "line", data: { datasets },
    options: { scales: { x: { type: "linear", ...axis("step") }, y: { type: logarithmic ? "logarithmic" : "linear", ...axis(unit) } },
      plugins: { legend: { labels: { boxHeight: 2 } } }, interaction: { mode: "nearest", axis: "x", intersect: false } } });
}

/// Vertical dashed lines at given values of a linear x axis.
const markers = (values) => ({ id: "markers", afterDraw(chart) {
  const { ctx, chartArea: area, scales } = chart;
  ctx.save();
  ctx.strokeStyle = ink;
  ctx.setLineDash([6, 5]);
  for (const value of values) {
    const x = scales.x.getPixelForValue(value);
    if (x < area.left || x > area.right) continue;
    ctx.beginPath();
    ctx.moveTo(x, area.top);
    ctx.lineTo(x, area.bottom);
    ctx.stroke();
  }
  ctx.restore();
} });

/// A histogram {low, high, counts} as steps of shares.
function steps(histogram) {
  const total = histogram.counts.reduce((a, b) => a + b, 0) || 1;
  const width = (histogram.high - histogram.low) / histogram.counts.length;
  return histogram.counts.map((n, i) => ({ x: histogram.low + (i + 0.5) * width, y: n / total }));
}

function histograms(grid, runs, { title, reading, unit, histogramOf, marks }) {
  const found = runs.map((run) => [run, histogramOf(run)]).filter(([, h]) => h && h.counts && h.high > h.low && h.counts.some((n) => n > 0));
  if (found.length === 0) return;
  const { node, canvas } = figure(title, reading);
  grid.append(node);
  new Chart(canvas, { type: "line",
    data: { datasets: found.map(([run, h]) => ({ label: label(run, runs), data: steps(h), stepped: "middle", fill: true, pointRadius: 0, borderWidth: 1.5,
      borderColor: colourOf(run), backgroundColor: colourOf(run) + "33" })) },
    options: { scales: { x: { type: "linear", ...axis(unit) }, y: { beginAtZero: true, ...axis("share") } }, plugins: { legend: { labels: { boxHeight: 2 } } } },
    plugins: [markers(marks)] });
}

/// Bars of one number per layer.
function layers(grid, runs, { title, reading, unit, valuesOf, logarithmic }) {
  const found = runs.map((run) => [run, valuesOf(run)]).filter(([, v]) => v && v.length > 0);
  if (found.length === 0) return;
  const labels = found[0][1].map((v) => v.name);
  const { node, canvas } = figure(title, reading);
  grid.append(node);
  new Chart(canvas, { type: "bar",
    data: { labels, datasets: found.map(([run, values]) => ({ label: label(run, runs), data: values.map((v) => (logarithmic && v.value <= 0 ? null : v.value)), backgroundColor: colourOf(run) })) },
    options: { scales: { x: axis("layer"), y: { type: logarithmic ? "logarithmic" : "linear", ...axis(unit) } } } });
}

function summary(runs) {
  const keys = Object.keys(runs[0].values);
  const head = ["constraint", ...keys, "seed", "exact W1", "floor", "modes", "high quality", "critic estimate", "gradient norm", "saturated", "ms / step", "steps"];
  const body = runs.map((run) => {
    const modes = last(run, "modes");
    const cells = [...keys.map((key) => run.values[key]), run.seed, fixed(last(run, "w1")), fixed(last(run, "w1_floor")), modes === undefined ? "-" : `${modes}/${last(run, "mode_count")}`,
      fixed(last(run, "high_quality")), fixed(last(run, "critic_estimate")), fixed(last(run, "gradient_norm_mean")), fixed(last(run, "saturation")),
      fixed(last(run, "step_milliseconds"), 2), `${last(run, "step") ?? 0} of ${run.steps}${divergence(run) ? ", diverged" : ""}`];
    const swatch = element("span", { class: "swatch", style: `background:${colourOf(run)}`, "aria-hidden": "true" });
    return element("tr", {}, element("td", {}, swatch, nameOf(run)), ...cells.map((c) => element("td", {}, String(c))));
  });
  return element("div", { class: "table" }, element("table", {}, element("thead", {}, element("tr", {}, ...head.map((h) => element("th", { scope: "col" }, h)))), element("tbody", {}, ...body)));
}

/// The median of a metric over a cell's seeds, or undefined.
const median = (cell, key) => cell.metrics[key]?.median;

/// Runs that differ in their seeds alone, as one row: medians, and the mean of W1 with its interval.
function cellTable(cells, keys) {
  const head = ["constraint", ...keys, "seeds", "W1, median", "W1, mean [95 %]", "floor", "modes", "high quality", "gradient norm", "saturated", "ms / step"];
  const body = cells.map((cell) => {
    const w1 = cell.metrics.w1;
    const mean = !w1 ? "-" : w1.low === null ? fixed(w1.mean) : `${fixed(w1.mean)} [${fixed(w1.low)}, ${fixed(w1.high)}]`;
    const ends = [cell.diverged ? `${cell.diverged} diverged` : "", cell.missing ? `${cell.missing} missing` : ""].filter((text) => text);
    const values = [...keys.map((key) => String(cell.values[key])), [String(cell.finished), ...ends].join(", "), fixed(median(cell, "w1")), mean, fixed(median(cell, "w1_floor")),
      median(cell, "modes") === undefined ? "-" : `${median(cell, "modes")}/${median(cell, "mode_count")}`, fixed(median(cell, "high_quality")), fixed(median(cell, "gradient_norm_mean")),
      fixed(median(cell, "saturation")), fixed(median(cell, "step_milliseconds"), 2)];
    const swatch = element("span", { class: "swatch", style: `background:${colourOf(cell)}`, "aria-hidden": "true" });
    return element("tr", {}, element("td", {}, swatch, cell.title), ...values.map((v) => element("td", {}, v)));
  });
  return element("div", { class: "table" }, element("table", {}, element("thead", {}, element("tr", {}, ...head.map((h) => element("th", { scope: "col" }, h)))), element("tbody", {}, ...body)));
}

const linesShown = 8;  // of a sweep's chart

/// W1 against the values of one key: a line of medians for each combination of constraint and other values, every seed as a
/// point, and the range from the least to the greatest of them.
function sweepChart(grid, cells, runs, key, keys) {
  const others = keys.filter((other) => other !== key);
  const lineOf = (run) => JSON.stringify([run.constraint, ...others.map((other) => run.values[other])]);
  const lines = new Map();
  for (const cell of cells.filter((c) => c.metrics.w1)) lines.set(lineOf(cell), [...(lines.get(lineOf(cell)) || []), cell]);
  if (lines.size === 0) return;
  const values = [...new Set(cells.map((cell) => cell.values[key]))];
  const numeric = values.every((value) => typeof value === "number");
  const logarithmic = numeric && values.every((value) => value > 0) && Math.max(...values) / Math.min(...values) >= 20;
  const x = (run) => (numeric ? run.values[key] : values.indexOf(run.values[key]));
  const chosen = [...lines.values()].slice(0, linesShown);
  const datasets = chosen.flatMap((line, i) => {
    const first = line[0], alone = chosen.filter((other) => other[0].constraint === first.constraint).length === 1;
    const palette = Object.values(dark ? bright : colours);
    const colour = alone ? colourOf(first) : palette[i % palette.length];
    const sorted = [...line].sort((a, b) => x(a) - x(b));
    const points = runs.filter((run) => run.state === "finished" && typeof run.w1 === "number" && lineOf(run) === lineOf(first)).map((run) => ({ x: x(run), y: run.w1 }));
    const edge = { borderWidth: 0, pointRadius: 0, backgroundColor: colour + "26", borderColor: colour };
    return [
      { label: first.title + others.map((other) => `, ${other} ${first.values[other]}`).join(""), data: sorted.map((cell) => ({ x: x(cell), y: cell.metrics.w1.median })), borderColor: colour, backgroundColor: colour, borderWidth: 1.8, pointRadius: 3.5 },
      { label: "", data: sorted.map((cell) => ({ x: x(cell), y: cell.metrics.w1.min })), ...edge },
      { label: "", data: sorted.map((cell) => ({ x: x(cell), y: cell.metrics.w1.max })), fill: "-1", ...edge },
      { label: "", data: points, showLine: false, pointRadius: 1.8, borderColor: colour, backgroundColor: colour + "99" }];
  });
  const floor = cells.map((cell) => median(cell, "w1_floor")).find((value) => typeof value === "number");
  const at = cells.filter((cell) => cell.metrics.w1).map(x);
  if (floor !== undefined) datasets.push({ label: "floor: data against data", data: [{ x: Math.min(...at), y: floor }, { x: Math.max(...at), y: floor }], borderColor: ink, borderDash: [6, 5], borderWidth: 1.2, pointRadius: 0 });
  const left = lines.size > linesShown ? ` ${linesShown} of ${lines.size} lines are drawn; the others are in the table.` : "";
  const { node, canvas } = figure(`Exact W1 by ${key}`, "A line joins the medians over the seeds; small points are single seeds, and the band reaches from the least to the greatest of them." + left);
  grid.append(node);
  const ticks = numeric ? {} : { ticks: { stepSize: 1, callback: (value) => (Number.isInteger(value) && values[value] !== undefined ? String(values[value]) : "") } };
  new Chart(canvas, { type: "line", data: { datasets },
    options: { scales: { x: { type: logarithmic ? "logarithmic" : "linear", ...axis(key), ...ticks }, y: { type: "linear", ...axis("W1") } },
      plugins: { legend: { labels: { boxHeight: 2, filter: (item) => item.text !== "" } } }, interaction: { mode: "nearest", intersect: true } } });
}

/// What the seeds of each cell say together: a table, and a chart for each key that was swept.
function gathered(section, name, shown) {
  const cells = data.table.cells.filter((cell) => cell.name === name), runs = data.table.runs.filter((run) => run.name === name);
  const keys = data.table.keys.filter((key) => new Set(cells.map((cell) => cell.values[key])).size > 1);
  if (runs.length === cells.length && keys.length === 0) return;
  const missing = runs.filter((run) => run.state === "missing").length;
  section.append(element("h3", {}, "Over the seeds"), element("p", { class: "reading" }, `${runs.length} runs; a row is one configuration at all of its seeds. The interval is that of the mean, by Student's t; diverged and missing runs are not in the numbers.`));
  if (missing > 0) section.append(element("p", { class: "warning" }, `${missing} of ${runs.length} runs are missing: not started, or not at their last step.`));
  section.append(cellTable(cells, keys));
  const grid = element("div", { class: "grid", style: "margin-bottom:1.4rem" });
  for (const key of keys) sweepChart(grid, cells, runs, key, keys);
  if (grid.childElementCount > 0) section.append(grid);
  if (shown.length < runs.length) section.append(element("p", { class: "reading" }, `Below are ${shown.length} of the ${runs.length} runs: of a configuration the one whose W1 is the median.`));
}

/// What the colours in pictures of the plane mean: those of models/plot.
function planeKey() {
  const entry = (style, kind, text) => element("span", {}, element("i", { style, class: kind }), text);
  return element("p", { class: "key" }, entry("background:#fff", "", "data"), entry("background:#ff8c28", "", "samples"), entry("", "ramp", "critic, low to high, with its level sets"));
}

/// Pictures of all runs at one moment of the training, chosen by a slider.
function pictures(section, runs) {
  const shown = runs.filter((run) => run.pictures.length > 0);
  if (shown.length === 0) return;
  const steps = [...new Set(shown.flatMap((run) => run.pictures.map((picture) => picture.step)))].sort((a, b) => a - b);
  const slider = element("input", { type: "range", min: 0, max: steps.length - 1, value: steps.length - 1, "aria-label": "moment of the training" });
  const text = element("span", {});
  const grid = element("div", { class: "grid" });
  const figures = shown.map((run) => {
    const heading = element("h3", {}), image = element("img", { alt: `samples under ${label(run, runs)}` });
    grid.append(element("figure", {}, heading, image));
    return { heading, image };
  });
  const show = () => {
    const step = steps[Number(slider.value)];
    text.textContent = `step ${step}`;
    shown.forEach((run, i) => {  // a run that ended earlier keeps its last picture, and says of which step it is
      const picture = run.pictures.filter((p) => p.step <= step).pop() ?? run.pictures[0];
      figures[i].image.src = picture.source;
      figures[i].heading.textContent = label(run, runs) + (picture.step === step ? "" : ` (step ${picture.step})`);
    });
  };
  slider.addEventListener("input", show);
  show();
  section.append(element("h3", {}, "Samples"), element("p", { class: "reading" }, "What the generator makes from the same noise." + (shown.every(inPlane) ? " A good critic slopes evenly from the samples to the data." : "")),
    ...(shown.every(inPlane) ? [planeKey()] : []), element("div", { class: "slider" }, slider, text), grid);
}

const weights = (run) => {
  const all = last(run, "layers");
  if (!all) return undefined;
  const matrices = all.filter((l) => /weight/.test(l.name) && l.histogram.high > 0);
  if (matrices.length === 0) return undefined;
  const high = Math.max(...matrices.map((l) => l.histogram.high));
  const counts = new Array(matrices[0].histogram.counts.length).fill(0);
  for (const layer of matrices) {
    layer.histogram.counts.forEach((n, i) => {
      const x = layer.histogram.low + ((i + 0.5) * (layer.histogram.high - layer.histogram.low)) / layer.histogram.counts.length;
      counts[Math.min(counts.length - 1, Math.floor(((x + high) / (2 * high)) * counts.length))] += n;
    });
  }
  return { low: -high, high, counts };
};

function group(name, runs) {
  const section = element("section", {}, element("h2", {}, name));
  report.append(section);
  gathered(section, name, runs);
  section.append(summary(runs));
  for (const run of runs.filter(divergence)) {
    section.append(element("p", { class: "warning" }, `${label(run, runs)} diverged: ${divergence(run).diverged}`));
  }
  if (runs.every((run) => run.lines.length === 0)) {
    section.append(element("p", { class: "empty" }, "No step was measured yet."));
    return;
  }
  pictures(section, runs);
  const grid = element("div", { class: "grid" });
  section.append(element("h3", { style: "margin-top:1.4rem" }, "Training"), grid);
  curves(grid, runs, { key: "w1", title: "Exact W1 between samples and data", unit: "W1", references: [{ y: last(runs[0], "w1_floor"), text: "floor: data against data" }],
    reading: "Lower is better; two samples of the data themselves have the floor, so no generator gets reliably below it." });
  curves(grid, runs, { key: "critic_estimate", title: "The critic's estimate, raw", unit: "mean D(real) - mean D(fake)", reading: "Under clipping it is in units of an unknown constant K; compare its shape, not its height." });
  curves(grid, runs, { key: "critic_estimate_normalized", title: "The estimate divided by the largest gradient norm", unit: "W1, lower bound", reading: "Divided by the measured K the estimate is comparable: it approaches W1 from below when the critic is good." });
  curves(grid, runs, { key: "gradient_norm_mean", title: "Gradient norm on interpolates", unit: "mean norm", logarithmic: true, references: [{ y: 1, text: "1, where theory wants it" }], reading: "The optimal critic has norm 1 almost everywhere between the distributions." });
  curves(grid, runs, { key: "penalty", title: "The penalty by itself", unit: "part of the critic's loss", reading: "What the constraint adds to the loss; clipping adds nothing." });
  curves(grid, runs, { key: "saturation", title: "Saturated weights", unit: "share with |w| = c", reading: "Clipping presses weights to the ends of the range." });
  curves(grid, runs, { key: "modes", title: "Modes captured", unit: "modes", references: [{ y: last(runs[0], "mode_count"), text: "modes of the data" }], reading: "A mode counts with one sample within 3 sigma; never judge by modes alone." });
  curves(grid, runs, { key: "high_quality", title: "High-quality samples", unit: "share", reading: "Samples within 3 sigma of a mode; of the data themselves it is 0.989." });
  curves(grid, runs, { key: "step_milliseconds", title: "Time per step", unit: "ms", reading: "A penalised critic step needs about 1.6 times the products of a clipped one." });
  curves(grid, runs, { key: "generator_loss", title: "Generator's loss", unit: "loss", muted: true, reading: "Greyed on purpose: its offset is arbitrary, so it tells nothing about progress." });
  histograms(grid, runs, { title: "Critic weights at the end", unit: "weight", histogramOf: weights, marks: runs.filter((r) => r.clip).flatMap((r) => [-r.clip, r.clip]), reading: "Dashed: the bounds -c and c. Clipping piles weights up at both ends; a penalty leaves a bell." });
  histograms(grid, runs, { title: "Gradient norms on interpolates at the end", unit: "norm", histogramOf: (run) => last(run, "gradient_norms"), marks: [1], reading: "Dashed: 1. A penalty gathers the norms round it; clipping leaves them far off." });
  layers(grid, runs, { title: "Gradient by layer", unit: "L2 norm", logarithmic: true, valuesOf: (run) => (last(run, "activation_gradients") || []).map((value, i) => ({ name: String(i), value })), reading: "Gradient of the critic's estimate, without the penalty, by each layer's output: a slope to either side is a vanishing or exploding gradient." });
  layers(grid, runs, { title: "Saturated weights by layer", unit: "share", valuesOf: (run) => (run.clip ? (last(run, "layers") || []).map((l) => ({ name: l.name, value: l.saturation })) : undefined), reading: "Where clipping presses hardest." });
  for (const run of runs) {
    section.append(element("details", {}, element("summary", {}, `${label(run, runs)}: configuration and machine`), element("pre", {}, run.config), element("pre", {}, JSON.stringify(run.env, null, 2))));
  }
}

const groups = new Map();
for (const run of data.runs) groups.set(run.name, [...(groups.get(run.name) || []), run]);
if (groups.size === 0) report.append(element("p", { class: "empty" }, "This report holds no run."));
for (const [name, runs] of groups) group(name, runs);
document.documentElement.dataset.drawn = "true";
