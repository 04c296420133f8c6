"""The critic of lesson 4 along the line from the generated square to the real one, with the derivative that `grad` gives there, and
the largest difference of that derivative from finite differences. Usage: critic_line.py FIGURE.svg"""
import contextlib
import io
import sys

from chart import Chart
from tiny_autograd import Tensor, critic, grad, total, train_critic

with contextlib.redirect_stdout(io.StringIO()):
    weights = train_critic()


def values(xs):
    return [row[0] for row in critic(weights, Tensor([[x, 0.0] for x in xs])).rows]


xs = [-1 + 0.1 * k for k in range(36)]
points = Tensor([[x, 0.0] for x in xs])
derivatives = [row[0] for row in grad(total(critic(weights, points)), [points])[0].rows]
h = 1e-5
differences = [(up - down) / (2 * h) for up, down in zip(values([x + h for x in xs]), values([x - h for x in xs]))]
middle = [s for x, s in zip(xs, derivatives) if 0.25 <= x <= 1.25]
print(f"mean gradient norm between the squares: {sum(middle) / len(middle):.3f}")
print(f"largest difference from finite differences: {max(abs(a - b) for a, b in zip(derivatives, differences)):.0e}")
start = values([0.0])[0]
chart = Chart("A critic that was trained in plain Python", "x, at y = 0", "D(x, 0) - D(0, 0), and its derivative")
chart.line("D", xs, [v - start for v in values(xs)], colour=1, points=False)
chart.line("derivative, by grad", xs, derivatives, colour=0, points=False)
chart.mark("middle of the generated square", x=0.0)
chart.mark("of the real square", x=1.5)
chart.mark("gradient norm 1.075", y=1.075)
chart.write(sys.argv[1])
