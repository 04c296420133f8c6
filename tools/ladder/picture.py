"""Pictures of what the threads of a version touch, from the addresses that the simulator saw: the first two accesses of a
warp at each line. A lane has a colour; a cell is a word of 4 bytes in a sector of global memory, or in a bank of shared
memory."""
import html

LEFT, CELL, GAP, WIDTH = 250, 4, 3, 840
BANK = (WIDTH - LEFT - 12) / 32
MOST = {"global": 8, "shared": 6}  # lines that are drawn
STYLE = """.ladder { --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --paper: #ffffff; --unused: #e3e7eb; font: 12px system-ui, "DejaVu Sans", sans-serif; }
@media screen and (prefers-color-scheme: dark) { .ladder { --ink: #e6edf3; --soft: #9aa4af; --line: #30363d; --paper: #0d1117; --unused: #2a3038; } }
.ladder text { fill: var(--ink); } .ladder .soft { fill: var(--soft); font-size: 11px; } .ladder .title { font-size: 14px; font-weight: 600; }
.ladder .unused { fill: var(--unused); } .ladder .frame { fill: none; stroke: var(--line); }
"""


def colours():
    """A class a lane: l0 to l31."""
    return " ".join(f".ladder .l{lane} {{ fill: hsl({(200 + lane * 10) % 360},{70 if lane % 2 else 85}%,{46 if lane % 2 else 58}%); }}" for lane in range(32))


def rect(x, y, width, height, kind):
    return f'<rect x="{x:.4g}" y="{y:g}" width="{width:.4g}" height="{height:g}" class="{kind}"/>'


def runs(cells):
    """(first, last, lane) of cells that lie side by side and have one lane; `cells`: {place: lane}."""
    found = []
    for place in sorted(cells):
        if found and found[-1][1] == place - 1 and found[-1][2] == cells[place]:
            found[-1] = (found[-1][0], place, cells[place])
        else:
            found.append((place, place, cells[place]))
    return found


def label(x, y, text, kind=""):
    return f'<text x="{x:.1f}" y="{y:.1f}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>{html.escape(text)}</text>'


def words(sample):
    """{word: lane} in the order of lanes; of several lanes with the same word the first."""
    found = {}
    for lane, offset in sample["lanes"]:
        for word in range(offset // 4, (offset + sample["bytes"] - 1) // 4 + 1):
            found.setdefault(word, lane)
    return found


def sectors(sample, y):
    """The sectors that an access touches, side by side by address; a gap where sectors between them are left out."""
    touched = words(sample)
    numbers = sorted({word // 8 for word in touched})
    drawn, x = [], LEFT
    for place, sector in enumerate(numbers):
        if place and sector != numbers[place - 1] + 1:
            x += GAP
        if x + 8 * CELL > WIDTH - 8:
            x, y = LEFT, y + 15
        inside = {word - sector * 8: lane for word, lane in touched.items() if word // 8 == sector}
        if len(inside) < 8:
            drawn.append(rect(x, y, 8 * CELL, 11, "unused"))
        drawn += [rect(x + first * CELL, y, (last + 1 - first) * CELL, 11, f"l{lane}") for first, last, lane in runs(inside)]
        drawn.append(rect(x, y, 8 * CELL, 11, "frame"))
        x += 8 * CELL + 1
    return drawn, y + 15, len(numbers)


def passes(sample, y):
    """The 32 banks, a row a pass: words of a bank that differ stand one below the other."""
    together = {16: 8, 8: 16}.get(sample["bytes"], 32)
    drawn, count = [], 0
    for first in range(0, 32, together):
        part = {**sample, "lanes": [pair for pair in sample["lanes"] if first <= pair[0] < first + together]}
        if not part["lanes"]:
            continue
        rows = []
        for word, lane in words(part).items():
            row = next((row for row in rows if word % 32 not in row), None)
            if row is None:
                rows.append(row := {})
            row[word % 32] = lane
        for place, row in enumerate(rows):
            drawn += [rect(LEFT + first * BANK, y + (count + place) * 7, (last + 1 - first) * BANK - 1, 6, f"l{lane}") for first, last, lane in runs(row)]
        count += len(rows)
    drawn.append(rect(LEFT - 1, y - 1, 32 * BANK + 1, count * 7 + 1, "frame"))
    return drawn, y + count * 7 + 6, count


def lines_of(samples, kernel, space, own):
    """[(line's text, its first two samples)] of a kernel's lines in the order in which they came. `own`: the version's file."""
    found = {}
    for sample in samples:
        if sample["kernel"] == kernel and sample["space"] == space:
            found.setdefault((sample["file"], sample["line"], sample["kind"]), []).append(sample)
    verbs = {"read": "reads", "write": "writes", "atomic": "atomics"}
    return [(f"{file if file != own else 'line'}{':' if file != own else ' '}{line} {verbs[kind]}", two[:2]) for (file, line, kind), two in found.items()]


def picture(title, own, samples, kernels, code):
    """An SVG of a version whose file is named `own`. `kernels`: the names of those to draw, in order; `code`: a hash of what was drawn."""
    body, y = [], 22
    body.append(label(10, y, title, "title"))
    y += 14
    body.append(label(10, y + 9, "a colour a lane, 0 to 31", "soft"))
    for lane in range(32):
        body.append(rect(LEFT + lane * 12, y, 11, 11, f"l{lane}"))
    y += 30
    for kernel in kernels:
        for space, draw, unit in (("global", sectors, "sector"), ("shared", passes, "pass")):
            lines = lines_of(samples, kernel, space, own)
            if not lines:
                continue
            what = ("global memory: sectors of 32 bytes; grey: fetched, and not asked for" if space == "global"
                    else "shared memory: the 32 banks from left to right, a row a pass")
            body.append(label(10, y, f"{kernel.split('<')[0]}, {what}"))
            y += 10
            for text, two in lines[:MOST[space]]:
                for number, sample in enumerate(two):
                    drawn, after, count = draw(sample, y)
                    body += drawn
                    plural = "es" if unit == "pass" else "s"
                    said = f"{count} {unit}{'' if count == 1 else plural}"
                    body.append(label(10, y + 9, f"{text}: {said}" if number == 0 else f"the next: {said}", "soft"))
                    y = max(after, y + 15)
                y += 3
            if len(lines) > MOST[space]:
                body.append(label(10, y + 9, f"and {len(lines) - MOST[space]} lines more", "soft"))
                y += 15
            y += 18
    return (f'<svg xmlns="http://www.w3.org/2000/svg" class="ladder" role="img" viewBox="0 0 {WIDTH} {y:.0f}" aria-label="{html.escape(title)}" '
            f'data-code="{code}"><style>\n{STYLE}{colours()}\n</style><title>{html.escape(title)}</title>\n' + "\n".join(body) + "\n</svg>\n")
