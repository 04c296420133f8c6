// Takes things out of the page (link, picture, numbers, configuration) and files into it (config.toml, CSV).
import { byId } from "lab/dom";
import { words, onLanguage } from "lab/words";
import { session, on, open } from "lab/session";
import { toLink } from "lab/state";
import { labelOfArm, numbersOf } from "lab/arms";
import { drawPlane } from "lab/plane";
import { palette, armColours } from "lab/colours";
import { paused, position } from "lab/player";
import { toast } from "lab/toast";

function download(name, content, type) {
  const link = document.createElement("a");
  link.href = content instanceof Blob ? URL.createObjectURL(content) : URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

async function copyLink() {
  const link = `${location.href.split("#")[0]}#${toLink({ ...session.state, step: session.step })}`;
  try {
    await navigator.clipboard.writeText(link);
    toast(words(session.state.csv ? "save.link.csv" : "save.link.done"));
  } catch {
    window.prompt(words("save.link"), link);
  }
}

/// Both planes with their titles and numbers, at twice the screen's size.
export function picture() {
  const side = 720, gap = 32, head = 92, foot = 74;
  const { opened, frame, state } = session;
  const canvas = document.createElement("canvas");
  canvas.width = opened.arms.length * (side + gap) + gap;
  canvas.height = side + head + foot;
  const context = canvas.getContext("2d");
  const { ink, soft, paper, real, fake } = palette();
  const colours = armColours(opened.arms);
  const font = (size, weight = 400) => { context.font = `${weight} ${size}px system-ui, "DejaVu Sans", sans-serif`; };
  context.fillStyle = paper;
  context.fillRect(0, 0, canvas.width, canvas.height);
  opened.arms.forEach((_, arm) => {
    const x = gap + arm * (side + gap);
    context.fillStyle = colours[arm];
    context.fillRect(x, 26, 8, 50);
    context.fillStyle = ink;
    font(26, 600);
    context.fillText(labelOfArm(arm), x + 20, 48);
    context.fillStyle = soft;
    font(18);
    context.fillText(numbersOf(arm).map(([key, value]) => `${words(`number.${key}`)} ${value}`).join("   "), x + 20, 76, side - 20);
    context.save();
    context.translate(x, head);
    context.beginPath();
    context.rect(0, 0, side, side);
    context.clip();
    context.scale(side / 400, side / 400);
    drawPlane({ context, width: 400, height: 400 }, { box: opened.box, frame, arm, real: opened.arrays.real, show: state.show });
    context.restore();
  });
  font(18);
  const y = head + side + 44;
  context.fillStyle = real;
  context.strokeStyle = soft;
  context.fillRect(gap, y - 13, 12, 12);
  context.strokeRect(gap, y - 13, 12, 12);
  context.fillStyle = ink;
  context.fillText(words("show.real"), gap + 22, y);
  const after = gap + 22 + context.measureText(words("show.real")).width + 30;
  context.fillStyle = fake;
  context.beginPath();
  context.arc(after, y - 7, 8, 0, 6.2832);
  context.fill();
  context.fillStyle = ink;
  context.fillText(words("show.fake"), after + 16, y);
  context.fillStyle = soft;
  context.textAlign = "right";
  context.fillText(`Kantor lab, ${position()}`, canvas.width - gap, y);
  return canvas;
}

function savePicture() {
  picture().toBlob((blob) => download(`kantor-step-${session.step}.png`, blob));
}

/// One row a step that was trained or evaluated; empty where nothing was measured.
export function numbers() {
  const { history, evaluations, opened } = session;
  const names = ["estimate", "loss", "generator_loss", "penalty"];
  const measures = ["w1", "modes", "quality", "gradient_norm_median", "gradient_norm_max"];
  const sides = opened.arms.map((_, k) => (k === 0 ? "left" : "right"));
  const measured = new Map(evaluations.map((e) => [e.step, e]));
  const index = new Map(history.steps.map((s, i) => [s, i]));
  const cell = (v) => (v === undefined || v === null || Number.isNaN(v) ? "" : v);
  // One model alone needs no side before its columns' names.
  const head = ["step", ...sides.flatMap((s) => [...names, ...measures].map((n) => (sides.length === 1 ? n : `${s}.${n}`))), "w1_floor"];
  const steps = [...new Set([...measured.keys(), ...index.keys()])].sort((a, b) => a - b);
  const rows = steps.map((step) => [step, ...sides.flatMap((_, k) => [...names.map((n) => cell(history.arms[k][n][index.get(step)])), ...measures.map((n) => cell(measured.get(step)?.arms[k]?.[n]))]), cell(measured.get(step)?.floor)]);
  return [head, ...rows].map((r) => r.join(",")).join("\n") + "\n";
}

/// The configuration; where the data are points of this page, their table too, which it names.
function saveToml(arm) {
  const { arms } = session.opened;
  const { points, csv } = session.state;
  const table = csv ?? (points && ["x,y", ...Array.from({ length: points.length / 2 }, (_, i) => `${points[2 * i]},${points[2 * i + 1]}`)].join("\n") + "\n");
  if (table) download("points.csv", table, "text/csv");
  download(arms.length === 1 ? "config.toml" : `config-${arm === 0 ? "left" : "right"}.toml`, arms[arm].toml, "text/plain");
}

/// One entry for each model.
function nameEntries() {
  const two = session.opened?.arms.length === 2;
  byId("save-toml-0").textContent = words(two ? "save.toml.left" : "save.toml");
  byId("save-toml-1").hidden = !two;
}

/// Opens files of runs (one or two config.toml) or of points (a CSV).
async function openFiles(files) {
  const list = await Promise.all([...files].map(async (file) => ({ name: file.name.toLowerCase(), text: await file.text() })));
  const tomls = list.filter((f) => f.name.endsWith(".toml")).map((f) => f.text);
  const csv = list.find((f) => f.name.endsWith(".csv") || f.name.endsWith(".txt"));
  if (tomls.length === 0 && !csv) { toast(words("drop.unknown")); return; }
  const done = await new Promise((answer) => paused(async () => answer(await open((state) => {
    if (tomls.length > 0) state.tomls = tomls.slice(0, 2);
    // A configuration saved here with points of one's own says "file": it goes on with the points that are on the page.
    if (tomls.length > 0 && !tomls.every((text) => /^kind = "file"/m.test(text))) Object.assign(state, { points: null, csv: null });
    if (csv) Object.assign(state, { csv: csv.text, points: null });
  }))));
  if (done) toast(words(tomls.length > 0 ? "drop.toml" : "drop.csv"));
}

export function setUp() {
  const menu = byId("save");
  for (const [id, act] of [["link", copyLink], ["picture", savePicture], ["numbers", () => download("kantor-lab.csv", numbers(), "text/csv")], ["toml-0", () => saveToml(0)], ["toml-1", () => saveToml(1)]]) byId(`save-${id}`).onclick = () => { menu.open = false; act(); };
  byId("open-file").onchange = (event) => { menu.open = false; openFiles(event.target.files).finally(() => { event.target.value = ""; }); };
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  menu.addEventListener("keydown", (event) => { if (event.key === "Escape") { menu.open = false; menu.querySelector("summary").focus(); } });
  on("opened", nameEntries);
  onLanguage(nameEntries);
  let depth = 0;
  const shown = (over) => { byId("drop").hidden = !over; };
  document.addEventListener("dragenter", (event) => { event.preventDefault(); if (event.dataTransfer?.types.includes("Files")) { ++depth; shown(true); } });
  document.addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); shown(depth > 0); });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => { event.preventDefault(); depth = 0; shown(false); if (event.dataTransfer?.files.length > 0) openFiles(event.dataTransfer.files); });
}
