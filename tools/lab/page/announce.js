// Says in words what happened and how things stand, for those who listen to the page.
import { byId } from "lab/dom";
import { words, onLanguage } from "lab/words";
import { session, on } from "lab/session";
import { labelOfArm, numbersOf } from "lab/arms";
import { isPlaying, position } from "lab/player";
import { toast } from "lab/toast";

export const say = (text) => { byId("live").textContent = text; };

/// The step, within a step the update, and the numbers of each model.
export function summary() {
  const parts = session.opened.arms.map((_, k) => `${labelOfArm(k)}: ${numbersOf(k).map(([key, value, remark]) => `${words(`number.${key}`)} ${value} ${remark}`.trim()).join(", ")}`);
  return `${position()}. ${parts.join(". ")}.${session.update > 0 ? ` ${words("player.ends", { step: session.step + 1 })}` : ""}`;
}

export function announceNews() {
  let said = 0;
  on("refused", (error) => toast(error.arm === null || error.arm === undefined || !session.opened ? error.message : `${words(error.arm === 0 ? "left" : "right")}: ${error.message}`));
  on("playing", (playing) => { if (session.opened) say(words(playing ? "said.playing" : "said.paused", { step: session.step })); });
  on("evaluated", () => {
    // While it plays, every ten seconds are enough to listen to.
    if (isPlaying() && performance.now() - said < 10000) return;
    said = performance.now();
    say(summary());
  });
  // Within a step nothing is evaluated; of a language, the page says anew what it said in the other one.
  on("stepped", () => { if (session.update > 0) say(summary()); });
  on("changed", () => say(summary()));
  onLanguage(() => { if (session.opened) say(summary()); });
}
