// The page's colours. Okabe and Ito's where kinds are told apart, which the colour-blind can do; a constraint has the
// colour that it has in Kantor's reports, and points the shapes of their own that make colour a second clue.

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = [];
export const onTheme = (listener) => listeners.push(listener);
const changed = () => { for (const listener of listeners) listener(); };
dark.addEventListener("change", changed);

const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
export function toggleTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  changed();
}

const constraints = {
  light: { clip: "#d55e00", penalty: "#0072b2", "one-sided": "#009e73", r1: "#b65a90", r2: "#a66f00", dragan: "#2a86b8", spectral: "#117733", "weight-norm": "#882255", groupsort: "#332288", none: "#6f6f6f" },
  dark: { clip: "#ff8a3d", penalty: "#56b4e9", "one-sided": "#2fd6a3", r1: "#f0a3cd", r2: "#ffc14d", dragan: "#dce775", spectral: "#7bd17b", "weight-norm": "#e07aa8", groupsort: "#a99bff", none: "#aaaaaa" },
};
/// For a constraint that this page does not know, and for a second model under the same constraint.
const others = { light: ["#5e35b1", "#00695c"], dark: ["#b39ddb", "#80cbc4"] };

/// The colour of each model, by its constraint; never the same one twice.
export function armColours(arms) {
  const theme = isDark() ? "dark" : "light";
  const found = arms.map((arm, k) => constraints[theme][arm.values["critic.constraint"]] ?? others[theme][k]);
  if (found.length === 2 && found[0] === found[1]) found[1] = others[theme][1];
  return found;
}

export function palette() {
  return isDark()
    ? { ink: "#e6edf3", soft: "#9aa4af", line: "#30363d", paper: "#0d1117", real: "#ffffff", realEdge: "#10141c", fake: "#ff9a3c", fakeEdge: "#26140a", level: "rgba(230,237,243,.34)", arrow: "#ffffff", plan: "rgba(255,255,255,.5)", chosen: "#f0e442" }
    : { ink: "#1b1f24", soft: "#57606a", line: "#d0d7de", paper: "#ffffff", real: "#10141c", realEdge: "#ffffff", fake: "#e8650a", fakeEdge: "#ffffff", level: "rgba(20,30,60,.30)", arrow: "#10141c", plan: "rgba(20,20,30,.45)", chosen: "#7a0177" };
}

const ramps = {
  light: [[176, 186, 222], [190, 212, 232], [212, 233, 230], [232, 243, 214], [253, 249, 205]],
  dark: [[38, 27, 84], [36, 66, 112], [38, 104, 118], [72, 138, 110], [146, 160, 84]],
};
const between = (stops, t) => {
  const x = Math.max(0, Math.min(1, t)) * (stops.length - 1);
  const i = Math.min(stops.length - 2, Math.floor(x));
  return stops[i].map((v, k) => Math.round(v + (stops[i + 1][k] - v) * (x - i)));
};

const tables = Object.fromEntries(Object.entries(ramps).map(([theme, stops]) => [theme, Array.from({ length: 256 }, (_, i) => between(stops, i / 255))]));
/// The critic's values, from low (0) to high (255): dark to light in even steps.
export const rampTable = () => tables[isDark() ? "dark" : "light"];

/// A gradient norm: blue below 1, pale at 1, vermilion above, by its logarithm from 1/8 to 8.
const normStops = [[0, 80, 160], [86, 160, 220], [245, 245, 240], [240, 140, 60], [190, 60, 0]];
export function normColour(norm) {
  const t = 0.5 + Math.log2(Math.max(norm, 1e-12)) / 6;
  return `rgb(${between(normStops, t).join(" ")})`;
}

/// Change: blue where it fell, vermilion where it rose, paper where it stayed; from -1 to 1.
export function changeColour(t) {
  const middle = isDark() ? [22, 27, 34] : [250, 250, 250];
  const end = t < 0 ? (isDark() ? [86, 180, 233] : [0, 114, 178]) : isDark() ? [255, 138, 61] : [213, 94, 0];
  return middle.map((v, k) => Math.round(v + (end[k] - v) * Math.min(1, Math.abs(t))));
}

const css = (stops) => `linear-gradient(to right, ${stops.map((s) => `rgb(${s.join(" ")})`).join(", ")})`;
export const rampGradient = () => css(ramps[isDark() ? "dark" : "light"]);
export const normGradient = () => css(normStops);
