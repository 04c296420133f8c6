"""Tables in Markdown of what comparisons measured; tools/performance_page makes those of docs/performance.md by it too."""
import re
import statistics

STEP_COLUMNS = {"model": lambda row: row["model"], "step": lambda row: row["step"]}
KERNEL_COLUMNS = {"kernel": lambda row: row["kernel"]["name"], "size": lambda row: row["kernel"]["size"]}


def table(head, rows):
    lines = ["| " + " | ".join(cells) + " |" for cells in [head, *rows]]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]]) + "\n"


def in_microseconds(seconds):
    return f"{1e6 * seconds:,.0f} us"


def in_usual_units(seconds):
    return f"{1e6 * seconds:,.1f} us" if seconds < 1e-3 else f"{1e3 * seconds:,.2f} ms"


def beside(peers, rows, columns, time):
    """Kantor's median of all runs, and each peer's, with the lowest and the highest ratio that a run gave.
    `columns`: {title: function of a row}, which stand before them; `time`: how seconds are written."""
    middle = lambda row, name: time(statistics.median(x for run in row["runs"] for x in run["seconds"][name]))
    ratios = lambda row, name: [statistics.median(run["seconds"][name]) / statistics.median(run["seconds"]["kantor"]) for run in row["runs"]]
    lines = []
    for row in rows:
        cells = [*(column(row) for column in columns.values()), middle(row, "kantor")]
        for name in peers:
            if name in row["refused"]:
                cells += ["-", "-"]
                continue
            low, high = (f"{x:.2f}" for x in (min(ratios(row, name)), max(ratios(row, name))))
            cells += [middle(row, name), low if low == high else f"{low} to {high}"]
        lines.append(cells)
    short = lambda name: re.sub(r"\.0(\+\w+)?(?=,)|(?<=\d)\.\d(?=, jit)", "", name)  # of versions: what tells a peer's results apart
    return table([*columns, "Kantor", *(text for peer in peers.values() for text in (short(peer["name"]), "ratio"))], lines)


def not_timed(rows, columns):
    """A line for each peer of a row that has no time, with the reason."""
    return "".join(f"{', '.join(column(row) for column in columns.values())}: {name} not timed: {why}\n"
                   for row in rows for name, why in row["refused"].items())
