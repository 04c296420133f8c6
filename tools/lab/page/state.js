// What the page shows, as it stands in a link. See tools/lab/README.md for the link's keys.

/// Without a word about the constraint, the left model clips and the right one is penalised.
const customary = { left: { "critic.constraint": "clip" }, right: { "critic.constraint": "penalty" } };
export const layers = ["field", "samples", "arrows", "interpolates", "plan", "manifold"];

export function fresh() {
  return { both: {}, left: { ...customary.left }, right: { ...customary.right }, arms: 2, lang: null, tab: "plane",
    show: new Set(["field", "samples"]), step: 0, slow: false, preset: "", points: null, csv: null, tomls: null };
}

/// Whether the state is somebody's own: neither a preset nor what the page begins with.
export function isOwn(state) {
  const changed = (side) => Object.entries(state[side]).some(([key, value]) => customary[side]?.[key] !== value);
  return state.preset === "" && (state.arms === 1 || Boolean(state.points || state.csv || state.tomls) || ["both", "left", "right"].some(changed));
}

export const sideOf = (arm) => (arm === 0 ? "left" : "right");

/// A value as a link writes it, as what it is.
function parsed(text) {
  if (text === "true" || text === "false") return text === "true";
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/// Points as base64 of int16 pairs, in units of 1/4096: the plane from -8 to 8.
export function packPoints(points) {
  const units = Int16Array.from(points, (v) => Math.max(-32767, Math.min(32767, Math.round(v * 4096))));
  return btoa(String.fromCharCode(...new Uint8Array(units.buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function unpackPoints(text) {
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  return Array.from(new Int16Array(bytes.buffer, 0, 2 * Math.floor(bytes.length / 4)), (v) => v / 4096);
}

/// Sets a value for one model, or for both (side "both"), where it then replaces what each had of its own.
export function setValue(state, side, key, value) {
  state[side][key] = value;
  if (side === "both") {
    delete state.left[key];
    delete state.right[key];
  }
}

/// Sets values whose keys may begin with left. or right.; those of one model after those of both, which they override.
export function setValues(state, values) {
  const sided = /^(left|right)\.(.*)$/;
  const pairs = Object.entries(values);
  for (const [name, value] of pairs) if (!sided.test(name)) setValue(state, "both", name, value);
  for (const [name, value] of pairs) {
    const found = sided.exec(name);
    if (found) setValue(state, found[1], found[2], value);
  }
}

/// What the engine's question "open" takes.
export function question(state) {
  const arms = state.tomls ?? [0, 1].slice(0, state.arms).map((arm) => ({ ...state.both, ...state[sideOf(arm)] }));
  return { arms, ...(state.points && { points: state.points }), ...(state.csv && { csv: state.csv }) };
}

/// The state of a link; `presets` are those that it may name.
export function fromLink(text, presets) {
  const state = fresh();
  const values = {};
  for (const [key, value] of new URLSearchParams(text.replace(/^#/, ""))) {
    if (key === "arms") state.arms = value === "1" ? 1 : 2;
    else if (key === "lang") state.lang = value;
    else if (key === "tab") state.tab = value === "images" ? "images" : "plane";
    else if (key === "show") state.show = new Set(value.split(",").filter((l) => layers.includes(l)));
    else if (key === "step") state.step = Math.max(0, Math.floor(Number(value)) || 0);
    else if (key === "slow") state.slow = value === "1";
    else if (key === "preset") state.preset = value;
    else if (key === "points") {
      try { state.points = unpackPoints(value); } catch { /* A damaged link opens without its drawing. */ }
    } else values[key] = parsed(value);
  }
  setValues(state, presets.find((p) => p.name === state.preset)?.values ?? {});
  setValues(state, values);
  return state;
}

export function toLink(state) {
  const pairs = [];
  const add = (key, value) => pairs.push(`${key}=${encodeURIComponent(value).replaceAll("%2C", ",")}`);
  if (state.preset) add("preset", state.preset);
  for (const [key, value] of Object.entries(state.both)) add(key, value);
  for (const side of ["left", "right"]) {
    for (const [key, value] of Object.entries(state[side])) if (customary[side][key] !== value) add(`${side}.${key}`, value);
  }
  if (state.arms === 1) add("arms", 1);
  if (state.tab !== "plane") add("tab", state.tab);
  if ([...state.show].sort().join() !== "field,samples") add("show", [...state.show].join());
  if (state.step > 0) add("step", state.step);
  if (state.slow) add("slow", 1);
  if (state.lang) add("lang", state.lang);
  if (state.points) add("points", packPoints(state.points));
  return pairs.join("&");
}
