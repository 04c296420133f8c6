// Keys that work anywhere on the page, and the dialog that lists them.
import { byId, element } from "lab/dom";
import { words } from "lab/words";
import { layers } from "lab/state";
import { session } from "lab/session";
import { toggle, oneStep, restart, stepBack, faster } from "lab/player";
import { toggleLayer, offered } from "lab/arms";
import { begin, move, active } from "lab/slow_motion";
import { summary, say } from "lab/announce";

async function slow() {
  if (!active()) await begin();
  byId("slow").scrollIntoView({ block: "start", behavior: "auto" });
}

const keys = [
  [" ", "key.play", toggle], [".", "key.step", oneStep], [",", "key.back", stepBack], ["r", "key.restart", restart],
  ["+", "key.faster", () => faster(1)], ["-", "key.slower", () => faster(-1)],
  ["s", "key.slow", slow], ["n", "key.next", () => move(1)], ["p", "key.previous", () => move(-1)],
  ["a", "key.say", () => say(summary())], ["?", "key.help", help],
];

function help() {
  const dialog = byId("help-dialog");
  const row = (key, text) => element("tr", {}, element("th", { scope: "row" }, element("kbd", { dir: "ltr" }, key)), element("td", {}, text));
  dialog.replaceChildren(element("h2", { id: "help-title", tabindex: "-1", autofocus: true }, words("help.title")), ...["help.what", "help.critic", "help.constraint", "help.read"].map((key) => element("p", {}, words(key))),
    element("h3", {}, words("help.keys")),
    element("table", {}, element("tbody", {}, ...keys.map(([key, text]) => row(key === " " ? words("key.space") : key, words(text))), row(`1 - ${offered().length}`, words("key.layers")))),
    element("p", { class: "buttons" }, element("button", { class: "primary", onclick: () => dialog.close() }, words("close"))));
  dialog.showModal();
}

export function setUp() {
  byId("help").onclick = help;
  // The address holds the state of the page, so these links may not write theirs there.
  for (const link of document.querySelectorAll(".skip")) {
    link.onclick = (event) => {
      event.preventDefault();
      byId(link.getAttribute("href").slice(1)).focus();
    };
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !session.opened) return;
    if (document.querySelector("dialog[open]") || session.state.tab !== "plane") return;
    const { target } = event;
    if (target.matches("input:not([type=radio]):not([type=checkbox]):not([type=range]), select, textarea")) return;
    // On a button or a box, the space bar does what it does there.
    if (event.key === " " && target.matches("button, summary, input, a, [role=application]") && target.id !== "play") return;
    const found = keys.find(([key]) => key === event.key || key === event.key.toLowerCase());
    const layer = layers[Number(event.key) - 1];
    if (!found && !layer) return;
    event.preventDefault();
    if (found) found[2]();
    else toggleLayer(layer);
  });
  // With the default prevented, the play button would not be pressed a second time by the key's release.
  document.addEventListener("keyup", (event) => { if (event.key === " " && event.target.id === "play") event.preventDefault(); });
}
