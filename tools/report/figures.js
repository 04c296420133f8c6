// What the program's pages draw with: colours of the constraints, elements, figures with a title and how to read them, axes.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const report = document.getElementById("report");
const dark = window.matchMedia("(prefers-color-scheme: dark)").matches && !window.matchMedia("print").matches;
const ink = dark ? "#e6edf3" : "#1b1f24";
const soft = dark ? "#9aa4af" : "#57606a";
const line = dark ? "#30363d" : "#d0d7de";

// Okabe and Ito's colours, safe for the colour-blind; orange is clipping wherever it stands.
const colours = { clip: "#d55e00", penalty: "#0072b2", "one-sided": "#009e73", r1: "#cc79a7", r2: "#e69f00", dragan: "#56b4e9", spectral: "#117733", "weight-norm": "#882255", groupsort: "#332288", none: "#7f7f7f" };
const bright = { clip: "#ff8a3d", penalty: "#56b4e9", "one-sided": "#2fd6a3", r1: "#f0a3cd", r2: "#ffc14d", dragan: "#dce775", spectral: "#7bd17b", "weight-norm": "#e07aa8", groupsort: "#a99bff", none: "#aaaaaa" };

Chart.defaults.color = soft;
Chart.defaults.borderColor = line;
Chart.defaults.font.family = "system-ui, 'DejaVu Sans', sans-serif";
Chart.defaults.animation = false;
Chart.defaults.maintainAspectRatio = false;

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function figure(title, reading, description) {
  const canvas = element("canvas", { role: "img", "aria-label": description || title });
  const node = element("figure", {}, element("h3", {}, title), element("p", { class: "reading" }, reading), element("div", { class: "plot" }, canvas));
  return { node, canvas };
}

const axis = (title, extra = {}) => ({ title: { display: true, text: title, color: ink }, grid: { color: line }, ...extra });

const fixed = (value, digits = 3) => (typeof value === "number" ? (Math.abs(value) >= 1e4 || (value !== 0 && Math.abs(value) < 1e-3) ? value.toExponential(2) : value.toFixed(digits)) : "-");
