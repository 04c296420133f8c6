"""Two vertical lines of points, a distance apart: what W1 and the Jensen-Shannon divergence say (Arjovsky et al. 2017,
example 1). Usage: parallel_lines.py FIGURE.svg"""
import math
import sys

from chart import Chart

distances = [k / 20 for k in range(-20, 21)]
jensen_shannon = [0.0 if d == 0 else math.log(2) for d in distances]
chart = Chart("Two parallel lines: which distance says how far?", "distance between the lines", "value")
chart.line("W1 (in units of the distance)", distances, [abs(d) for d in distances], colour=1)
chart.points("Jensen-Shannon divergence (in nats)", distances, jensen_shannon, colour=0)
chart.write(sys.argv[1])
print(f"Jensen-Shannon divergence at any distance but 0: {math.log(2):.3f}")
