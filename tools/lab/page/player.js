// Plays: trains a little, draws, and again; at most 30 drawings a second, and as many steps a second as chosen.
import { byId, element } from "lab/dom";
import { words, counted, onLanguage } from "lab/words";
import { session, on, open, train, askFrame, showFrame, look, evaluate, refreshKept, back, tell } from "lab/session";

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
/// Resolves when the browser is about to paint, or after a while where nobody sees the page.
const painted = () => new Promise((done) => { const timer = setTimeout(done, 200); requestAnimationFrame(() => { clearTimeout(timer); done(); }); });
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function run() {
  let counted = 0;
  let evaluation = null, evaluated = performance.now(), cost = 100;
  let due = 1;
  let last = performance.now();
  let next = last;
  let step = null, picture = 10;  // the milliseconds that a step takes, and the engine's part of a frame
  const fastest = () => speed === 0 || target < Infinity;
  // The engine gets two questions at once, so that it does not wait for the page between them: to train, and for the frame
  // after that. It trains as many steps as end nearest to where its part of the next frame has to begin. A frame that came
  // late leaves fewer, so that the ones after it catch up.
  const more = () => {
    const budget = fastest() ? Math.max(next + between - performance.now() - picture, between / 4) : 60;
    const steps = fastest() ? Math.max(1, Math.round(budget / (step ?? budget))) : Math.floor(due);
    return { training: train(Math.min(steps, target - session.step), budget), frame: askFrame() };
  };
  const measure = async () => {
    const answer = await evaluate();
    [evaluation, evaluated, cost] = [null, performance.now(), answer?.took ?? cost];
  };
  let asked = null;
  while (playing) {
    const began = performance.now();
    due = fastest() ? 1e6 : due + (speed * (began - last)) / 1000;
    last = began;
    if (due >= 1) {
      const { training, frame } = asked ?? more();
      asked = null;
      const [trained, seen] = await Promise.all([training, frame]);
      if (trained) {
        const count = Math.max(1, trained.arrays.steps.length);
        step = (step ?? trained.milliseconds / count) * 0.8 + (trained.milliseconds / count) * 0.2;
        due = Math.min(due - count, speed);
      }
      if (seen) picture = 0.8 * picture + 0.2 * seen.took;
      if (session.diverged.length > 0 && session.diverged.every((d) => d)) stop();
      if (session.step >= target) stop();
      if (playing) {
        // The exact distance takes long: at most a twentieth of the time.
        if (evaluation === null && performance.now() - evaluated > Math.max(400, 20 * cost)) evaluation = measure();
        if (++counted % 20 === 0) refreshKept();
        if (fastest()) asked = more();
      }
      // The engine trains on while the page draws and the browser paints.
      await painted();
      showFrame(seen);
    } else {
      await painted();
    }
    // By a clock of its own: a timer that fires late would make every drawing later.
    next = Math.max(next + between, performance.now() - 4 * between);
    const rest = next - performance.now();
    if (rest > 1) await pause(rest);
  }
  await Promise.all([asked?.training, asked?.frame, evaluation]);
  await look();
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
  await look();
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
  byId("count").textContent = update > 0 ? step + 1 : step;
  if (playing) return;
  const ends = update > 0 ? words("player.ends", { step: step + 1 }) : null;
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
