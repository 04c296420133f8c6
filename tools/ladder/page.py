"""The page of a family, docs/kernels/FAMILY.md, from its committed figures and from the sources as they are."""
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
MEASURED = ROOT / "bench/results/ladder/measured"
NONE = "-"


# ---- Sources ----------------------------------------------------------------------------------------------------------

def escaped(text):
    """Plain text for Markdown."""
    return text.replace("<", "&lt;").replace("*", r"\*")


def head_of(path):
    """(the comment at a file's head, as paragraphs; the code behind it)."""
    lines = path.read_text().split("\n")
    end = next(i for i, line in enumerate(lines) if not line.startswith("//"))
    text = "\n".join(line[2:].strip() for line in lines[:end])
    text = re.sub(r"(?<!\n)\n(?![\n-])", " ", text)
    text = re.sub(r"^Version \d+: (.)", lambda m: m[1].upper(), text)  # the heading says it
    return escaped(text), "\n".join(lines[end:]).strip("\n")


def kernel_source(path, base):
    """A kernel's definition, from its comment or template line to its closing brace."""
    lines = path.read_text().split("\n")
    text = "\n".join(lines)
    found = re.search(r"__global__[^;{]*\b" + re.escape(base) + r"\(", text)
    first = text[:found.start()].count("\n")
    last = next(i for i in range(first, len(lines)) if lines[i] == "}")
    while first and re.match(r"///|template\b|#pragma", lines[first - 1]):
        first -= 1
    return "\n".join(lines[first:last + 1])


# ---- Numbers ----------------------------------------------------------------------------------------------------------

def sums(kernels, space, kinds=("read", "write", "atomic")):
    """Accesses of warps, transactions and the fewest, together."""
    parts = [k[space][kind] for k in kernels for kind in kinds if kind in k[space]]
    return tuple(sum(part[key] for part in parts) for key in ("accesses", "taken", "fewest"))


def each(kernels, space, kinds=("read", "write", "atomic")):
    """"4.00 / 4.00": transactions of an access, and the fewest."""
    accesses, taken, fewest = sums(kernels, space, kinds)
    return f"{taken / accesses:.2f} / {fewest / accesses:.2f}" if accesses else NONE


def name_main_kernels(family):
    """Writes into each count its "main" kernel, whose resources stand for the version: of those that no other version
    starts, where there are any, the one with the most transactions."""
    used = [name for rung in family["rungs"] for name in {k["name"] for count in rung["counts"] for k in count["kernels"]}]
    for count in (count for rung in family["rungs"] for count in rung["counts"]):
        own = [k for k in count["kernels"] if used.count(k["name"]) == 1] or count["kernels"]
        count["main"] = max(own, key=lambda k: sums([k], "global")[1] + sums([k], "shared")[1])["name"]


def main_kernel(count):
    return next(k for k in count["kernels"] if k["name"] == count["main"])


def launches(kernel):
    return sum(one["launches"] for one in kernel["launches"])


def bytes_of(count):
    return f"{count / 1024:.1f} KB" if count >= 10240 else f"{count} B"


def largest(kernel):
    """The launch whose blocks take most."""
    return max(kernel["launches"], key=lambda one: (one["shared"], one["threads"]))


def resource_cells(kernel):
    r = kernel.get("resources")
    if not r:
        return [NONE] * 4
    spills = f"{r['stack']} B of stack" if r["spilled"] is None else f"{r['spilled']} B" if r["spilled"] else "none"
    held = r["occupancy"]
    return [str(r["registers"]), bytes_of(r["static_shared"] + largest(kernel)["shared"]) if r["static_shared"] + largest(kernel)["shared"] else NONE,
            spills, f"{100 * held['share']:.0f} %: {', '.join(held['limits'])}"]


def row(cells):
    return "| " + " | ".join(cells) + " |\n"


def table(head, rows):
    return row(head) + "|" + "---|" * len(head) + "\n" + "".join(map(row, rows))


def size_text(family, sizes):
    return ", ".join(f"{name} {value:,}" for name, value in zip(family["size_names"], sizes))


def summary(family, cost):
    """A row a version that takes these sizes."""
    rows = []
    for rung in family["rungs"]:
        for count in rung["counts"]:
            if count["sizes"] != cost["sizes"]:
                continue
            kernels = count["kernels"]
            moved = 32 * sums(kernels, "global")[1]
            rows.append([f"[{rung['version']}](#{anchor(rung)})", rung["text"], str(sum(launches(k) for k in kernels)), f"{moved / cost['bytes']:.2f}",
                         each(kernels, "global"), f"{sums(kernels, 'shared')[1]:,}" if sums(kernels, "shared")[1] else NONE, each(kernels, "shared"),
                         *resource_cells(main_kernel(count))])
    return table(["version", "", "launches", "sectors, of the floor", "sectors an access", "passes", "passes an access", "registers", "shared memory", "spills", "occupancy"], rows)


def summaries(family):
    """For each size that is counted: the floor, and the table."""
    text = ""
    for cost in family["costs"]:
        text += (f"For {size_text(family, cost['sizes'])} the floor is {cost['bytes']:,} bytes of global memory, each array moved once, "
                 f"and {cost['flops']:,} floating-point operations:\n\n{summary(family, cost)}\n")
    return text


def kernel_tables(family, rung):
    """A row a kernel of one version."""
    text = ""
    for count in rung["counts"]:
        rows = []
        for kernel in count["kernels"]:
            grid = ", ".join(f"{one['launches']} of {one['blocks']} x {one['threads']}" for one in kernel["launches"])
            rows.append([f"`{kernel['name']}`", grid, each([kernel], "global", ("read",)), each([kernel], "global", ("write", "atomic")),
                         each([kernel], "shared", ("read",)), each([kernel], "shared", ("write", "atomic")), *resource_cells(kernel)])
        if len(family["costs"]) > 1:
            text += f"With {size_text(family, count['sizes'])}:\n\n"
        text += table(["kernel", "launches of blocks x threads", "sectors a read", "sectors a write", "passes a read", "passes a write", "registers", "shared memory", "spills", "occupancy"], rows) + "\n"
    return text


def times(name):
    """What was measured on a GPU, from committed output of `kantor bench ladder`."""
    path = MEASURED / f"{name}.json"
    if not path.exists():
        return ("No version has been timed on a GPU yet: times wait for hardware. `kantor bench ladder " + name + " --device cuda --json "
                f"{path.relative_to(ROOT)}` measures them there, and `tools/ladder_pages --pages` puts them here.\n")
    measured = json.loads(path.read_text())
    rows = [[str(r["version"]), r["size"], f"{1e6 * r['seconds']:.1f} us", f"{1e6 * r['p10']:.1f} to {1e6 * r['p90']:.1f}",
             f"{100 * r['share']:.0f} %" if r.get("share") is not None else NONE, f"{r['of_library']:.2f}" if r.get("of_library") is not None else NONE] for r in measured["rows"]]
    return (f"Times on {measured['hardware']}, from [{path.name}](../../{path.relative_to(ROOT)}): the median, the 10th and 90th percentile, the share of the "
            "rate that this machine copied or multiplied at in the same run, and the time over the library's.\n\n"
            + table(["version", "size", "median", "10 % to 90 %", "of machine", "of library"], rows))


# ---- The page ---------------------------------------------------------------------------------------------------------

def title(rung):
    return f"Version {rung['version']}: {rung['text']}"


def anchor(rung):
    """As GitHub and tools/docs make it."""
    return re.sub(r"[^\w\- ]", "", title(rung).lower()).strip().replace(" ", "-")


def image(name, rung):
    return f"images/{name}-v{rung['version']}.svg"


def link(path):
    return f"[{path}](../../{path})"


def version_section(family, rung, shown):
    """A version's part of the page. `shown`: the kernels of other files whose source stands on the page already."""
    name = family["family"]
    words, code = head_of(ROOT / rung["file"])
    text = f"## {title(rung)}\n\n{words}\n\n"
    if rung["counts"]:
        text += f"![What the threads of version {rung['version']} touch]({image(name, rung)})\n\n" + kernel_tables(family, rung)
    text += f"{link(rung['file'])}:\n\n```cpp\n{code}\n```\n\n"
    elsewhere = {}
    for kernel in (kernel for count in rung["counts"] for kernel in count["kernels"]):
        source = (kernel.get("resources") or {}).get("source", rung["file"])
        if source != rung["file"]:
            elsewhere.setdefault((source, kernel["name"].split("<")[0]))
    for source, base in elsewhere:
        if (source, base) in shown:
            text += f"`{base}`, in {link(source)}, is shown above.\n\n"
            continue
        shown.add((source, base))
        text += f"`{base}`, in {link(source)}:\n\n```cpp\n{kernel_source(ROOT / source, base)}\n```\n\n"
    return text


def page(family):
    name, shown = family["family"], set()
    return f"""# The ladder of `{name}`

<!-- Made by tools/ladder_pages from bench/results/ladder/{name}.json and from the sources: edit those. -->

{escaped(family['formula'])}.

The simulator counted what the warps ask of memory, without a GPU, and ptxas (nvcc {family['nvcc']}, sm_{family['architecture']}) says what a kernel takes;
[what the columns mean](index.md#the-ladder), and what such counts cannot say.

{summaries(family)}{times(name)}
{''.join(version_section(family, rung, shown) for rung in family['rungs'])}""".rstrip("\n") + "\n"
