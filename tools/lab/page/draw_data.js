// Data drawn by hand: a brush that scatters points, an eraser, and keys for those who have no mouse.
import { byId, element, sized } from "lab/dom";
import { counted, words } from "lab/words";
import { session, open } from "lab/session";
import { paused } from "lab/player";
import { placing, drawReal } from "lab/plane";
import { palette } from "lab/colours";

const box = [-2, 2, -2, 2];
const most = 2000, least = 16;
let points = [];
let erasing = false;
let cursor = [0, 0];
let parts = null;

const radius = () => Number(parts.size.value) / 100;

function spray(x, y) {
  if (erasing) {
    points = points.filter(([a, b]) => Math.hypot(a - x, b - y) > Math.max(0.08, radius()));
  } else {
    for (let i = 0; i < 4 && points.length < most; ++i) {
      const angle = 6.2832 * Math.random(), far = radius() * Math.sqrt(Math.random());
      points.push([x + far * Math.cos(angle), y + far * Math.sin(angle)]);
    }
  }
  draw();
}

function draw() {
  const surface = sized(parts.canvas);
  if (!surface) return;
  const { context, width, height } = surface;
  const place = placing(box, width, height);
  const { line, ink } = palette();
  context.strokeStyle = line;
  context.beginPath();
  for (const v of [-1, 0, 1]) {
    context.moveTo(place.x(v), 0);
    context.lineTo(place.x(v), height);
    context.moveTo(0, place.y(v));
    context.lineTo(width, place.y(v));
  }
  context.stroke();
  drawReal(context, points.flat(), place);
  if (document.activeElement === parts.canvas) {
    context.strokeStyle = ink;
    context.beginPath();
    context.arc(place.x(cursor[0]), place.y(cursor[1]), Math.max(4, radius() * place.scale), 0, 6.2832);
    context.stroke();
  }
  parts.count.textContent = counted("draw.count", points.length);
  parts.use.disabled = points.length < least;
}

function byKeys(event) {
  const by = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
  if (by) cursor = cursor.map((v, i) => Math.max(-2, Math.min(2, v + by[i])));
  else if (event.key === " " || event.key === "Enter") spray(...cursor);
  else return;
  event.preventDefault();
  draw();
}

function byPointer(canvas) {
  let last = null;
  const at = (event) => {
    const frame = canvas.getBoundingClientRect();
    return placing(box, canvas.clientWidth, canvas.clientHeight).inverse(event.clientX - frame.left, event.clientY - frame.top);
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = at(event);
    spray(...last);
  };
  canvas.onpointermove = (event) => {
    if (!last) return;
    // A fast hand leaves gaps between its events: the way between them is filled.
    const to = at(event), count = Math.max(1, Math.round(Math.hypot(to[0] - last[0], to[1] - last[1]) / 0.06));
    for (let i = 1; i <= count; ++i) spray(...last.map((v, k) => v + ((to[k] - v) * i) / count));
    last = to;
  };
  canvas.onpointerup = canvas.onpointercancel = () => { last = null; };
}

export function openDrawing() {
  const dialog = byId("draw-dialog");
  const given = session.state.points ?? [];
  points = Array.from({ length: given.length / 2 }, (_, i) => [given[2 * i], given[2 * i + 1]]);
  const canvas = element("canvas", { tabindex: "0", role: "application", "aria-label": words("draw.canvas"), onkeydown: byKeys, onfocus: () => draw(), onblur: () => draw() });
  const size = element("input", { type: "range", min: 2, max: 60, value: 12, oninput: () => draw() });
  const rub = element("input", { type: "checkbox", onchange: (e) => { erasing = e.target.checked; } });
  const count = element("output");
  const use = element("button", { class: "primary", onclick: () => {
    dialog.close();
    paused(() => open((state) => Object.assign(state, { points: points.flat(), csv: null })));
  } }, words("draw.use"));
  erasing = false;
  parts = { canvas, size, count, use };
  dialog.replaceChildren(element("h2", { id: "draw-title" }, words("draw.title")), element("p", { class: "reading" }, words("draw.text")),
    element("div", { class: "plane" }, canvas),
    element("p", { class: "draw-tools" }, element("label", {}, words("draw.size"), " ", size), element("label", { class: "check" }, rub, " ", words("draw.erase")), element("button", { onclick: () => { points = []; draw(); } }, words("draw.clear")), count),
    element("p", { class: "buttons" }, element("button", { onclick: () => dialog.close() }, words("cancel")), use));
  byPointer(canvas);
  dialog.showModal();
  canvas.focus();
  draw();
}

