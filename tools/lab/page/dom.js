// Small helpers to make elements, and to write numbers.

export const byId = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((c) => c !== null && c !== undefined));
  return node;
}

/// Makes a part of the page anew; whoever was at an element with a data-key by the keyboard goes on at its successor.
export function keepingFocus(root, rebuild) {
  const { activeElement } = document;
  const selector = root.contains(activeElement) && activeElement.dataset.key ? `[data-key="${CSS.escape(activeElement.dataset.key)}"]` : null;
  const index = selector ? [...root.querySelectorAll(selector)].indexOf(activeElement) : -1;
  rebuild();
  if (selector) root.querySelectorAll(selector)[index]?.focus();
}

/// A number in few characters: small and large ones in powers of ten.
export function short(value, digits = 3) {
  if (value === null || value === undefined) return "-";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "-∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(Math.max(0, digits - 2)).replace("e+", "e");
  return String(Number(value.toPrecision(digits)));
}

/// The canvas's context, cleared, with the canvas as large as its place on the screen in device pixels; units are CSS
/// pixels. Null where the canvas is not shown.
export function sized(canvas) {
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const { clientWidth: width, clientHeight: height } = canvas;
  if (width === 0 || height === 0) return null;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/// Calls `then` with true or false as the element comes into sight or leaves it.
export function inSight(node, then) {
  new IntersectionObserver((entries) => then(entries.at(-1).isIntersecting), { rootMargin: "40px" }).observe(node);
}
