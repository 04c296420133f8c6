// A short note on the screen. It lies where no control is, and goes when it is dismissed or after some seconds.
import { byId, element } from "lab/dom";
import { words } from "lab/words";

const controls = "button, select, input, summary, label, a[href], textarea";
const stays = 8000, clearance = 6, margin = 10;
let hide = null;
let waiting = false;

const shows = (node) => (node.checkVisibility?.() ?? node.getClientRects().length > 0) && getComputedStyle(node).visibility !== "hidden";

/// The boxes of the controls that can be seen now, in the window's pixels.
function taken(note) {
  const { innerWidth, innerHeight } = window;
  return [...document.querySelectorAll(controls)].filter((node) => !note.contains(node) && !node.closest(".away, .skip") && shows(node))
    .map((node) => node.getBoundingClientRect())
    .filter((box) => box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth);
}

/// The lowest place in the window where a note of this size leaves every control free, or null.
function freePlace(width, height, boxes) {
  const { innerWidth, innerHeight } = window;
  const columns = [(innerWidth - width) / 2, margin, innerWidth - width - margin];
  for (let top = innerHeight - height - margin; top >= margin; top -= 4) {
    for (const left of columns) {
      const apart = (box) => box.left >= left + width + clearance || box.right <= left - clearance || box.top >= top + height + clearance || box.bottom <= top - clearance;
      if (boxes.every(apart)) return { left, top };
    }
  }
  return null;
}

/// Where nothing is free, the note becomes a row of the settings' sheet, or of the player, which make room for it: on a phone
/// the player lies over the page's end, so that the page becomes as much longer.
function place() {
  const note = byId("toast");
  // A row stays one until it is dismissed or its place closes.
  if (note.hidden || (note.classList.contains("row") && shows(note))) return;
  leaveRow(note);
  const { width, height } = note.getBoundingClientRect();
  const found = freePlace(width, height, taken(note));
  note.style.left = found ? `${found.left}px` : "";
  note.style.top = found ? `${found.top}px` : "";
  if (found) return;
  note.classList.add("row");
  const sheet = byId("settings");
  const player = document.querySelector(".player");
  (sheet.classList.contains("shown") ? sheet.querySelector(".settings-head") : player).append(note);
  if (getComputedStyle(player).position === "fixed") document.body.style.paddingBottom = `${player.offsetHeight}px`;
}

function leaveRow(note) {
  if (!note.classList.contains("row")) return;
  note.classList.remove("row");
  document.body.append(note);
  document.body.style.paddingBottom = "";
}

function placeSoon() {
  if (waiting || byId("toast").hidden) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; place(); });
}

export function dismiss() {
  clearTimeout(hide);
  leaveRow(byId("toast"));
  byId("toast").hidden = true;
}

export function toast(text) {
  const note = byId("toast");
  const go = () => { clearTimeout(hide); hide = setTimeout(dismiss, stays); };
  note.replaceChildren(element("span", {}, text), element("button", { class: "icon", "aria-label": words("close"), title: words("close"), onclick: dismiss }, "×"));
  note.hidden = false;
  note.onpointerenter = note.onfocusin = () => clearTimeout(hide);
  note.onpointerleave = note.onfocusout = go;
  place();
  go();
  byId("noted").textContent = text;
}

export function setUp() {
  window.addEventListener("scroll", placeSoon, { capture: true, passive: true });
  window.addEventListener("resize", placeSoon);
  const observer = new ResizeObserver(placeSoon);
  for (const part of document.querySelectorAll("main, .stage > *")) observer.observe(part);
  // What opens or moves while a note lies there must not end up under it.
  for (const name of ["click", "toggle", "transitionend"]) document.addEventListener(name, placeSoon, true);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !document.querySelector("dialog[open]")) dismiss(); });
}
