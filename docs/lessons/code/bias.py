"""How far above 1 does the penalty leave the gradient norm? Trains lesson 4's critic for several lambda, and compares the mean
and the estimate with the prediction 1 + d / (2 lambda). Usage: bias.py FIGURE.svg"""
import random
import sys

from chart import Chart
from tiny_autograd import Adam, critic, critic_loss, grad, make_critic, mean, square, uniform

DISTANCE = 1.5


def trained(lam, steps=300):
    rng = random.Random(1)
    weights, adam, measured = make_critic(rng), Adam(), []
    for step in range(1, steps + 1):
        loss, _, norms = critic_loss(weights, square(rng, 32, (DISTANCE, 0)), square(rng, 32, (0, 0)), uniform(rng, 32), lam)
        adam.update(weights, grad(loss, weights))
        if step % 75 == 0:
            adam.rate /= 2
        if step > steps - 100:
            measured.append(mean(norms).item())
    estimate = mean(critic(weights, square(rng, 2000, (DISTANCE, 0)))) - mean(critic(weights, square(rng, 2000, (0, 0))))
    return sum(measured) / len(measured), estimate.item()


lambdas = [1, 3, 10, 30]
found = [trained(lam) for lam in lambdas]
for lam, (norm, estimate) in zip(lambdas, found):
    predicted = 1 + DISTANCE / (2 * lam)
    print(f"lambda {lam}: gradient norm {norm:.3f}, predicted {predicted:.3f}; estimate {estimate:.2f}, predicted {predicted * DISTANCE:.2f}")
chart = Chart("The gradient norm that the penalty leaves, for a distance of 1.5", "lambda", "mean gradient norm of the critic", log_x=True)
fine = [10 ** (k / 20) for k in range(0, 31)]
chart.line("1 + d / (2 lambda), by hand", fine, [1 + DISTANCE / (2 * v) for v in fine], points=False, colour=6)
chart.points("trained critics", lambdas, [norm for norm, _ in found], colour=1)
chart.mark("gradient norm 1", y=1, left=True)
chart.write(sys.argv[1])
