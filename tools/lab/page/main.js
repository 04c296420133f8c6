// Starts the page: asks the engine what it can do, opens what the link or the program asks for, and joins the parts.
import { byId, element } from "lab/dom";
import { words, fill, setLanguage, preferred, languageOptions, dictionary, language, onLanguage } from "lab/words";
import { ask } from "lab/engine";
import { session, on, open, tell } from "lab/session";
import { fresh, fromLink, toLink } from "lab/state";
import { presets } from "lab/presets";
import { toggleTheme } from "lab/colours";
import * as player from "lab/player";
import * as arms from "lab/arms";
import * as controls from "lab/controls";
import * as charts from "lab/charts";
import * as histograms from "lab/histograms";
import * as network from "lab/network_view";
import * as slow from "lab/slow_motion";
import * as exporting from "lab/export";
import * as probe from "lab/probe";
import * as keyboard from "lab/keyboard";
import { announceNews } from "lab/announce";
import * as notes from "lab/toast";

const json = (id) => JSON.parse(byId(id)?.textContent || "null");

/// Writes the state into the address, so that it can be copied from there. Some browsers refuse this for files.
function writeLink() {
  try { history.replaceState(null, "", `#${toLink(session.state)}`); } catch { /* "Copy the link" works all the same. */ }
}

async function openTab(name) {
  session.state.tab = name;
  for (const tab of ["plane", "images"]) {
    const chosen = tab === name;
    byId(`panel-${tab}`).hidden = !chosen;
    byId(`tab-${tab}`).setAttribute("aria-selected", String(chosen));
    byId(`tab-${tab}`).tabIndex = chosen ? 0 : -1;
  }
  if (name !== "images") return;
  player.stop();
  const place = byId("images");
  if (place.lang === language()) return;
  try {
    const { mount } = await import("lab/recorded");
    const recorded = json("recorded");
    if (!recorded) throw new Error("no recorded run");
    place.replaceChildren();
    place.lang = language();
    mount(place, recorded, dictionary());
  } catch (error) {
    console.info(String(error));
    place.replaceChildren(element("p", { class: "empty" }, words("images.none")));
  }
}

function tabs() {
  const names = ["plane", "images"];
  for (const name of names) {
    byId(`tab-${name}`).onclick = () => openTab(name).then(writeLink);
    byId(`tab-${name}`).onkeydown = (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const other = names[1 - names.indexOf(name)];
      openTab(other).then(writeLink);
      byId(`tab-${other}`).focus();
    };
  }
}

function languageMenu() {
  const menu = byId("language");
  menu.replaceChildren(...languageOptions());
  menu.onchange = () => { session.state.lang = menu.value; setLanguage(menu.value); writeLink(); };
  onLanguage(() => { if (session.state.tab === "images") openTab("images"); });
}

/// What the program was asked to open: a link's text, runs' configurations, a CSV.
function opened(state) {
  const asked = json("opened") ?? {};
  if (asked.toml?.length > 0) state.tomls = asked.toml.slice(0, 2);
  if (asked.csv) state.csv = asked.csv;
  return state;
}

async function start() {
  session.state = fresh();
  setLanguage(new URLSearchParams(location.hash.slice(1)).get("lang") ?? preferred());
  fill();
  byId("watch-text").textContent = words("starting");
  byId("theme").onclick = toggleTheme;
  tabs();
  languageMenu();
  for (const part of [arms, player, controls, charts, histograms, network, slow, exporting, probe, keyboard, notes]) part.setUp();
  announceNews();
  session.described = await ask("describe");
  byId("version").textContent = `kantor ${session.described.version} (${session.described.commit})`;
  const asked = json("opened")?.link ?? "";
  session.state = opened(fromLink(location.hash.length > 1 ? location.hash : asked, presets(session.described)));
  const { step, slow: stage, tab } = session.state;
  if (!(await open())) {
    // The link asks for what the engine refuses: the page opens with what it can show.
    session.state = fresh();
    await open();
  }
  document.body.classList.add("ready");
  await openTab(tab);
  for (const name of ["opened", "framed", "kept", "changed"]) on(name, () => { session.state.step = player.isPlaying() ? session.state.step : session.step; if (!player.isPlaying()) writeLink(); });
  if (step > 0) await player.trainTo(step);
  if (stage) {
    await slow.begin();
    byId("slow").scrollIntoView({ block: "start", behavior: "auto" });
  }
  window.addEventListener("hashchange", () => location.reload());
}

start().catch((error) => {
  byId("watch-text").textContent = words("failed", { text: error.message });
  notes.toast(error.message);
  tell("refused", error);
});
