// Says what happened: short notes on the screen, and in words for those who listen to the page.
import { byId } from "lab/dom";
import { words } from "lab/words";
import { session, on } from "lab/session";
import { labelOfArm, numbersOf } from "lab/arms";
import { isPlaying } from "lab/player";

let hide = null;
export function toast(text) {
  const note = byId("toast");
  note.textContent = text;
  note.hidden = false;
  clearTimeout(hide);
  hide = setTimeout(() => { note.hidden = true; }, 6000);
  say(text);
}

export const say = (text) => { byId("live").textContent = text; };

/// The step and the numbers of each model, in a sentence.
export function summary() {
  const parts = session.opened.arms.map((_, k) => `${labelOfArm(k)}: ${numbersOf(k).map(([key, value, remark]) => `${words(`number.${key}`)} ${value} ${remark}`.trim()).join(", ")}`);
  return `${words("player.at", { step: session.step })}. ${parts.join(". ")}.`;
}

export function announceNews() {
  let said = 0;
  on("refused", (error) => toast(error.arm === null || error.arm === undefined || !session.opened ? error.message : `${words(error.arm === 0 ? "left" : "right")}: ${error.message}`));
  on("playing", (playing) => { if (session.opened) say(words(playing ? "said.playing" : "said.paused", { step: session.step })); });
  on("evaluated", () => {
    // While it plays, every ten seconds are enough to listen to.
    if (isPlaying() && performance.now() - said < 10000) return;
    said = performance.now();
    if (session.step > 0) say(summary());
  });
}
