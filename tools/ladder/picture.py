"""Pictures of what the threads of a version touch, from the addresses that the simulator saw. Of each line the first access of
a warp is drawn, and a later one: that which takes most, or else the next. A lane has a colour; a cell is a word of 4 bytes in
a sector of global memory, or in a bank of shared memory."""
import html
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEFT, CELL, GAP, WIDTH = 250, 4, 3, 840
BANK = (WIDTH - LEFT - 12) / 32
MOST = {"global": 8, "shared": 6}  # lines that are drawn
LETTERS = 130  # of a line of code
STYLE = """.ladder { --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --paper: #ffffff; --unused: #e3e7eb; font: 12px system-ui, "DejaVu Sans", sans-serif; }
@media screen and (prefers-color-scheme: dark) { .ladder { --ink: #e6edf3; --soft: #9aa4af; --line: #30363d; --paper: #0d1117; --unused: #2a3038; } }
.ladder text { fill: var(--ink); } .ladder .soft { fill: var(--soft); font-size: 11px; } .ladder .title { font-size: 14px; font-weight: 600; }
.ladder .code { font: 10px ui-monospace, "DejaVu Sans Mono", monospace; white-space: pre; } .ladder .kernel { font-weight: 600; }
.ladder .unused { fill: var(--unused); } .ladder .frame { fill: none; stroke: var(--line); }
"""


def colours():
    """A class a lane: l0 to l31. Neighbours differ in lightness, and four lanes on in hue."""
    return " ".join(f".ladder .l{lane} {{ fill: hsl({(205 + lane * 41) % 360},70%,{(34, 62, 46, 74)[lane % 4]}%); }}" for lane in range(32))


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
    return drawn, y + 15


def rows_of(sample):
    """The passes of an access to shared memory, each {bank: lane} behind the first of the lanes that are taken together."""
    together = {16: 8, 8: 16}.get(sample["bytes"], 32)
    all_rows = []
    for first in range(0, 32, together):
        rows = []
        lanes = [pair for pair in sample["lanes"] if first <= pair[0] < first + together]
        # Each lane of an atomic operation takes its word by itself.
        taken_words = [(offset // 4, lane) for lane, offset in lanes] if sample["kind"] == "atomic" else words({**sample, "lanes": lanes}).items()
        for word, lane in taken_words:
            row = next((row for row in rows if word % 32 not in row), None)
            if row is None:
                rows.append(row := {})
            row[word % 32] = lane
        all_rows += rows
    return all_rows


def passes(sample, y):
    """The 32 banks, a row a pass: words of a bank that differ stand one below the other."""
    rows = rows_of(sample)
    drawn = [rect(LEFT + first * BANK, y + place * 7, (last + 1 - first) * BANK - 1, 6, f"l{lane}")
             for place, row in enumerate(rows) for first, last, lane in runs(row)]
    drawn.append(rect(LEFT - 1, y - 1, 32 * BANK + 1, len(rows) * 7 + 1, "frame"))
    return drawn, y + len(rows) * 7 + 6


def taken(sample):
    return len({word // 8 for word in words(sample)}) if sample["space"] == "global" else len(rows_of(sample))


def count_of(sample):
    count, unit = taken(sample), "sector" if sample["space"] == "global" else "pass"
    return f"{count} {unit}{'' if count == 1 else 'es' if unit == 'pass' else 's'}"


def two_of(samples):
    """[(its number among the warp's, from 1, the access)]: the first, and the one that takes most, else the second."""
    numbered = list(enumerate(samples, 1))
    return numbered[:1] + sorted(numbered[1:], key=lambda one: (-taken(one[1]), one[0]))[:1]


def accesses_of(samples, kernel, space):
    """[(where: (file, line), what: "reads g", the warp's accesses)] of a kernel, in the order in which they came."""
    found = {}
    for sample in samples:
        if sample["kernel"] == kernel and sample["space"] == space:
            found.setdefault((sample["file"], sample["line"], sample["kind"], sample["array"], sample["bytes"]), []).append(sample)
    verbs = {"read": "reads", "write": "writes", "atomic": "atomics"}
    return [((file, line), verbs[kind] if space == "shared" else f"{verbs[kind]} {array or 'global memory'}", them) for (file, line, kind, array, _), them in found.items()]


def code_at(place, own):
    """The text of a line of source; `own`: the version's file, from the project's folder."""
    file, line = place
    folder = (ROOT / own).parent
    path = next((p for p in [folder / file, *sorted((ROOT / "kernels").rglob(file))] if p.exists()), None)
    if path is None or line == 0:
        return ""
    text = path.read_text().split("\n")[line - 1].strip()
    text = text[:LETTERS - 2] + " ..." if len(text) > LETTERS else text
    return text if path == ROOT / own else f"{text}   // {file}"


def ordinal(number):
    return str(number) + {1: "st", 2: "nd", 3: "rd"}.get(number, "th")


def draw_kernel(samples, kernel, own, y):
    """(elements, the height behind them) of what a warp of a kernel touches."""
    body = []
    for space, draw in (("global", sectors), ("shared", passes)):
        found = accesses_of(samples, kernel, space)
        if not found:
            continue
        what = ("global memory: sectors of 32 bytes by address; grey: fetched, and not asked for" if space == "global"
                else "shared memory: the 32 banks from left to right, a row a pass")
        body.append(label(10, y, f"{kernel.split('<')[0]}, {what}", "kernel"))
        y += 16
        shown = None
        for place, said, all_samples in found[:MOST[space]]:
            who = ", ".join(f"{part} {all_samples[0][part]}" for part in ("block", "warp") if all_samples[0][part])
            if (place, who) != shown:
                body.append(label(10, y + 6, code_at(place, own) + (f"   // {who}" if who else ""), "code"))
                y += 12
                shown = place, who
            for number, sample in two_of(all_samples):
                drawn, after = draw(sample, y)
                body += drawn
                body.append(label(20, y + 9, f"{said}, {ordinal(number)} time: {count_of(sample)}", "soft"))
                y = max(after, y + 15)
            y += 5
        if len(found) > MOST[space]:
            body.append(label(10, y + 9, f"and {len(found) - MOST[space]} more", "soft"))
            y += 15
        y += 18
    return body, y


def picture(title, own, samples, kernels, code):
    """An SVG of a version whose file is `own`. `kernels`: the names of those to draw, in order; `code`: a hash of what was drawn."""
    body, y = [], 22
    body.append(label(10, y, title, "title"))
    y += 14
    body.append(label(10, y + 9, "a colour a lane, 0 to 31", "soft"))
    body += [rect(LEFT + lane * 12, y, 11, 11, f"l{lane}") for lane in range(32)]
    y += 26
    body.append(label(10, y, "Under each line of code: what warp 0 of block 0 touches there (or the block and warp that are named), the first time and a later time.", "soft"))
    y += 14
    body.append(label(10, y, "The later time is the one of the first eight that takes most, else the second. What is too wide for a line goes on below it.", "soft"))
    y += 24
    for kernel in kernels:
        drawn, y = draw_kernel(samples, kernel, own, y)
        body += drawn
    return (f'<svg xmlns="http://www.w3.org/2000/svg" class="ladder" role="img" viewBox="0 0 {WIDTH} {y:.0f}" aria-label="{html.escape(title)}" '
            f'data-code="{code}"><style>\n{STYLE}{colours()}\n</style><title>{html.escape(title)}</title>\n' + "\n".join(body) + "\n</svg>\n")
