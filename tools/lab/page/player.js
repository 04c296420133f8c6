// Plays: trains a little, draws, and again; at most 30 drawings a second, and as many steps a second as chosen.
import { byId, element } from "lab/dom";
import { words, counted, onLanguage } from "lab/words";
import { session, on, open, train, look, evaluate, refreshKept, back, tell } from "lab/session";

let playing = false;
let loop = null;
/// Steps a second; 0: as many as there can be.
let speed = 0;
/// Where to stop; a link asks for a step to go to at once.
let target = Infinity;
const speeds = [1, 3, 10, 30, 0];
/// Milliseconds from drawing to drawing.
const between = 1000 / 30;

export const isPlaying = () => playing;
/// The step, and within a step that slow motion has begun, which of its critic updates was made last.
export function position() {
  const { step, update } = session;
  return update > 0 ? words("player.at.update", { step: step + 1, n: update, of: updates() }) : words("player.at", { step });
}
const updates = () => Math.max(...session.opened.arms.map((arm) => arm.values["train.critic_steps"]));
const frame = () => new Promise((done) => { const timer = setTimeout(done, 200); requestAnimationFrame(() => { clearTimeout(timer); done(); }); });
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function run() {
  let drawing = 20;
  let measured = 0;
  let evaluated = performance.now();
  let evaluating = 100;
  let due = 1;
  let last = performance.now();
  let next = last;
  let training = null;  // what the engine was asked for already
  while (playing) {
    const began = performance.now();
    const fastest = speed === 0 || target < Infinity;
    due = fastest ? 1e6 : due + (speed * (began - last)) / 1000;
    last = began;
    if (due >= 1) {
      // The engine trains while the page draws and the browser paints; it gets what its own part of a frame leaves.
      const more = () => {
        const budget = fastest ? Math.max(between - 2 - drawing, drawing / 2, 4) : 60;
        return train(Math.min(fastest ? 1000 : Math.floor(due), target - session.step), budget);
      };
      const [answer] = await Promise.all([training ?? more(), frame()]);
      training = null;
      if (answer) due = Math.min(due - Math.max(1, answer.arrays.steps.length), speed);
      if (session.diverged.length > 0 && session.diverged.every((d) => d)) stop();
      const meanwhile = () => { if (playing && fastest && session.step < target) training = more(); };
      drawing = (await look({ meanwhile })) ?? drawing;
      // The exact distance takes long: at most a twentieth of the time.
      const now = performance.now();
      if (now - evaluated > Math.max(400, 20 * evaluating)) {
        await evaluate();
        evaluated = performance.now();
        evaluating = evaluated - now;
      }
      if (session.step >= target) stop();
      if (++measured % 20 === 0) await refreshKept();
    } else {
      await frame();
    }
    // By a clock of its own: a timer that fires late would make every drawing later.
    next = Math.max(next + between, performance.now() - between);
    const rest = next - performance.now();
    if (rest > 1) await pause(rest);
  }
  await training;
  await look({ whole: true });
  await evaluate();
  await refreshKept();
}

function show() {
  const button = byId("play");
  button.setAttribute("aria-pressed", String(playing));
  button.classList.toggle("on", playing);
  byId("play-text").textContent = words(playing ? "player.pause" : "player.play");
  tell("playing", playing);
}

export function play() {
  if (playing || session.opened === null) return;
  playing = true;
  show();
  loop = (loop ?? Promise.resolve()).then(run).catch((error) => { stop(); tell("refused", error); });
}

export function stop() {
  if (!playing) return;
  playing = false;
  target = Infinity;
  show();
}

export const toggle = () => (playing ? stop() : play());

/// Stops, and waits until what was asked of the engine is done.
export async function halt() {
  stop();
  await loop;
}

/// Runs `act` with nothing playing meanwhile, and plays on where it did.
export async function paused(act) {
  const was = playing;
  await halt();
  await act();
  if (was) play();
}

export async function oneStep() {
  await halt();
  await train(1, 1);
  await look({ whole: true });
  await evaluate();
  await refreshKept();
}

/// Trains to a step at once, as a link asks for.
export async function trainTo(step) {
  if (step <= session.step) return;
  target = step;
  play();
  await loop;
}

export const restart = () => paused(() => open());

async function goBack(step) {
  await halt();
  await back(step);
  await evaluate();
}

/// Goes to the kept state before the present one, or the one after it is not known.
export async function stepBack() {
  await halt();
  await refreshKept();
  const earlier = session.kept.filter((s) => s < session.step).at(-1);
  if (earlier !== undefined) await goBack(earlier);
}

export function faster(by) {
  const menu = byId("speed");
  menu.selectedIndex = Math.max(0, Math.min(speeds.length - 1, menu.selectedIndex + by));
  speed = speeds[menu.selectedIndex];
}

function fillSpeeds() {
  byId("speed").replaceChildren(...speeds.map((s) => element("option", { value: s, selected: s === speed }, s === 0 ? words("player.fastest") : counted("player.rate", s))));
}

/// What the count says, and within a step also what Play then does: it ends the step.
function showCount() {
  const { step, update } = session;
  const ends = update > 0 ? words("player.ends", { step: step + 1 }) : null;
  byId("count").textContent = update > 0 ? step + 1 : step;
  byId("within").textContent = update > 0 ? words("player.update", { n: update, of: updates() }) : "";
  byId("play").title = ends ?? "";
  byId("step").title = ends ?? words("player.step");
}

function showScrub() {
  const scrub = byId("scrub");
  const { kept, step } = session;
  scrub.max = Math.max(0, kept.length - 1);
  scrub.disabled = kept.length < 2;
  const at = kept.findLastIndex((s) => s <= step);
  scrub.value = Math.max(0, at);
  scrub.setAttribute("aria-valuetext", words("player.at", { step: kept[at] ?? 0 }));
}

export function setUp() {
  show();
  fillSpeeds();
  onLanguage(() => { show(); fillSpeeds(); if (session.opened) { showCount(); showScrub(); } });
  byId("play").onclick = toggle;
  byId("step").onclick = oneStep;
  byId("restart").onclick = restart;
  byId("speed").onchange = (event) => { speed = Number(event.target.value); };
  let going = null;
  byId("scrub").oninput = async (event) => {
    // The states after the one chosen stay until the hand lets go: only the last position counts.
    const step = session.kept[Number(event.target.value)];
    byId("count").textContent = step;
    clearTimeout(going);
    going = setTimeout(() => goBack(step).then(showScrub), 150);
  };
  for (const name of ["opened", "trained", "back", "stepped"]) on(name, showCount);
  for (const name of ["opened", "kept", "back"]) on(name, showScrub);
}
