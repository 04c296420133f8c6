// The second tab: a recorded run of `kantor compare` on images, played back. Two sheets of samples side by side, the
// numbers of the moment, and the curves of the whole run. tools/lab/record makes the data.
const css = `
.recorded { display: grid; gap: 1rem; color: var(--ink); }
.recorded p { margin: 0; max-width: 75ch; }
.recorded .note { color: var(--soft); font-size: .88rem; }
.recorded-player { display: flex; align-items: center; gap: .8rem; position: sticky; top: 0; z-index: 2; padding: .5rem 0; background: var(--paper); }
.recorded-player button { min-width: 6.5rem; min-height: 2.6rem; }
.recorded-player label { display: flex; flex: 1; align-items: center; gap: .6rem; color: var(--soft); white-space: nowrap; }
.recorded-player input { flex: 1; min-width: 4rem; max-width: 40rem; }
.recorded-player output { min-width: 8.5rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.recorded-arms { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .9rem; }
.recorded-arms figure { margin: 0; min-width: 0; padding: .7rem; background: var(--panel); border: 1px solid var(--line); border-top: 4px solid var(--arm); border-radius: 9px; }
.recorded-arms h3 { margin: 0 0 .5rem; font-size: 1rem; }
.recorded-arms img { display: block; width: 100%; max-width: 466px; height: auto; margin: 0 auto; background: #000; image-rendering: pixelated; }
.recorded-arms dl { display: grid; grid-template-columns: 1fr auto; gap: .15rem .8rem; max-width: 466px; margin: .6rem auto 0; font-size: .88rem; }
.recorded-arms dt { color: var(--soft); }
.recorded-arms dd { margin: 0; text-align: end; font-variant-numeric: tabular-nums; }
.recorded-charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: .9rem; }
.recorded-charts figure { margin: 0; min-width: 0; padding: .7rem; background: var(--panel); border: 1px solid var(--line); border-radius: 9px; }
.recorded-charts h3 { margin: 0; font-size: .95rem; }
.recorded-charts .plot { position: relative; height: 210px; margin-top: .3rem; }
.recorded-origin { display: grid; gap: .5rem; padding: .7rem; background: var(--panel); border: 1px solid var(--line); border-radius: 9px; }
.recorded-origin > div { display: flex; gap: .6rem; align-items: flex-start; }
.recorded-origin code { flex: 1; min-width: 0; overflow-wrap: anywhere; text-align: left; font-size: .85rem; }
/* The clipped model stays on the left in every language, as its curves do. */
[dir="rtl"] .recorded-arms { direction: ltr; }
[dir="rtl"] .recorded-arms > * { direction: rtl; }
.recorded canvas { direction: ltr; }
@media (max-width: 600px) {
  .recorded-player { flex-wrap: wrap; }
  .recorded-player label { order: 3; flex-basis: 100%; }
  .recorded-arms { gap: .5rem; }
  .recorded-arms figure { padding: .45rem; }
  .recorded-arms img { aspect-ratio: 117 / 175; object-fit: cover; object-position: 0 0; } /* four columns of the sheet, larger */
  .recorded-arms dl { grid-template-columns: 1fr; gap: 0; }
  .recorded-arms dd { text-align: start; margin-bottom: .25rem; color: var(--ink); }
}`;

// Okabe and Ito's, as the constraints have them in Kantor's reports.
const colours = { light: { clip: "#d55e00", penalty: "#0072b2" }, dark: { clip: "#ff8a3d", penalty: "#56b4e9" } };
const charts = [
  { name: "distance", logarithmic: true, floor: true },
  { name: "estimate", logarithmic: true },
  { name: "gradient", logarithmic: true, one: true },
  { name: "penalty", only: "penalty" },
  { name: "saturation", only: "clip", percent: true },
];
const milliseconds = 900; // from moment to moment
const mounted = new WeakMap();

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const short = (value) => value.toLocaleString("en", { maximumSignificantDigits: 3 });
/// Ticks of a logarithmic axis that leave room for each other: 1 and 3 of each decade.
const sparse = (axis) => { axis.ticks = axis.ticks.filter(({ value }) => /^[13]/.test(value.toExponential())); };
const percent = (value) => value.toLocaleString("en", { style: "percent", maximumFractionDigits: 1 });

/// The last value of a series up to a step, or undefined.
const at = (series, step) => series.findLast(([s, value]) => s <= step && value !== null)?.[1];

/// Shows `data` (tools/lab/recorded.json) in `element` with the texts `words` ("recorded.play": "Play", ...). Mounting
/// again, in another language, replaces what was there. Returns a function that takes everything away.
export function mount(place, data, words) {
  mounted.get(place)?.();
  const text = (key, values = {}) => (words[`recorded.${key}`] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  const steps = data.arms[0].sheets.map((sheet) => sheet.step);
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  let moment = steps.length - 1;
  let timer = null;

  // The parts that change with the moment.
  const slider = element("input", { type: "range", min: 0, max: steps.length - 1, step: 1, value: moment });
  const shown = element("output");
  const play = element("button", { type: "button", class: "primary" });
  const arms = data.arms.map((arm) => {
    const title = text(`arm.${arm.constraint}`);
    const image = element("img", { width: data.columns * 29 + 1, height: data.rows * 29 + 1 });
    const facts = ["distance", "estimate", "gradient", "saturation"].map((name) => [name, element("dd")]);
    const node = element("figure", {}, element("h3", {}, title), image,
      element("dl", {}, ...facts.flatMap(([name, dd]) => [element("dt", {}, text(name)), dd])));
    return { arm, title, image, facts, node };
  });
  const figures = charts.map((chart) => {
    const canvas = element("canvas", { role: "img", "aria-label": `${text(chart.name)}. ${text(`${chart.name}.reading`)}` });
    const node = element("figure", {}, element("h3", {}, text(chart.name)), element("p", { class: "note" }, text(`${chart.name}.reading`)), element("div", { class: "plot" }, canvas));
    return { ...chart, canvas, node, drawn: null };
  });

  const code = element("code", { dir: "ltr" }, data.command);
  const copy = element("button", { type: "button" }, text("copy"));
  const root = element("div", { class: "recorded" }, element("style", {}, css),
    element("p", {}, text("intro")),
    element("div", { class: "recorded-player", role: "group", "aria-label": text("player") }, play, element("label", {}, text("moment"), slider), shown),
    element("div", { class: "recorded-arms" }, ...arms.map((a) => a.node)),
    element("div", { class: "recorded-charts" }, ...figures.map((f) => f.node)),
    element("div", { class: "recorded-origin" }, element("strong", {}, text("origin")), element("div", {}, code, copy),
      element("p", { class: "note" }, text("details", { seed: data.seed, commit: data.commit, version: data.version, date: data.date, threads: data.threads, minutes: Math.max(1, Math.round(data.arms.reduce((sum, arm) => sum + arm.seconds, 0) / 60)) })),
      element("p", { class: "note" }, text("measure", { samples: data.distance.samples.toLocaleString("en"), directions: data.distance.directions }))));
  place.replaceChildren(root);

  /// A line at the moment that is shown.
  const marker = { id: "moment", afterDatasetsDraw({ ctx, chartArea: area, scales }) {
    const x = scales.x.getPixelForValue(steps[moment]);
    ctx.save();
    ctx.strokeStyle = getComputedStyle(root).getPropertyValue("--ink");
    ctx.setLineDash([5, 4]);
    ctx.beginPath();
    ctx.moveTo(x, area.top);
    ctx.lineTo(x, area.bottom);
    ctx.stroke();
    ctx.restore();
  } };

  function show(index) {
    moment = index;
    const step = steps[moment];
    slider.value = moment;
    shown.textContent = text("step", { step: step.toLocaleString("en"), steps: data.steps.toLocaleString("en") });
    slider.setAttribute("aria-valuetext", shown.textContent);
    for (const { arm, title, image, facts } of arms) {
      image.src = `data:image/png;base64,${arm.sheets[moment].png}`;
      image.alt = text("sheet", { title, step });
      for (const [name, dd] of facts) {
        const value = name === "saturation" && arm.constraint !== "clip" ? undefined : at(arm.series[name], step);
        dd.textContent = value === undefined ? "–" : name === "saturation" ? percent(value) : short(value);
      }
    }
    for (const { drawn } of figures) drawn?.draw();
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = text("play");
  }
  play.onclick = () => {
    if (timer !== null) return stop();
    if (moment === steps.length - 1) show(0);
    play.textContent = text("pause");
    timer = setInterval(() => {
      if (!root.isConnected) return stop();
      show(moment + 1);
      if (moment === steps.length - 1) stop();
    }, calm.matches ? 3 * milliseconds : milliseconds);
  };
  slider.oninput = () => { stop(); show(Number(slider.value)); };
  copy.onclick = async () => {
    try {
      await navigator.clipboard.writeText(data.command);
      copy.textContent = text("copied");
    } catch { // Not allowed here: the text is selected, to be copied by hand.
      getSelection().selectAllChildren(code);
    }
  };

  function drawCharts() {
    const style = getComputedStyle(root);
    const [ink, soft, line] = ["--ink", "--soft", "--line"].map((name) => style.getPropertyValue(name).trim());
    const theme = document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
    const rtl = getComputedStyle(place).direction === "rtl";
    arms.forEach(({ arm, node }) => node.style.setProperty("--arm", colours[theme][arm.constraint]));
    for (const figure of figures) {
      const curves = arms.filter(({ arm }) => !figure.only || figure.only === arm.constraint).map(({ arm, title }) => ({
        label: title, data: arm.series[figure.name].filter(([, y]) => y !== null && (!figure.logarithmic || y > 0)).map(([x, y]) => ({ x, y })),
        borderColor: colours[theme][arm.constraint], backgroundColor: colours[theme][arm.constraint], borderWidth: 1.8,
        pointRadius: figure.name === "distance" ? 2.5 : 0 }));
      const level = figure.floor ? data.floor : figure.one ? 1 : null;
      if (level !== null) curves.push({ label: text(figure.floor ? "floor" : "one"), data: [{ x: 0, y: level }, { x: data.steps, y: level }], borderColor: soft, backgroundColor: soft, borderDash: [6, 4], borderWidth: 1.3, pointRadius: 0 });
      figure.drawn?.destroy();
      figure.drawn = new window.Chart(figure.canvas, { type: "line", data: { datasets: curves }, plugins: [marker],
        options: { animation: false, maintainAspectRatio: false, color: ink, locale: "en",
          interaction: { mode: "nearest", axis: "x", intersect: false },
          plugins: { legend: { rtl, labels: { color: ink, boxHeight: 2, boxWidth: 22 } } },
          scales: {
            x: { type: "linear", min: 0, max: data.steps, title: { display: true, text: text("steps"), color: ink }, grid: { color: line }, ticks: { color: soft, maxTicksLimit: 6 } },
            y: { type: figure.logarithmic ? "logarithmic" : "linear", min: figure.logarithmic ? undefined : 0, afterBuildTicks: figure.logarithmic ? sparse : undefined, grid: { color: line },
              ticks: { color: soft, maxTicksLimit: 6, callback: (value) => (figure.percent ? percent(value) : short(value)) } } } } });
    }
  }
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const themes = new MutationObserver(drawCharts);
  themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  dark.addEventListener("change", drawCharts);
  stop();
  show(moment);
  drawCharts();

  const unmount = () => {
    stop();
    themes.disconnect();
    dark.removeEventListener("change", drawCharts);
    for (const { drawn } of figures) drawn?.destroy();
    root.remove();
    mounted.delete(place);
  };
  mounted.set(place, unmount);
  return unmount;
}
