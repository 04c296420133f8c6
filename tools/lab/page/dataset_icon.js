// Small pictures of the data sets that this page knows; any other gets a plain one.
const space = "http://www.w3.org/2000/svg";

function places(name) {
  if (name === "gaussians8") return Array.from({ length: 8 }, (_, i) => [20 + 13 * Math.cos((i * Math.PI) / 4), 20 + 13 * Math.sin((i * Math.PI) / 4), 2.6]);
  if (name === "gaussians25") return Array.from({ length: 25 }, (_, i) => [6 + 7 * (i % 5), 6 + 7 * Math.floor(i / 5), 1.9]);
  if (name === "swissroll") return Array.from({ length: 34 }, (_, i) => { const t = 1.5 * Math.PI * (1 + i / 17); return [20 + 1.15 * t * Math.cos(t), 20 - 1.15 * t * Math.sin(t), 1.5]; });
  if (name === "funnels") return Array.from({ length: 28 }, (_, i) => { const side = i % 4, t = (Math.floor(i / 4) + 1) / 7; const [x, y] = [3 + 15 * t, ((i * 7) % 5 - 2) * 2.2 * t]; return [[20 + x, 20 + y], [20 - x, 20 + y], [20 + y, 20 + x], [20 + y, 20 - x]][side].concat(1.4); });
  if (name === "draw" || name === "file") return [];
  return [[12, 14, 2.2], [26, 11, 2.2], [20, 22, 2.2], [29, 28, 2.2], [11, 29, 2.2]];
}

const paths = { draw: "M9 31l2-8L26 8l6 6-15 15z M23 11l6 6", file: "M11 6h12l7 7v21H11z M23 6v7h7 M15 20h11 M15 25h11" };

export function datasetIcon(name) {
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 40 40");
  svg.setAttribute("aria-hidden", "true");
  for (const [x, y, r] of places(name)) {
    const dot = document.createElementNS(space, "circle");
    for (const [key, value] of Object.entries({ cx: x, cy: y, r, fill: "currentColor" })) dot.setAttribute(key, value);
    svg.append(dot);
  }
  if (paths[name]) {
    const path = document.createElementNS(space, "path");
    for (const [key, value] of Object.entries({ d: paths[name], fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linejoin": "round" })) path.setAttribute(key, value);
    svg.append(path);
  }
  return svg;
}
