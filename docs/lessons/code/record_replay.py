"""Capture and replay in small: fits y = 2 x + 1 with an engine that can record its own work. Lesson 6 explains it.

    python3 docs/lessons/code/record_replay.py [fit | traps]
"""
import random
import sys
import time

recording = None  # while a step is recorded: the list of (function, arrays it reads, array it writes)
tape = None       # while a loss is computed: the list of (array, how its gradient reaches what it was made of)


class Array:
    """Numbers in a buffer that stays where it is."""

    def __init__(self, values):
        self.values, self.grad = list(values), None

    def item(self):
        if recording is not None:
            raise RuntimeError("reading a value on the host cannot be recorded: what you do with it would not be replayed")
        return self.values[0]


def launch(function, reads, out):
    """Runs one call, and writes it down if a step is being recorded. Everything that computes goes through here."""
    out.values[:] = function(*(a.values for a in reads))
    if recording is not None:
        recording.append((function, reads, out))
    return out


def op(function, reads, back=None):
    out = launch(function, reads, Array([]))
    if tape is not None and back:
        tape.append((out, back))
    return out


def mul(a, b):
    return op(lambda x, y: [p * q for p, q in zip(x, y)], (a, b), lambda g: [(a, mul(g, b)), (b, mul(g, a))])


def add(a, b):
    return op(lambda x, y: [p + q for p, q in zip(x, y)], (a, b), lambda g: [(a, g), (b, g)])


def scale(a, c):
    return op(lambda x: [c * p for p in x], (a,), lambda g: [(a, scale(g, c))])


def total(a):
    return op(lambda x: [sum(x)], (a,), lambda g: [(a, spread(g, a))])


def spread(a, like):
    return op(lambda x, y: x * len(y), (a, like), lambda g: [(a, total(g))])


def gradients(loss_of, weights):
    """The gradients of loss_of() by the weights: lesson 4's `grad`, of the first order alone."""
    global tape
    tape = []
    loss = loss_of()
    made, tape = tape, None
    for array in [*weights, *(array for array, _ in made)]:
        array.grad = None
    loss.grad = Array([1.0])
    for array, back in reversed(made):
        for parent, g in back(array.grad) if array.grad else []:
            parent.grad = g if parent.grad is None else add(parent.grad, g)
    return loss, [w.grad for w in weights]


def descend(weight, g, rate):
    """Writes into the weight's buffer."""
    launch(lambda w, d: [w[0] - rate * d[0]], (weight, g), weight)


class Step:
    """Runs `function` twice as it is, records it while it runs once more, and from then on goes through the list."""

    def __init__(self, function):
        self.function, self.runs, self.calls = function, 0, None

    def __call__(self):
        global recording
        if self.calls:
            for function, reads, out in self.calls:
                out.values[:] = function(*(a.values for a in reads))
            return
        if self.runs == 2:
            recording = []
            try:
                self.function()
                self.calls = recording
            finally:
                recording = None
        else:
            self.function()
        self.runs += 1


x, y = Array([0.0] * 8), Array([0.0] * 8)   # the batch: written from outside before each step
w, b, last_loss = Array([0.0]), Array([0.0]), Array([0.0])


def new_batch(rng):
    x.values[:] = [rng.uniform(-1, 1) for _ in range(8)]
    y.values[:] = [2 * v + 1 for v in x.values]


def loss_of():
    error = add(add(mul(spread(w, x), x), spread(b, x)), scale(y, -1))
    return scale(total(mul(error, error)), 1 / 8)


def train_step():
    loss, (dw, db) = gradients(loss_of, [w, b])
    launch(lambda v: list(v), (loss,), last_loss)
    descend(w, dw, 0.2)
    descend(b, db, 0.2)


def milliseconds(step, steps, rng):
    spent = 0.0
    for _ in range(steps):
        new_batch(rng)
        start = time.perf_counter()
        step()
        spent += time.perf_counter() - start
    return 1000 * spent / steps


def fit():
    rng = random.Random(1)
    eager = milliseconds(train_step, 2000, rng)
    w.values[:], b.values[:] = [0.0], [0.0]
    step = Step(train_step)
    for _ in range(3):
        new_batch(rng)
        step()
    replayed = milliseconds(step, 2000, rng)
    print(f"calls in the recording: {len(step.calls)}")
    print(f"after 2003 steps: w {w.item():.3f}, b {b.item():.3f}, loss {last_loss.item():.1e}")
    print(f"a step takes {eager / replayed:.1f} times as long as its replay")


def traps():
    rng = random.Random(1)
    rate = 0.2

    def decaying():
        nonlocal rate
        rate *= 0.5
        loss, (dw, _) = gradients(loss_of, [w, b])
        descend(w, dw, rate)

    step = Step(decaying)
    for _ in range(6):
        new_batch(rng)
        step()
    print(f"trap 1: six steps, each halving the rate from 0.2; it is now {rate:g}")

    def peeking():
        loss, (dw, _) = gradients(loss_of, [w, b])
        if loss.item() > 1e-3:
            descend(w, dw, 0.2)

    step = Step(peeking)
    try:
        for _ in range(3):
            step()
    except RuntimeError as error:
        print(f"trap 2: {error}")


if __name__ == "__main__":
    {"fit": fit, "traps": traps}[sys.argv[1] if len(sys.argv) > 1 else "fit"]()
