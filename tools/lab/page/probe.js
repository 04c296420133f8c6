// What both critics say of the place under the pointer, so that the two models can be compared at one point.
import { byId, element, short } from "lab/dom";
import { words } from "lab/words";
import { session, on } from "lab/session";
import { placing } from "lab/plane";

let at = null;

/// The field's value and gradient norm at a point of the plane, from the four grid points around it.
export function reading(field, grid, [left, right, bottom, top], [x, y]) {
  const dx = (right - left) / (grid - 1), dy = (top - bottom) / (grid - 1);
  const u = (x - left) / dx, v = (y - bottom) / dy;
  if (!(u >= 0 && v >= 0 && u <= grid - 1 && v <= grid - 1)) return null;
  const i = Math.min(grid - 2, Math.floor(u)), j = Math.min(grid - 2, Math.floor(v));
  const [s, t] = [u - i, v - j];
  const [a, b, c, d] = [field[j * grid + i], field[j * grid + i + 1], field[(j + 1) * grid + i], field[(j + 1) * grid + i + 1]];
  const value = (1 - t) * ((1 - s) * a + s * b) + t * ((1 - s) * c + s * d);
  return { value, norm: Math.hypot(((1 - t) * (b - a) + t * (d - c)) / dx, ((1 - s) * (c - a) + s * (d - b)) / dy) };
}

function show() {
  const { frame, opened } = session;
  byId("planes").querySelectorAll(".plane").forEach((plane, arm) => {
    let mark = plane.querySelector(".probe");
    const field = frame?.arrays[`field${arm}`];
    const found = at && field ? reading(field, frame.grid, opened.box, at) : null;
    if (!found) { mark?.remove(); return; }
    if (!mark) {
      mark = element("div", { class: "probe", "aria-hidden": "true", dir: "ltr" }, element("i"), element("span"));
      plane.append(mark);
    }
    const place = placing(opened.box, plane.clientWidth, plane.clientHeight);
    mark.style.left = `${place.x(at[0])}px`;
    mark.style.top = `${place.y(at[1])}px`;
    mark.classList.toggle("flip", place.x(at[0]) > plane.clientWidth * 0.6);
    mark.lastChild.textContent = words("probe", { value: short(found.value), norm: short(found.norm, 2) });
  });
}

export function setUp() {
  const planes = byId("planes");
  planes.addEventListener("pointermove", (event) => {
    const plane = event.target.closest(".plane");
    if (!plane || event.pointerType === "touch") return;
    const frame = plane.getBoundingClientRect();
    at = placing(session.opened.box, plane.clientWidth, plane.clientHeight).inverse(event.clientX - frame.left, event.clientY - frame.top);
    show();
  });
  planes.addEventListener("pointerleave", () => { at = null; show(); });
  on("framed", () => { if (at) show(); });
}
