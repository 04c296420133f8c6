// What is being trained: the engine's answers, kept for whoever draws them, and news of them as events.
import { ask } from "lab/engine";
import { question, setValue, setValues, sideOf } from "lab/state";
import { setModels } from "lab/words";

const news = new EventTarget();
/// Calls `then` at each piece of news: opened, changed, trained, stepped, evaluated, framed, kept, back, playing, refused.
export const on = (name, then) => news.addEventListener(name, (event) => then(event.detail));
export const tell = (name, detail) => news.dispatchEvent(new CustomEvent(name, { detail }));

export const session = {
  state: null, described: null, opened: null, frame: null, step: 0,
  history: null, evaluations: [], times: [], kept: [], diverged: [null, null],
  /// How many critic updates of a step that slow motion has begun are made; 0 between steps.
  update: 0,
  /// Counts what was opened; an answer to a question from before the latest is dropped.
  generation: 0,
};

const series = ["estimate", "loss", "generator_loss", "penalty"];
/// What of a frame somebody wants to see now: functions that give names of parts.
const wishes = [];
export const wish = (parts) => wishes.push(parts);
export const wanted = () => [...new Set(wishes.flatMap((parts) => parts()))];

function clear() {
  session.history = { steps: [], arms: session.opened.arms.map(() => Object.fromEntries(series.map((s) => [s, []]))) };
  Object.assign(session, { evaluations: [], times: [], kept: [0], diverged: [null, null], step: 0, update: 0, frame: null });
}

/// The values of runs that were opened: of each, what differs from where its constraint starts from.
function adopt(state, arms) {
  const { fields, constraints } = session.described;
  const defaults = Object.fromEntries(fields.map((f) => [f.key, f.default]));
  Object.assign(state, { both: {}, left: {}, right: {}, arms: arms.length, tomls: null, preset: "" });
  const sides = [state.left, state.right];
  arms.forEach(({ values }, arm) => {
    const constraint = values["critic.constraint"];
    // Points that are given stand beside the configuration: the engine then sets this by itself.
    const start = { ...defaults, ...constraints.find((c) => c.name === constraint)?.values, ...(values["data.kind"] === "file" && { "data.kind": "file" }) };
    for (const [key, value] of Object.entries(values)) if (start[key] !== value) sides[arm][key] = value;
    sides[arm]["critic.constraint"] = constraint;
  });
  if (arms.length === 1) Object.assign(state.right, { ...state.left, "critic.constraint": state.left["critic.constraint"] === "penalty" ? "clip" : "penalty" });
}

/// Opens what the state says. False where the engine refuses; what was open then stays.
export async function open(change = null) {
  const { state } = session;
  const before = structuredClone(state);
  change?.(state);
  const generation = ++session.generation;
  const asked = question(state);
  try {
    const opened = await ask("open", asked);
    if (generation !== session.generation) return false;
    session.opened = opened;
    if (state.tomls) adopt(state, opened.arms);
    setModels(opened.arms.length);
    clear();
    tell("opened", opened);
    await look();
    await evaluate();
    return true;
  } catch (error) {
    // The engine keeps what was open; the controls go back to it.
    if (generation === session.generation) Object.assign(state, before);
    if (asked.arms.length === 1) error.arm = null;
    tell("refused", error);
    return false;
  }
}

/// Gives keys that a training may change as it goes on another value, for "left", "right" or "both": the state stays.
export async function adjust(side, key, value) {
  const { opened, state, generation } = session;
  const arms = opened.arms.map((_, arm) => (side === "both" || side === sideOf(arm) ? { [key]: value } : {}));
  try {
    const answer = await ask("change", { arms });
    if (generation !== session.generation) return;
    setValue(state, side, key, value);
    answer.arms.forEach((arm, k) => Object.assign(opened.arms[k], arm));
    tell("changed", answer);
  } catch (error) {
    if (arms.length === 1) error.arm = null;
    tell("refused", error);
  }
}

export function usePreset(preset) {
  return open((state) => {
    Object.assign(state, { both: {}, left: { "critic.constraint": "clip" }, right: { "critic.constraint": "penalty" }, arms: 2, step: 0, points: null, csv: null, tomls: null });
    setValues(state, preset.values);
    state.preset = preset.name;
  });
}

/// Trains; undefined where something else was opened meanwhile.
export async function train(iterations, milliseconds) {
  const { generation } = session;
  const answer = await ask("train", { iterations, milliseconds });
  if (generation !== session.generation) return undefined;
  const { history } = session;
  const { steps } = answer.arrays;
  forget(steps[0]);
  history.steps.push(...steps);
  history.arms.forEach((arm, k) => series.forEach((name) => arm[name].push(...(answer.arrays[name + k] ?? []))));
  if (steps.length > 0) session.times.push({ step: answer.step, milliseconds: answer.milliseconds / steps.length });
  Object.assign(session, { step: answer.step, update: 0 });
  session.diverged = answer.arms.map((a) => a.diverged);
  tell("trained", answer);
  return answer;
}

/// How fine the plane is drawn while it plays, by the time that a frame takes.
let fine = 40;
const finest = 64;

/// Asks for a frame with `grid` points a side, as many as the time allows if none are named. Undefined where something else
/// was opened meanwhile.
export async function askFrame(grid = null) {
  const { generation } = session;
  const parts = wanted();
  const answer = await ask("frame", { grid: grid ?? fine, samples: 256, parts });
  if (generation !== session.generation) return undefined;
  if (grid === null) fine = Math.max(24, Math.min(finest, answer.took > 12 ? fine - 4 : answer.took < 8 ? fine + 4 : fine));
  return { ...answer, parts, generation };
}

/// Gives a frame to those who draw it. Gradient norms that it was not asked for stay as they were.
export function showFrame(frame) {
  if (!frame || frame.generation !== session.generation) return;
  const before = session.frame?.arrays ?? {};
  for (const name of ["norms0", "norms1"]) if (before[name]) frame.arrays[name] ??= before[name];
  session.frame = { ...frame, grid: Math.round(Math.sqrt(frame.arrays.field0?.length ?? 0)) };
  tell("framed", session.frame);
}

/// A still picture.
export const look = async () => showFrame(await askFrame(finest));

export async function evaluate(samples = 256) {
  const { generation } = session;
  const answer = await ask("evaluate", { samples });
  if (generation !== session.generation) return undefined;
  const { step } = answer;  // the engine may have trained on since it was asked
  session.evaluations = session.evaluations.filter((e) => e.step !== step);
  session.evaluations.push({ step, ...answer });
  session.evaluations.sort((a, b) => a.step - b.step);
  tell("evaluated", session.evaluations.find((e) => e.step === step));
  return answer;
}

export async function refreshKept() {
  const { generation } = session;
  const { steps } = await ask("kept");
  if (generation !== session.generation) return;
  session.kept = steps;
  tell("kept", steps);
}

/// Forgets the numbers from a step on, because that step is trained anew.
function forget(step) {
  const { history } = session;
  if (!(history.steps.at(-1) >= step)) return;
  const count = history.steps.filter((s) => s < step).length;
  history.steps.length = count;
  for (const arm of history.arms) for (const name of series) arm[name].length = count;
  session.evaluations = session.evaluations.filter((e) => e.step < step);
  session.times = session.times.filter((t) => t.step < step);
}

/// Goes back to a kept state, or forth again; the charts keep what came after it until training goes on from there.
export async function back(step) {
  const { generation } = session;
  const answer = await ask("back", { step });
  if (generation !== session.generation) return;
  Object.assign(session, { step: answer.step, update: 0 });
  session.diverged = session.diverged.map(() => null);
  tell("back", answer.step);
  await look();
}
