"""Charts as SVG, with nothing but Python's standard library. They have the look of the charts that `kantor study` writes,
and are light or dark as the reader's system is.

    chart = Chart("Title", "steps", "loss", log_y=True)
    chart.line("clipping", xs, ys)
    chart.write("figure.svg")
"""
import math
import pathlib
from html import escape

STYLE = """<style>
.chart { --c0: #d55e00; --c1: #0072b2; --c2: #009e73; --c3: #cc79a7; --c4: #e69f00; --c5: #56b4e9; --c6: #7f7f7f; --c7: #000000;
  --chart-ink: #1b1f24; --chart-soft: #57606a; --chart-line: #d0d7de; --chart-paper: #ffffff; font: 13px system-ui, "DejaVu Sans", sans-serif; }
@media screen and (prefers-color-scheme: dark) {
  .chart { --c0: #ff8a3d; --c1: #56b4e9; --c2: #2fd6a3; --c3: #f0a3cd; --c4: #ffc14d; --c5: #a8dcff; --c6: #aaaaaa; --c7: #ffffff;
    --chart-ink: #e6edf3; --chart-soft: #9aa4af; --chart-line: #30363d; --chart-paper: #0d1117; } }
.chart text { fill: var(--chart-ink); } .chart .tick { fill: var(--chart-soft); font-size: 12px; }
.chart .title { font-size: 15px; font-weight: 600; } .chart .grid { stroke: var(--chart-line); }
.chart .mark { stroke: var(--chart-ink); stroke-dasharray: 6 5; fill: none; }
.chart .curve { fill: none; stroke-width: 2; }
</style>"""
WIDTH, LEFT, RIGHT, BOTTOM = 640, 74, 18, 58


def number(value):
    """A tick's text: 1e-6 for the very large and small, else few digits."""
    if value != 0 and (abs(value) >= 1e5 or abs(value) < 1e-3):
        return f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def ticks(low, high, log):
    if log:
        first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
        if last - first < 2:  # few powers of ten: 1, 2, 5 of each
            between = [m * 10.0 ** k for k in range(first - 1, last + 1) for m in (1, 2, 5)]
            return [v for v in between if low - 1e-9 <= math.log10(v) <= high + 1e-9]
        step = max(1, -(-(last - first) // 6))
        return [10.0 ** k for k in range(first, last + 1, step)]
    rough = (high - low) / 5
    unit = 10 ** math.floor(math.log10(rough))
    step = min((m * unit for m in (1, 2, 5, 10) if m * unit >= rough * 0.99), default=unit)
    return [round(k * step, 12) for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


class Chart:
    def __init__(self, title, x, y, log_x=False, log_y=False, height=380, x_range=None, y_range=None):
        self.title, self.x, self.y, self.log, self.height = title, x, y, (log_x, log_y), height
        self.ranges = [x_range, y_range]
        self.series, self.marks, self.texts, self.segments = [], [], [], []

    def line(self, name, xs, ys, dashed=False, points=True, colour=None, curve=True):
        pairs = [(x, y) for x, y in zip(xs, ys) if y is not None and math.isfinite(y) and not (self.log[1] and y <= 0)]
        colour = len(self.series) if colour is None else colour
        self.series.append((name, pairs, dashed, points, colour, curve))

    def points(self, name, xs, ys, colour=None):
        self.line(name, xs, ys, colour=colour, curve=False)

    def segment(self, x0, y0, x1, y1, colour):
        self.segments.append((x0, y0, x1, y1, colour))

    def mark(self, text, x=None, y=None, left=False):
        """A dashed line across the chart at x or at y, whose text stands at the right end, or at the left one."""
        self.marks.append((text, x, y, left))

    def text(self, x, y, words):
        self.texts.append((x, y, words))

    def _scale(self, axis, values):
        change = math.log10 if self.log[axis] else float
        low, high = self.ranges[axis] or (min(values), max(values))
        low, high = change(low), change(high)
        if low == high:
            low, high = low - 0.5, high + 0.5
        room = 0 if self.ranges[axis] else 0.05 * (high - low)
        low, high = low - room, high + room
        begin, end = ((LEFT, WIDTH - RIGHT), (self.height - BOTTOM, self.top))[axis]
        return low, high, lambda v: begin + (change(v) - low) / (high - low) * (end - begin)

    def write(self, path):
        legend, x = [], LEFT
        row = 34
        for name, _, dashed, points, colour, curve in self.series:
            if not name:
                continue
            wide = 30 + 6.9 * len(name)
            if x + wide > WIDTH and x > LEFT:
                x, row = LEFT, row + 18
            if curve:
                legend.append(f'<path class="curve" stroke="var(--c{colour})"{" stroke-dasharray=" + chr(34) + "5 4" + chr(34) if dashed else ""} d="M{x} {row}h18"/>')
            if points:
                legend.append(dot(x + 9, row, colour))
            legend.append(f'<text x="{x + 23}" y="{row + 4}">{escape(name)}</text>')
            x += wide + 14
        self.top = row + 24
        everything = [p for s in self.series for p in s[1]] + [(a, b) for a, b, c, d, _ in self.segments] + [(c, d) for a, b, c, d, _ in self.segments]
        x_low, x_high, at_x = self._scale(0, [p[0] for p in everything] + [m[1] for m in self.marks if m[1] is not None])
        y_low, y_high, at_y = self._scale(1, [p[1] for p in everything] + [m[2] for m in self.marks if m[2] is not None])
        out = [f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" viewBox="0 0 {WIDTH} {self.height}" '
               f'aria-label="{escape(self.title)}">{STYLE}<title>{escape(self.title)}</title>',
               f'<text class="title" x="{LEFT}" y="16">{escape(self.title)}</text>', *legend]
        end = WIDTH - RIGHT
        for value in ticks(y_low, y_high, self.log[1]):
            y = at_y(value)
            out.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{end}"/><text class="tick" x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{number(value)}</text>')
        base = self.height - BOTTOM
        out.append(f'<path class="grid" d="M{LEFT} {base}H{end}"/>')
        for value in ticks(x_low, x_high, self.log[0]):
            x = at_x(value)
            out.append(f'<path class="grid" d="M{x:.1f} {base}v5"/><text class="tick" x="{x:.1f}" y="{base + 18}" text-anchor="middle">{number(value)}</text>')
        out.append(f'<text x="{(LEFT + end) / 2}" y="{self.height - 14}" text-anchor="middle">{escape(self.x)}</text>')
        out.append(f'<text transform="translate(16 {(self.top + base) / 2:.1f}) rotate(-90)" text-anchor="middle">{escape(self.y)}</text>')
        for words, x, y, at_left in self.marks:
            if x is not None:
                out.append(f'<path class="mark" d="M{at_x(x):.1f} {self.top}V{base}"/><text class="tick" x="{at_x(x) + 5:.1f}" y="{self.top + 11}">{escape(words)}</text>')
            else:
                out.append(f'<path class="mark" d="M{LEFT} {at_y(y):.1f}H{end}"/><text class="tick" x="{LEFT + 6 if at_left else end - 4}" y="{at_y(y) - 5:.1f}" text-anchor="{"start" if at_left else "end"}">{escape(words)}</text>')
        for x0, y0, x1, y1, colour in self.segments:
            out.append(f'<path class="curve" stroke="var(--c{colour})" d="M{at_x(x0):.1f} {at_y(y0):.1f}L{at_x(x1):.1f} {at_y(y1):.1f}"/>')
        for name, pairs, dashed, points, colour, curve in self.series:
            places = [(at_x(x), at_y(y)) for x, y in pairs]
            if curve and places:
                curve_path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
                out.append(f'<path class="curve" stroke="var(--c{colour})"{" stroke-dasharray=" + chr(34) + "5 4" + chr(34) if dashed else ""} d="M{curve_path}"/>')
            if points:
                for (x, y), pair in zip(places, pairs):
                    out.append(f"<g><title>{escape(name)}: {number(pair[0])}, {pair[1]:.4g}</title>{dot(x, y, colour)}</g>")
        for x, y, words in self.texts:
            out.append(f'<text x="{at_x(x):.1f}" y="{at_y(y):.1f}" text-anchor="middle">{escape(words)}</text>')
        pathlib.Path(path).write_text("\n".join(out) + "\n</svg>\n")


def dot(x, y, colour):
    """A series' mark: its form tells it from the others without its colour."""
    x, y = round(x, 1), round(y, 1)
    fill = f'fill="var(--c{colour})"'
    form = colour % 4
    if form == 1:
        return f'<rect x="{x - 3.2:.1f}" y="{y - 3.2:.1f}" width="6.4" height="6.4" {fill}/>'
    if form == 2:
        return f'<path d="M{x} {y - 4.4:.1f}l4.4 8h-8.8z" {fill}/>'
    if form == 3:
        return f'<path d="M{x} {y - 4.4:.1f}l4.4 4.4l-4.4 4.4l-4.4-4.4z" {fill}/>'
    return f'<circle cx="{x}" cy="{y}" r="3.4" {fill}/>'


def bars(path, title, unit, groups, log=False, note=None):
    """Horizontal bars. groups: [(label, [(part's name or None, value, colour)])]; the parts of a bar follow each other."""
    names = []
    for _, parts in groups:
        for name, _, colour in parts:
            if name and (name, colour) not in names:
                names.append((name, colour))
    left, row = 256, 26
    top = 48 + (18 if names else 0)
    height = top + row * len(groups) + 46
    totals = [sum(v for _, v, _ in parts) for _, parts in groups]
    high = max(totals) * 1.14
    low = min(t for t in totals if t > 0) / 2 if log else 0
    room = WIDTH - RIGHT - left - (40 if log else 0)
    def at(v):
        if log:
            return left + room * (math.log10(max(v, low)) - math.log10(low)) / (math.log10(high) - math.log10(low))
        return left + room * v / high
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" viewBox="0 0 {WIDTH} {height}" '
           f'aria-label="{escape(title)}">{STYLE}<title>{escape(title)}</title>', f'<text class="title" x="12" y="18">{escape(title)}</text>']
    x = 12
    for name, colour in names:
        out.append(f'<rect x="{x}" y="30" width="12" height="12" fill="var(--c{colour})"/><text x="{x + 18}" y="41">{escape(name)}</text>')
        x += 36 + 7 * len(name)
    base = top + row * len(groups)
    for value in ticks(math.log10(low) if log else 0, math.log10(high) if log else high, log):
        out.append(f'<path class="grid" d="M{at(value):.1f} {top - 6}V{base + 4}"/><text class="tick" x="{at(value):.1f}" y="{base + 18}" text-anchor="middle">{number(value)}</text>')
    out.append(f'<text x="{left + room / 2}" y="{base + 38}" text-anchor="middle">{escape(unit)}</text>')
    for k, (label, parts) in enumerate(groups):
        y, done = top + row * k, 0
        out.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(label)}</text>')
        for name, value, colour in parts:
            begin = at(done) if done else left
            out.append(f'<g><title>{escape(label)}{": " + escape(name) if name else ""}: {value:.4g}</title>'
                       f'<rect x="{begin:.1f}" y="{y}" width="{max(0.8, at(done + value) - begin):.1f}" height="18" fill="var(--c{colour})"/></g>')
            done += value
        out.append(f'<text class="tick" x="{at(done) + 5:.1f}" y="{y + 14}">{number(done)}</text>')
    pathlib.Path(path).write_text("\n".join(out) + "\n</svg>\n")
