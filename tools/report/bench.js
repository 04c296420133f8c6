// Draws the page of `kantor bench report` from the JSON inside it. One function a section; what was not measured is left out.
"use strict";

const number = (value) => typeof value === "number" && Number.isFinite(value);
const palette = Object.values(dark ? bright : colours);
const colourOfConstraint = (name, i) => (dark ? bright : colours)[name] || palette[i % palette.length];
const boundColours = { product: palette[0], copy: palette[1], update: palette[2], read: palette[5], write: palette[4] };

function time(seconds) {
  if (!number(seconds)) return "-";
  const [scale, unit] = seconds < 1e-3 ? [1e6, "us"] : seconds < 1 ? [1e3, "ms"] : [1, "s"];
  const value = seconds * scale;
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${unit}`;
}
function count(value) {
  if (!number(value)) return "-";
  for (const [scale, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) if (value >= scale) return `${(value / scale).toPrecision(3)} ${unit}`;
  return String(value);
}
const percent = (value) => (number(value) ? `${(100 * value).toFixed(0)} %` : "-");
const signed = (value) => (number(value) ? `${value >= 0 ? "+" : ""}${(100 * value).toFixed(0)} %` : "-");
const partsOf = (row) => [row.constraint, row.by, row.threads ? `${row.threads} threads` : ""];
const nameOfRow = (row) => [row.name, ...partsOf(row)].filter((part) => part).join(", ");
const fullName = (row) => [row.name, row.size, row.dtype, ...partsOf(row)].filter((part) => part).join(", ");

/// A table; the first `texts` columns hold text. Columns of which nothing is known are left out.
function tableOf(wholeHead, wholeBody, texts = 1, kindOfTable = "table") {
  const known = wholeHead.map((_, i) => i < 2 || wholeBody.some((cells) => cells[i] !== "-"));
  const head = wholeHead.filter((_, i) => known[i]), body = wholeBody.map((cells) => cells.filter((_, i) => known[i]));
  const kind = (i) => (i < texts ? { class: "text" } : {});
  return element("div", { class: kindOfTable }, element("table", {},
    element("thead", {}, element("tr", {}, ...head.map((h, i) => element("th", { scope: "col", ...kind(i) }, h)))),
    element("tbody", {}, ...body.map((cells) => element("tr", {}, ...cells.map((c, i) => element("td", kind(i), String(c))))))));
}

function section(title, source) {
  const node = element("section", {}, element("h2", {}, title), element("p", { class: "reading" }, `From ${source}.`));
  report.append(node);
  return node;
}

/// Clocks and reasons of throttling as text: "processor_mhz 2300, 2300".
const factText = (value) => (value === null || value === undefined || value === "" ? "" : Array.isArray(value) ? value.map(factText).join(", ")
  : typeof value === "object" ? Object.entries(value).map(([key, inner]) => `${key} ${factText(inner)}`).join("; ") : number(value) ? String(Math.round(value)) : String(value));

/// Facts as a list of terms; those that are empty are left out.
function facts(pairs) {
  const list = element("dl", { class: "facts" });
  for (const [name, value] of pairs) if (value !== "" && value !== undefined && value !== null) list.append(element("dt", {}, name), element("dd", {}, String(value)));
  return list;
}

function environment(node, file) {
  const { build, machine, load } = file;
  const rate = (key, unit) => (number(machine[key]) && machine[key] > 0 ? `${(machine[key] / 1e9).toFixed(1)} ${unit}` : "");
  node.append(facts([["device", [file.device, file.hardware].filter((x) => x).join(", ")], ["threads", file.threads], ["arithmetic", file.arithmetic],
    ["measured", file.time], ["build", [`kantor ${build.version}`, build.compiler, build.products, build.cuda].filter((x) => x).join("; ")],
    ["copy", rate("copy_bytes_per_second", "GB/s")], ["product", [rate("product_flops_per_second", "GFLOP/s"), machine.product_by].filter((x) => x).join(", by ")],
    ["peak", rate("peak_flops_per_second", "GFLOP/s of multiply-adds in registers")],
    ["other load", number(load.others) ? `other processes ${percent(load.others)}, other virtual machines ${percent(load.steal)}` : ""],
    ["clocks", factText(load.clocks)], ["throttling", factText(load.throttle)]]));
  if (load.warning) node.append(element("p", { class: "warning" }, `Warning: ${load.warning}.`));
  if (file.simulated) node.append(element("p", { class: "warning" }, "Simulated: counts hold, times say nothing about a device."));
}

const logarithmic = (title) => ({ type: "logarithmic", ...axis(title), ticks: { maxRotation: 0, callback: (value) => (Math.abs(Math.log10(value) % 1) < 1e-6 ? String(Number(value.toPrecision(3))) : "") } });
const tooltip = (text) => ({ callbacks: { label: (item) => (item.raw.row ? text(item.raw) : item.dataset.label) } });
const edge = (label, data, colour = ink, dash = [6, 5]) => ({ label, data, type: "line", borderColor: colour, borderDash: dash, borderWidth: 1.4, pointRadius: 0, pointStyle: "line" });
const pointLegend = { usePointStyle: true, boxHeight: 7, boxWidth: 22 };

/// FLOPs a second by FLOPs a byte, under what the machine copies and computes.
function roofline(grid, file) {
  const { copy_bytes_per_second: copy, product_flops_per_second: product, peak_flops_per_second: peak } = file.machine;
  const rows = file.rows.filter((row) => row.bytes > 0 && row.flops > 0 && row.seconds > 0);
  if (file.simulated || rows.length === 0 || !(copy > 0) || !(product > 0)) return;
  const points = rows.map((row) => ({ x: row.flops / row.bytes, y: row.flops / (row.cold?.seconds || row.seconds) / 1e9, row }));
  const low = Math.min(...points.map((p) => p.x), product / copy) / 2, high = Math.max(...points.map((p) => p.x), product / copy) * 4;
  const roof = (top) => [low, top / copy, high].map((x) => ({ x, y: Math.min(copy * x, top) / 1e9 }));
  const { node, canvas } = figure("Roofline", "A point is a row, with overwritten caches where that was timed; under the slope the copy is its limit, under the roof the product. Whole steps, whose bytes are not counted, are in the next figure.");
  grid.append(node);
  const lines = [edge("copy and product, measured", roof(product))];
  if (peak > product) lines.push(edge("multiply-adds in registers", [{ x: product / copy, y: peak / 1e9 }, { x: high, y: peak / 1e9 }], soft, [2, 3]));
  new Chart(canvas, { type: "scatter", data: { datasets: [...lines, { label: "rows", data: points, backgroundColor: palette[1], pointRadius: 4 }] },
    options: { scales: { x: logarithmic("FLOPs a byte"), y: logarithmic("GFLOP/s") }, plugins: { legend: { labels: pointLegend }, tooltip: tooltip((p) => `${fullName(p.row)}: ${p.y.toPrecision(3)} GFLOP/s`) } } });
}

/// Seconds of the row's floor: what its bytes or FLOPs take at the machine's rates.
function floorOf(row, machine) {
  if (number(row.floor) && row.floor > 0) return row.floor;
  return Math.max(machine.copy_bytes_per_second > 0 ? row.bytes / machine.copy_bytes_per_second : 0, machine.product_flops_per_second > 0 ? row.flops / machine.product_flops_per_second : 0);
}

/// Measured time by the least possible time: every row, whatever limits it.
function floors(grid, file) {
  const rows = file.rows.filter((row) => row.seconds > 0 && floorOf(row, file.machine) > 0);
  if (file.simulated || rows.length === 0) return;
  const kinds = [...new Set(rows.map((row) => row.bound || "copy"))];
  const all = rows.map((row) => floorOf(row, file.machine) * 1e6), low = Math.min(...all) / 1.5, high = Math.max(...all) * 1.5;
  const sets = kinds.map((kind, i) => ({ label: `limit: ${kind}`, pointRadius: 4, backgroundColor: boundColours[kind] || palette[i % palette.length],
    data: rows.filter((row) => (row.bound || "copy") === kind).map((row) => ({ x: floorOf(row, file.machine) * 1e6, y: row.seconds * 1e6, row })) }));
  const { node, canvas } = figure("Time above the floor", "The floor is what a row's counted bytes or FLOPs take at the measured rates, whichever is longer. On the dashed line a row is at its limit; far above it at small sizes are launches. Below it, the operands were in the caches.");
  grid.append(node);
  new Chart(canvas, { type: "scatter", data: { datasets: [edge("at the limit", [{ x: low, y: low }, { x: high, y: high }]), ...sets] },
    options: { scales: { x: logarithmic("floor, us"), y: logarithmic("median, us") }, plugins: { legend: { labels: pointLegend }, tooltip: tooltip((p) => `${fullName(p.row)}: ${time(p.row.seconds)}, floor ${time(p.x / 1e6)}`) } } });
}

/// What each constraint costs, against the step without one: FLOPs, bytes, launches and time.
function prices(node, file) {
  const steps = file.rows.filter((row) => row.constraint);
  const base = (row) => steps.find((other) => other.constraint === "none" && other.size === row.size && other.name === row.name && other.dtype === row.dtype && other.by === row.by && other.threads === row.threads);
  const priced = steps.filter((row) => base(row));
  if (priced.length === 0) return;
  node.append(element("h3", {}, "The price of each constraint"), element("p", { class: "reading" }, "A whole critic step, against the same step without a constraint."));
  const more = (row, key) => (number(row[key]) && base(row)[key] > 0 ? row[key] / base(row)[key] - 1 : undefined);
  const cell = (row, key) => (row[key] > 0 ? `${count(row[key])} (${signed(more(row, key))})` : "-");
  node.append(tableOf(["size", "constraint", "FLOPs", "bytes", "launches", "time", "price"],
    priced.map((row) => [row.size, row.constraint, cell(row, "flops"), cell(row, "bytes"), cell(row, "launches"), time(row.seconds), file.simulated ? "-" : signed(number(row.price) ? row.price : more(row, "seconds"))]), 2));
  const sizes = [...new Set(priced.map((row) => row.size))], names = [...new Set(priced.map((row) => row.constraint))].filter((name) => name !== "none");
  const grid = element("div", { class: "grid" });
  for (const [key, title] of [["seconds", "Time that a constraint adds"], ["flops", "FLOPs that it adds"], ["launches", "Launches that it adds"]]) {
    if (key === "seconds" && file.simulated) continue;
    const value = (size, name) => { const row = priced.find((r) => r.size === size && r.constraint === name), found = row && more(row, key); return found === undefined ? null : 100 * found; };
    if (!sizes.some((size) => names.some((name) => value(size, name) !== null))) continue;
    const { node: drawn, canvas } = figure(title, key === "seconds" ? "In percent of the step without a constraint, by size." : "Counted, not measured; in percent of the step without a constraint.");
    grid.append(drawn);
    new Chart(canvas, { type: "bar", data: { labels: sizes, datasets: names.map((name, i) => ({ label: name, data: sizes.map((size) => value(size, name)), backgroundColor: colourOfConstraint(name, i), minBarLength: 2 })) },
      options: { scales: { x: axis(""), y: { beginAtZero: true, ...axis("%") } } } });
  }
  node.append(grid);
}

function allRows(node, file) {
  node.append(element("h3", {}, "All rows"), element("p", { class: "reading" }, "Share: of the copy rate or of the product rate, whichever limits the row. Cold: the caches were overwritten before each run. Error: the largest against float64, and what is allowed."));
  const range = (t) => `${time(t.p10)} .. ${time(t.p90)}`;
  node.append(tableOf(["row", "size", "type", "median", "p10 .. p90", "cold", "bytes", "FLOPs", "launches", "share", "limit", "error"],
    file.rows.map((row) => [nameOfRow(row), row.size, row.dtype, time(row.seconds), number(row.p10) ? range(row) : "-", row.cold ? time(row.cold.seconds) : "-", row.bytes > 0 ? count(row.bytes) : "-", row.flops > 0 ? count(row.flops) : "-", row.launches,
      percent(row.share), row.bound || "-", number(row.error) ? `${row.error.toExponential(1)} / ${number(row.allowed) ? row.allowed.toExponential(0) : "?"}` : "-"]), 2, "table dense"));
}

function suite({ source, content: file }) {
  const node = section(`${file.suite}, ${file.device}`, source), grid = element("div", { class: "grid" });
  environment(node, file);
  roofline(grid, file);
  floors(grid, file);
  if (grid.childElementCount > 0) node.append(grid);
  prices(node, file);
  allRows(node, file);
}

const middle = (values) => { const sorted = [...values].sort((a, b) => a - b), n = sorted.length; return n % 2 ? sorted[(n - 1) / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2; };

/// Whole steps, or kernels, beside other frameworks: bench/peers/compare.py and kernels.py.
function peers({ source, content: file }) {
  const node = section("Beside other frameworks", source), names = Object.keys(file.peers);
  node.append(facts([["device", file.device], ["processor", file.processor], ["threads", file.threads], ["build", [file.kantor.build?.compiler, file.kantor.build?.products].filter((x) => x).join("; ")], ...names.map((name) => [name, file.peers[name].name])]));
  const all = (row, name) => row.runs.flatMap((run) => run.seconds[name] || []);
  const ratio = (row, name) => (row.refused[name] || all(row, name).length === 0 ? undefined : row.runs.map((run) => middle(run.seconds[name]) / middle(run.seconds.kantor)));
  const range = (values) => (values === undefined ? "-" : `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`);
  node.append(element("p", { class: "reading" }, "A ratio is the other's time over Kantor's, from the lowest to the highest of the runs: above 1 Kantor is faster. Every engine's gradients, or a peer's results, were compared with float64 first."));
  const steps = file.rows.every((row) => row.model), what = (row) => (steps ? [row.model, row.step, row.launches ?? "-"] : [row.kernel.name, row.kernel.size]);
  node.append(tableOf([...(steps ? ["model", "step", "launches"] : ["kernel", "size"]), "Kantor", ...names.flatMap((name) => [file.peers[name].name, "ratio"]), "other load"],
    file.rows.map((row) => [...what(row), all(row, "kantor").length ? time(middle(all(row, "kantor"))) : "-",
      ...names.flatMap((name) => (ratio(row, name) ? [time(middle(all(row, name))), range(ratio(row, name))] : ["-", "-"])), percent(Math.max(...row.runs.map((run) => run.others)))]), 2));
  const refused = file.rows.flatMap((row) => names.filter((name) => row.refused[name]).map((name) => `${what(row).slice(0, 2).join(", ")}: ${file.peers[name].name} was not timed: ${row.refused[name]}.`));
  if (refused.length > 0) node.append(element("p", { class: "reading" }, refused.join(" ")));
  const labels = file.rows.map((row) => what(row).slice(0, 2).join(" "));
  const { node: drawn, canvas } = figure("Time against Kantor's", "The middle of the runs' ratios, on a logarithmic axis; 1 is as fast as Kantor.");
  drawn.classList.add("tall");
  drawn.style.setProperty("--tall", `${90 + 26 * labels.length}px`);
  node.append(drawn);
  new Chart(canvas, { type: "bar", data: { labels, datasets: names.map((name, i) => ({ label: file.peers[name].name, data: file.rows.map((row) => (ratio(row, name) ? middle(ratio(row, name)) : null)), backgroundColor: palette[i + 1], base: 1 })) },
    options: { indexAxis: "y", scales: { x: { type: "logarithmic", ...axis("ratio") }, y: axis("") } } });
}

/// What was counted and compiled of a rung: over its kernels, on the first of the sizes that were counted.
function countsOf(row) {
  const kernels = row.counts?.[0]?.kernels || [];
  const sum = (space, key) => kernels.reduce((all, k) => all + Object.values(k[space] || {}).reduce((part, way) => part + (way[key] || 0), 0), 0);
  const over = (space) => (sum(space, "fewest") > 0 ? (sum(space, "taken") / sum(space, "fewest")).toFixed(2) : "-");
  const resources = kernels.map((k) => k.resources).filter((r) => r);
  const main = [...kernels].sort((a, b) => Object.values(b.global || {}).reduce((n, w) => n + w.taken, 0) - Object.values(a.global || {}).reduce((n, w) => n + w.taken, 0))[0];
  return { launches: number(row.launches) && row.launches > 0 ? row.launches : kernels.reduce((all, k) => all + k.launches.reduce((n, l) => n + l.launches, 0), 0) || "-",
    registers: resources.length ? Math.max(...resources.map((r) => r.registers)) : "-", spilled: resources.length ? resources.reduce((n, r) => n + (r.spilled || 0), 0) : "-",
    occupancy: percent(main?.resources?.occupancy?.share), sectors: sum("global", "taken"), global: over("global"), shared: over("shared") };
}

/// A family's rungs, from naive to the limit: `kantor bench ladder FAMILY --json`, or the counts of bench/results/ladder.
function ladder({ source, content: file }) {
  const node = section(`The ladder of ${file.family}`, source), rows = file.rows || file.rungs;
  node.append(facts([["formula", file.formula], ["device", [file.device, file.hardware].filter((x) => x).join(", ")], ["compiled", [file.nvcc, file.architecture].filter((x) => x).join(", ")]]));
  node.append(element("p", { class: "reading" }, "Sectors: of 32 bytes, counted by the simulator; their ratio to the fewest that would do, and that of passes over shared memory, which is 1 without bank conflicts. Registers, spilled bytes and occupancy are those of the compiled kernels."));
  node.append(tableOf(["version", "what it does", "size", "launches", "registers", "spilled", "occupancy", "sectors", "to the fewest", "shared", "time", "share", "of the library", "error", "right"],
    rows.map((row) => { const c = countsOf(row); return [row.version, row.text + (row.production ? " (in use)" : ""), row.size || "-", c.launches, c.registers, c.spilled, c.occupancy, c.sectors ? count(c.sectors) : "-", c.global, c.shared, time(row.seconds), percent(row.share), number(row.of_library) ? row.of_library.toFixed(2) : "-", number(row.error) ? row.error.toExponential(1) : "-", row.passed === undefined ? "-" : row.passed ? "yes" : row.wrong || "no"]; }), 2, "table dense"));
  const versions = [...new Set(rows.map((row) => row.version))];
  const bars = (title, reading, scale, sets) => {
    const { node: drawn, canvas } = figure(title, reading);
    node.append(drawn);
    new Chart(canvas, { type: "bar", data: { labels: versions.map(String), datasets: sets.map((set, i) => ({ backgroundColor: palette[i % palette.length], ...set })) },
      options: { scales: { x: axis("version"), y: scale } } });
  };
  const sizes = [...new Set(rows.map((row) => row.size))].filter((size) => rows.some((row) => row.size === size && number(row.seconds)));
  if (sizes.length > 0) {
    bars("Time by rung", "Each rung should be faster than the one before it; 0 is the library's function.", logarithmic("us"),
      sizes.map((size) => ({ label: size, data: versions.map((v) => rows.find((row) => row.version === v && row.size === size)?.seconds * 1e6 || null) })));
  } else if (rows.some((row) => countsOf(row).sectors > 0)) {
    bars("Sectors by rung", "What each rung moves between the chip and memory, as the simulator counts it.", { beginAtZero: true, ...axis("sectors of 32 bytes") },
      [{ label: "sectors", data: versions.map((v) => countsOf(rows.find((row) => row.version === v)).sectors || null) }]);
  }
}

const draw = { suite, peers, ladder };
for (const part of data.parts) draw[part.kind](part);
document.documentElement.dataset.drawn = "true";
