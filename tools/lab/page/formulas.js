// The formulas of slow motion in MathML, which browsers read aloud and lay out themselves.

const i = (name) => `<mi>${name}</mi>`;
const o = (sign) => `<mo>${sign}</mo>`;
const n = (number) => `<mn>${number}</mn>`;
const row = (...parts) => `<mrow>${parts.join("")}</mrow>`;
const sub = (base, below) => `<msub>${base}${below}</msub>`;
const sup = (base, above) => `<msup>${base}${above}</msup>`;
const space = `<mspace width="0.7em"></mspace>`;
const fraction = (above, below) => `<mfrac>${above}${below}</mfrac>`;
/// Brackets of one size: nothing in them is tall, but browsers would stretch them around a hat.
const open = `<mo stretchy="false">(</mo>`, close = `<mo stretchy="false">)</mo>`;
const call = (f, ...of) => row(f, open, ...of, close);
const fence = (...of) => row(open, ...of, close);
const norm = (...of) => row(`<mo stretchy="false">‖</mo>`, ...of, `<mo stretchy="false">‖</mo>`);

const D = i("D"), G = i("G"), x = i("x"), z = i("z"), W = i("W"), c = i("c"), lambda = i("λ"), eps = i("ε");
/// A letter with a hat; as one character, since brackets around an accent would grow with it.
const hat = (name) => i(`${name}\u0302`);
const at = hat("x");
/// A generated sample.
const fake = i("x\u0303");
const gradient = row(sub(o("∇"), at), call(D, at));
const gap = `<mspace width="0.17em"></mspace>`;
const mean = (of) => row(gap, `<mi>mean</mi>`, gap, of);
const square = (of) => sup(of, n(2));
const P = i("P"), L = i("L");

/// The penalty by the name of the constraint; one that is not here is explained by the engine's own text.
const penalties = {
  penalty: row(P, o("="), lambda, mean(square(fence(norm(gradient), o("−"), n(1))))),
  dragan: row(P, o("="), lambda, mean(square(fence(norm(gradient), o("−"), n(1))))),
  "one-sided": row(P, o("="), lambda, mean(square(row(`<mi>max</mi>`, fence(norm(gradient), o("−"), n(1), o(","), n(0)))))),
  r1: row(P, o("="), fraction(lambda, n(2)), mean(square(norm(row(sub(o("∇"), x), call(D, x)))))),
  r2: row(P, o("="), fraction(lambda, n(2)), mean(square(norm(row(o("∇"), call(D, fake)))))),
};

/// Where the gradient is measured.
const places = {
  dragan: row(at, o("="), x, o("+"), n("0.5"), call(i("std"), x), i("U")),
  r1: row(at, o("="), x),
  r2: row(at, o("="), fake),
};
const between = row(at, o("="), eps, x, o("+"), fence(n(1), o("−"), eps), fake, o(","), space, eps, o("~"), call(i("U"), n(0), o(","), n(1)));

const losses = {
  wasserstein: row(L, o("="), mean(call(D, fake)), o("−"), mean(call(D, x))),
  "non-saturating": row(L, o("="), mean(call(i("softplus"), o("−"), call(D, x))), o("+"), mean(call(i("softplus"), call(D, fake)))),
  "least-squares": row(L, o("="), fraction(n(1), n(2)), mean(row(square(fence(call(D, x), o("−"), n(1))), o("+"), square(call(D, fake))))),
  hinge: row(L, o("="), mean(call(i("max"), n(0), o(","), n(1), o("−"), call(D, x))), o("+"), mean(call(i("max"), n(0), o(","), n(1), o("+"), call(D, fake)))),
  relativistic: row(L, o("="), mean(call(i("softplus"), call(D, fake), o("−"), call(D, x)))),
};

/// A moment of the gradient that decays from update to update.
const decayed = (moment, beta, of) => row(i(moment), o("←"), beta, i(moment), o("+"), fence(n(1), o("−"), beta), of);
const updates = {
  sgd: row(W, o("←"), W, o("−"), i("η"), i("g")),
  rmsprop: [decayed("v", i("α"), square(i("g"))), row(W, o("←"), W, o("−"), i("η"), fraction(i("g"), row(`<msqrt>${i("v")}</msqrt>`, o("+"), i("ϵ"))))],
};
/// What Adam divides: its moments without the pull of the 0 that they begin from.
const unbiased = (moment, k) => row(hat(moment), o("="), fraction(i(moment), row(n(1), o("−"), `<msubsup>${i("β")}${n(k)}${i("t")}</msubsup>`)));
const beta = (k) => sub(i("β"), n(k));
const adam = (before) => [decayed("m", beta(1), i("g")), decayed("v", beta(2), square(i("g"))), unbiased("m", 1), unbiased("v", 2),
  row(W, o("←"), before, o("−"), i("η"), fraction(hat("m"), row(`<msqrt>${hat("v")}</msqrt>`, o("+"), i("ϵ"))))];
updates.adam = adam(W);
updates.adamw = adam(row(fence(n(1), o("−"), i("η"), i("ω")), W));

const g = i("g"), norms = i("n");
const through = (factor) => `<math display="block">${row(fraction(row(o("∂"), P), row(o("∂"), W)), o("="), mean(row(factor, g, o("·"), fraction(row(o("∂"), g), row(o("∂"), W)))), o(","), space, g, o("="), gradient, o(","), space, norms, o("="), norm(g))}</math>`;
const twoSided = through(row(n(2), lambda, fraction(row(norms, o("−"), n(1)), norms)));
/// The penalty's derivative by the weights, through the gradient by the input: that is the second derivative.
const chains = { penalty: twoSided, dragan: twoSided, "one-sided": through(row(n(2), lambda, fraction(row(`<mi>max</mi>`, fence(norms, o("−"), n(1), o(","), n(0))), norms))), r1: through(lambda), r2: through(lambda) };

const whole = (...parts) => `<math display="block">${row(...parts)}</math>`;

/// The formula of a stage under a model's values as MathML, or "" where there is none.
export function formula(stage, values) {
  const part = values["critic.constraint"].split("+").find((name) => penalties[name]);
  const penalised = Boolean(part);
  if (stage === "sample") return whole(x, o("~"), i("data"), o(","), space, z, o("~"), call(i("N"), n(0), o(","), i("I")), o(","), space, fake, o("="), call(G, z));
  if (stage === "interpolate") return whole(places[part] ?? between);
  if (stage === "forward") return losses[values["train.loss"] ?? "wasserstein"] ? whole(losses[values["train.loss"] ?? "wasserstein"]) : "";
  if (stage === "input_gradient") return whole(i("g"), o("="), gradient, o(","), space, i("n"), o("="), norm(i("g")));
  if (stage === "penalty") return penalised ? whole(penalties[part]) : "";
  if (stage === "second_backward") return (chains[part] ?? "") + whole(fraction(row(o("∂"), fence(L, o("+"), P)), row(o("∂"), W)), o("="), fraction(row(o("∂"), L), row(o("∂"), W)), o("+"), fraction(row(o("∂"), P), row(o("∂"), W)));
  if (stage === "backward") return whole(i("g"), o("="), fraction(row(o("∂"), L), row(o("∂"), W)));
  if (stage === "update") return [updates[values["critic.optimizer"]] ?? []].flat().map((part) => `<math displaystyle="true">${part}</math>`).join(" ");
  if (stage === "clip") return whole(W, o("←"), `<mi>min</mi>`, fence(`<mi>max</mi>`, fence(W, o(","), o("−"), c), o(","), c));
  return "";
}
