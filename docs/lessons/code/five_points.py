"""The Wasserstein-1 distance of two small sets of points, found twice: as the cheapest plan, by trying all plans, and as
the best 1-Lipschitz function. Lesson 1 does the same by hand.

    python3 docs/lessons/code/five_points.py --real "0 2 5 6 9" --generated "1 3 4 8 9" [--figure FILE.svg]

Points of the plane are written "0,1 2,3". At most 8 of each.
"""
import argparse
import itertools
import math

from chart import Chart


def cheapest_plan(real, generated):
    """Of each generated point, the index of its real point; by trying all of them."""
    n = len(real)
    return min(itertools.permutations(range(n)), key=lambda p: sum(math.dist(generated[i], real[p[i]]) for i in range(n)))


def best_function(real, generated, plan):
    """f at the real and at the generated points: |f(p) - f(q)| <= |p - q| for any two, and equality along the plan. The
    smallest such f with f <= 0 (Bellman and Ford's shortest paths over these conditions)."""
    points = real + generated
    edges = [(i, j, math.dist(points[i], points[j])) for i in range(len(points)) for j in range(len(points)) if i != j]
    edges += [(k, len(real) + i, -math.dist(generated[i], real[k])) for i, k in enumerate(plan)]  # f(gen) <= f(real) - distance
    f = [0.0] * len(points)
    for _ in points:
        for i, j, length in edges:
            f[j] = min(f[j], f[i] + length)
    return f


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", required=True)
    parser.add_argument("--generated", required=True)
    parser.add_argument("--figure", help="an SVG of f, for points of a line")
    arguments = parser.parse_args()
    real, generated = ([tuple(float(x) for x in word.split(",")) for word in text.split()] for text in (arguments.real, arguments.generated))
    if len(real) != len(generated) or not 1 <= len(real) <= 8:
        parser.error("give as many real as generated points, 1 to 8 of each")
    n, plan = len(real), cheapest_plan(real, generated)
    f = best_function(real, generated, plan)
    shift = f[0]  # only differences of f count: let f be 0 at the first real point
    f = [v - shift for v in f]
    for i, k in enumerate(plan):
        print(f"{generated[i]} -> {real[k]}: distance {math.dist(generated[i], real[k]):g}".replace("(", "").replace(",)", "").replace(")", ""))
    primal = sum(math.dist(generated[i], real[k]) for i, k in enumerate(plan)) / n
    largest = max(abs(f[i] - f[j]) / math.dist(p, q) for (i, p), (j, q) in itertools.combinations(enumerate(real + generated), 2) if p != q)
    print("f at the real points: ", *(f"{v:g}" for v in f[:n]))
    print("f at the generated points: ", *(f"{v:g}" for v in f[n:]))
    print(f"largest gradient norm of f: {largest:g}")
    print(f"mean distance of the plan: {primal:g}")
    print(f"mean f(real) - mean f(generated): {sum(f[:n]) / n - sum(f[n:]) / n:g}")
    if arguments.figure:
        chart = Chart("The plan moves where f has gradient norm 1", "position", "f, the potential")
        order = sorted(zip([p[0] for p in real + generated], f))
        chart.line("f (a best critic)", [x for x, _ in order], [v for _, v in order], points=False, colour=6)
        chart.points("real points", [p[0] for p in real], f[:n], colour=1)
        chart.points("generated points", [p[0] for p in generated], f[n:], colour=0)
        chart.write(arguments.figure)


main()
