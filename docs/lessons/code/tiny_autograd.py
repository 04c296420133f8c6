"""A complete reverse-mode autograd of any order in plain Python, and a WGAN-GP that trains with it. Lesson 4 explains it.

    python3 docs/lessons/code/tiny_autograd.py [check | critic | gan]

It has no dependency. Tensors are matrices: lists of rows. It is made to be read and is slow.
"""
import math
import random
import sys


# ---------------------------------------------------------------------------------------------------------------------
# 1. Tensors: a value, and where it came from

class Tensor:
    """A matrix. If an op made it, `inputs` are the op's inputs, and `vjp` computes their gradients from its own."""

    def __init__(self, rows, inputs=(), vjp=None):
        self.rows = rows
        self.inputs, self.vjp = (inputs, vjp) if keep_graph else ((), None)

    @property
    def shape(self):
        return len(self.rows), len(self.rows[0])

    def item(self):
        assert self.shape == (1, 1)
        return self.rows[0][0]

    def __add__(self, other): return add(self, tensor(other))
    def __sub__(self, other): return add(self, tensor(other) * -1.0)
    def __mul__(self, other): return mul(self, tensor(other))
    def __matmul__(self, other): return matmul(self, other)
    __radd__, __rmul__ = __add__, __mul__


keep_graph = True


def tensor(x):
    return x if isinstance(x, Tensor) else Tensor([[float(x)]])


def full(shape, value):
    return Tensor([[value] * shape[1] for _ in range(shape[0])])


def detach(x):
    """The same values, without their history."""
    return Tensor(x.rows)


# ---------------------------------------------------------------------------------------------------------------------
# 2. Ops: each computes a value, and its vjp is written in ops again

def add(a, b):
    a, b = same_shape(a, b)
    rows = [[x + y for x, y in zip(p, q)] for p, q in zip(a.rows, b.rows)]
    return Tensor(rows, (a, b), lambda g: (g, g))


def mul(a, b):
    a, b = same_shape(a, b)
    rows = [[x * y for x, y in zip(p, q)] for p, q in zip(a.rows, b.rows)]
    return Tensor(rows, (a, b), lambda g: (g * b, g * a))


def matmul(a, b):
    columns = list(zip(*b.rows))
    rows = [[sum(x * y for x, y in zip(row, column)) for column in columns] for row in a.rows]
    return Tensor(rows, (a, b), lambda g: (g @ transpose(b), transpose(a) @ g))


def transpose(a):
    return Tensor([list(c) for c in zip(*a.rows)], (a,), lambda g: (transpose(g),))


def tanh(a):
    y = Tensor([[math.tanh(x) for x in row] for row in a.rows], (a,), lambda g: (g * (1 + y * y * -1.0),))
    return y


def relu(a):
    """The mask is a constant: it has no history, so nothing flows through it, and the second derivative is zero."""
    mask = Tensor([[1.0 if x > 0 else 0.0 for x in row] for row in a.rows])
    return Tensor([[max(x, 0.0) for x in row] for row in a.rows], (a,), lambda g: (g * mask,))


def power(a, p):
    """a to the p; at 0, where the derivative of a root is infinite, it counts as 0."""
    rows = [[x ** p if x != 0 or p >= 0 else 0.0 for x in row] for row in a.rows]
    return Tensor(rows, (a,), lambda g: (g * power(a, p - 1) * p,))


def sum_to(a, shape):
    """Adds up rows, columns or both, until the shape is `shape` (whose sizes are a's own or 1)."""
    rows = a.rows if shape[1] != 1 else [[sum(row)] for row in a.rows]
    rows = rows if shape[0] != 1 else [[sum(column) for column in zip(*rows)]]
    return Tensor(rows, (a,), lambda g: (broadcast(g, a.shape),))


def broadcast(a, shape):
    """Repeats rows, columns or both, until the shape is `shape`: the reverse of sum_to, and each is the other's vjp."""
    rows = a.rows if a.shape[1] == shape[1] else [row * shape[1] for row in a.rows]
    rows = rows if a.shape[0] == shape[0] else [list(rows[0]) for _ in range(shape[0])]
    return Tensor(rows, (a,), lambda g: (sum_to(g, a.shape),))


def same_shape(a, b):
    shape = max(a.shape[0], b.shape[0]), max(a.shape[1], b.shape[1])
    return (a if a.shape == shape else broadcast(a, shape)), (b if b.shape == shape else broadcast(b, shape))


def total(a):
    return sum_to(a, (1, 1))


def mean(a):
    return total(a) * (1.0 / (a.shape[0] * a.shape[1]))


# ---------------------------------------------------------------------------------------------------------------------
# 3. grad: the vjps in reverse order

def grad(y, xs, create_graph=False):
    """dy/dx for each x; None where y does not depend on x. With create_graph the result can be differentiated again."""
    global keep_graph
    order, reaches = [], {id(x): True for x in xs}

    def visit(node, seen):
        if id(node) in seen:
            return
        seen.add(id(node))
        for parent in node.inputs:
            visit(parent, seen)
        reaches[id(node)] = id(node) in reaches or any(reaches[id(p)] for p in node.inputs)
        if reaches[id(node)]:
            order.append(node)

    visit(y, set())
    before, keep_graph = keep_graph, create_graph
    grads = {id(y): full(y.shape, 1.0)}
    for node in reversed(order):
        g = grads.get(id(node))
        if g is None or node.vjp is None:
            continue
        for parent, part in zip(node.inputs, node.vjp(g)):
            if reaches[id(parent)]:
                grads[id(parent)] = part if id(parent) not in grads else grads[id(parent)] + part
    keep_graph = before
    return [grads.get(id(x)) for x in xs]


# ---------------------------------------------------------------------------------------------------------------------
# 4. A critic, its loss with the gradient penalty, and Adam

def make_critic(rng, inputs=2, units=16):
    def matrix(n, m):
        return Tensor([[rng.gauss(0, 1 / math.sqrt(n)) for _ in range(m)] for _ in range(n)])
    return [matrix(inputs, units), full((1, units), 0.0), matrix(units, 1)]


def critic(weights, x, activation=tanh):
    w1, b1, w2 = weights
    return activation(x @ w1 + b1) @ w2


def critic_loss(weights, real, fake, eps, lam, activation=tanh):
    """mean D(fake) - mean D(real) + lam mean (|dD/dx| - 1)^2 (Gulrajani et al. 2017). Also the estimate and the norms."""
    estimate = mean(critic(weights, real, activation)) - mean(critic(weights, fake, activation))
    x = detach(eps * real + (1 + eps * -1.0) * fake)
    g, = grad(total(critic(weights, x, activation)), [x], create_graph=True)
    norms = power(sum_to(g * g, (g.shape[0], 1)), 0.5)
    penalty = mean(power(norms - 1, 2)) * lam
    return penalty - estimate, estimate, norms


class Adam:
    def __init__(self, rate=0.02, beta1=0.5, beta2=0.9):
        self.rate, self.beta1, self.beta2, self.t, self.state = rate, beta1, beta2, 0, {}

    def update(self, weights, grads):
        """Writes into the weights' rows: no op, no history."""
        self.t += 1
        for k, (w, g) in enumerate(zip(weights, grads)):
            m, v = self.state.setdefault(k, ([[0.0] * w.shape[1] for _ in w.rows], [[0.0] * w.shape[1] for _ in w.rows]))
            for i, row in enumerate(w.rows):
                for j in range(len(row)):
                    m[i][j] += (1 - self.beta1) * (g.rows[i][j] - m[i][j])
                    v[i][j] += (1 - self.beta2) * (g.rows[i][j] ** 2 - v[i][j])
                    step = m[i][j] / (1 - self.beta1 ** self.t) / (math.sqrt(v[i][j] / (1 - self.beta2 ** self.t)) + 1e-8)
                    row[j] -= self.rate * step


# ---------------------------------------------------------------------------------------------------------------------
# 5. The toy: points of a square, and the same square moved by (1.5, 0), whose W1 is 1.5

def square(rng, count, shift):
    return Tensor([[rng.uniform(-0.5, 0.5) + s for s in shift] for _ in range(count)])


def uniform(rng, count):
    return Tensor([[rng.random()] for _ in range(count)])


def check():
    """Derivatives of the first and second order against finite differences."""
    rng = random.Random(1)
    for activation in (tanh, relu):
        weights, real, fake = make_critic(rng, 2, 5), square(rng, 8, (1.5, 0)), square(rng, 8, (0, 0))
        eps = uniform(rng, 8)

        def loss():
            return critic_loss(weights, real, fake, eps, 10.0, activation)[0]

        grads, worst, h = grad(loss(), weights), 0.0, 1e-5
        for w, g in zip(weights, grads):
            for i, row in enumerate(w.rows):
                for j in range(len(row)):
                    here, sides = row[j], []
                    for sign in (1, -1):
                        row[j] = here + sign * h
                        sides.append(loss().item())
                    row[j] = here
                    worst = max(worst, abs((sides[0] - sides[1]) / (2 * h) - g.rows[i][j]))
        print(f"d loss / d weights, {activation.__name__}: differs from finite differences by at most {worst:.0e}")
    x = Tensor([[0.5]])
    y = tanh(x)
    for order in range(1, 4):
        y, = grad(y, [x], create_graph=True)
        print(f"derivative {order} of tanh at 0.5: {y.item():.6f}")


def train_critic(steps=400, lam=10.0):
    rng = random.Random(1)
    weights, adam = make_critic(rng), Adam()
    for step in range(1, steps + 1):
        real, fake = square(rng, 32, (1.5, 0)), square(rng, 32, (0, 0))
        loss, estimate, norms = critic_loss(weights, real, fake, uniform(rng, 32), lam)
        adam.update(weights, grad(loss, weights))
        if step % 100 == 0:
            adam.rate /= 2
            print(f"step {step}: estimate {estimate.item():.3f}, mean |dD/dx| {mean(norms).item():.3f}")
    real, fake = square(rng, 2000, (1.5, 0)), square(rng, 2000, (0, 0))
    print(f"estimate on fresh points: {(mean(critic(weights, real)) - mean(critic(weights, fake))).item():.3f}")
    return weights


def train_gan(steps=120, critic_steps=3, lam=10.0):
    """The generator knows one thing, by how much to move the square: its weight is the shift."""
    rng = random.Random(1)
    weights, shift = make_critic(rng), Tensor([[0.0, 0.0]])
    critic_adam, generator_adam = Adam(), Adam(rate=0.05)
    for step in range(1, steps + 1):
        for _ in range(critic_steps):
            fake = detach(square(rng, 32, (0, 0)) + shift)
            loss, estimate, _ = critic_loss(weights, square(rng, 32, (1.5, 0)), fake, uniform(rng, 32), lam)
            critic_adam.update(weights, grad(loss, weights))
        generator_loss = mean(critic(weights, square(rng, 32, (0, 0)) + shift)) * -1.0
        generator_adam.update([shift], grad(generator_loss, [shift]))
        if step % 30 == 0:
            generator_adam.rate /= 2
            print(f"step {step}: estimate {estimate.item():.2f}, the generator moves by ({shift.rows[0][0]:.2f}, {shift.rows[0][1]:.2f})")


if __name__ == "__main__":
    {"check": check, "critic": train_critic, "gan": train_gan}[sys.argv[1] if len(sys.argv) > 1 else "check"]()
