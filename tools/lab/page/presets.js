// Things to try: a few changes to the settings each, with a sentence that says what to look at (words: preset.NAME).
import { known } from "lab/words";

/// Values as in a link. The engine's own presets, by name, can be opened by a link as well.
const tries = [
  { name: "start", values: {} },
  { name: "vanish", values: { "left.clip.c": 0.001 } },
  { name: "explode", values: { "left.clip.c": 1, "critic.depth": 5 } },
  { name: "deep", values: { "critic.depth": 8 } },
  { name: "lazy-critic", values: { "train.critic_steps": 1 } },
  { name: "batch-norm", values: { "left.critic.constraint": "penalty", "right.critic.norm": "batch" } },
  { name: "no-constraint", values: { "left.critic.constraint": "none" } },
  { name: "first-gan", values: { "left.critic.constraint": "none", "left.train.loss": "non-saturating" } },
  { name: "heavy-penalty", values: { "left.critic.constraint": "penalty", "left.critic.lambda": 10 } },
];

/// All presets. Those of the engine hold every key: of them, what differs from the defaults counts, and each model keeps the
/// constraint that it has.
export function presets(described) {
  const defaults = Object.fromEntries(described.fields.map((f) => [f.key, f.default]));
  const theirs = described.presets.map(({ name, values }) => ({ name, values: Object.fromEntries(Object.entries(values).filter(([key, value]) => key !== "critic.constraint" && defaults[key] !== value)) }));
  return [...tries, ...theirs.filter((p) => !tries.some((t) => t.name === p.name))];
}

/// Those with a button.
export const offered = () => tries;
export const presetTitle = ({ name }) => known(`preset.${name}`, name);
export const presetText = ({ name }) => known(`preset.${name}.text`, null);
