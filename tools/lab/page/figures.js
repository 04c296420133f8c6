// What every chart shares: the look of Chart.js, a figure around it, and lines that mark values.
import { element } from "lab/dom";
import { words, rightToLeft } from "lab/words";
import { palette } from "lab/colours";

const { Chart } = window;
const charts = new Map();

export function applyLook() {
  const { ink, soft, line } = palette();
  Object.assign(Chart.defaults, { color: soft, borderColor: line, animation: false, maintainAspectRatio: false, locale: "en" });
  Chart.defaults.font.family = "system-ui, 'DejaVu Sans', sans-serif";
  Chart.defaults.font.size = 11;
  Object.assign(Chart.defaults.plugins.legend.labels, { boxHeight: 2, boxWidth: 22, color: ink });
  Object.assign(Chart.defaults.plugins.legend, { rtl: rightToLeft() });
  // Round numbers alone have ticks: the end of an axis, such as -0.03, would be written as -0.0.
  Chart.defaults.scales.linear.ticks.includeBounds = false;
}

/// A figure with its title and a line that says how to read it.
export function figure(id, kind, title = words(`${id}.title`), canvases = 1) {
  const list = Array.from({ length: canvases }, () => element("canvas", { role: "img", "aria-label": `${title}. ${words(`${kind}.reading`)}` }));
  const node = element("figure", { id, class: kind.replaceAll(".", "-") }, element("h3", {}, title), element("p", { class: "reading" }, words(`${kind}.reading`)), ...list.map((c) => element("div", { class: canvases > 1 ? "plot half" : "plot" }, c)));
  return { node, canvases: list };
}

export const axis = (title, extra = {}) => {
  const { ink, line } = palette();
  return { title: { display: Boolean(title), text: title, color: ink }, grid: { color: line }, ...extra };
};

/// Vertical dashed lines at values {x: text} of a linear or logarithmic x axis.
export const marks = (values) => ({ id: "marks", afterDatasetsDraw(chart) {
  const { ctx, chartArea: area, scales } = chart;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = palette().ink;
  ctx.setLineDash([5, 4]);
  ctx.font = "11px system-ui, 'DejaVu Sans', sans-serif";
  for (const [value, text] of values()) {
    const x = scales.x.getPixelForValue(value);
    if (!(x >= area.left - 0.5 && x <= area.right + 0.5)) continue;
    ctx.beginPath();
    ctx.moveTo(x, area.top);
    ctx.lineTo(x, area.bottom);
    ctx.stroke();
    ctx.textAlign = x > area.right - 30 ? "right" : "left";
    ctx.fillText(text, x + (x > area.right - 30 ? -4 : 4), area.top + 10);
  }
  ctx.restore();
} });

/// Makes or renews the chart of a canvas.
export function draw(canvas, config) {
  const old = charts.get(canvas);
  if (old) {
    old.data = config.data;
    old.options = config.options;
    old.update("none");
    return;
  }
  charts.set(canvas, new Chart(canvas, config));
}

/// Ends the charts whose canvases are no longer in the page.
export function sweep() {
  for (const [canvas, chart] of charts) {
    if (canvas.isConnected) continue;
    chart.destroy();
    charts.delete(canvas);
  }
}

/// At most `limit` points {x, y}: the mean of each bucket.
export function thinned(xs, ys, limit = 260) {
  const size = Math.max(1, Math.ceil(xs.length / limit));
  const found = [];
  for (let i = 0; i < xs.length; i += size) {
    const end = Math.min(xs.length, i + size);
    let sum = 0;
    for (let k = i; k < end; ++k) sum += ys[k];
    const y = sum / (end - i);
    found.push({ x: xs[end - 1], y: Number.isFinite(y) ? y : null });
  }
  return found;
}
