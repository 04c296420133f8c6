"""The page of a family, docs/kernels/FAMILY.md, from its committed figures and from the sources as they are."""
import json
import pathlib
import re

from ladder.tables import NONE, against, anchor, kernel_tables, kernels_of, resources, summaries, table, title

ROOT = pathlib.Path(__file__).resolve().parents[2]
MEASURED = ROOT / "bench/results/ladder/measured"


# ---- Sources ----------------------------------------------------------------------------------------------------------

def escaped(text):
    """Plain text for Markdown."""
    return re.sub(r"(?<!\*)\*(?!\*)", r"\*", text.replace("<", "&lt;"))


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


# ---- Times ------------------------------------------------------------------------------------------------------------

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

def image(name, rung):
    return f"images/{name}-v{rung['version']}.svg"


def link(path):
    return f"[{path}](../../{path})"


def listing(text, lead):
    return f"{lead}:\n\n```cpp\n{text}\n```\n\n"


def headers_of(path, family, found=None):
    """The headers that a source takes from its family's folder, and kernels/block.h, in order, with those that these take."""
    found = {} if found is None else found
    for name in re.findall(r'#include "([^"]+\.h)"', path.read_text()):
        if (name.startswith(f"kernels/ladder/{family}/") or name == "kernels/block.h") and name not in found:
            found[name] = None
            headers_of(ROOT / name, family, found)
    return list(found)


def version_section(family, rung, shown):
    """A version's part of the page. `shown`: the sources of other files that stand on the page already."""
    name = family["family"]
    words, code = head_of(ROOT / rung["file"])
    text = f"## {title(rung)}\n\n{words}\n\n{against(family, rung)}"
    if rung["counts"]:
        if has_picture(family, rung):
            text += f"![What the threads of version {rung['version']} touch]({image(name, rung)})\n\n"
        text += kernel_tables(family, rung)
    text += listing(code, link(rung["file"]))
    elsewhere = {}
    for kernel in kernels_of(rung):
        source = (kernel.get("resources") or {}).get("source", rung["file"])
        if source != rung["file"]:
            elsewhere.setdefault((source, kernel["name"].split("<")[0]))
    again = []
    for source, base in elsewhere:
        if (source, base) in shown:
            again.append(f"`{base}`, in {link(source)}")
            continue
        shown.add((source, base))
        text += listing(kernel_source(ROOT / source, base), f"`{base}`, in {link(source)}")
    for header in sources_of(name, rung):
        if header.endswith(".h") and header not in shown:
            shown.add(header)
            text += listing((ROOT / header).read_text().rstrip("\n"), f"{link(header)}, which it includes")
    return text + (f"Shown above: {', '.join(again)}.\n\n" if again else "")


def sources_of(name, rung):
    """The files of the family's folder that a version is made of: its own, those of its kernels, and the headers of both."""
    own = dict.fromkeys([rung["file"], *(k["resources"]["source"] for k in kernels_of(rung) if k["resources"]["source"].startswith(f"kernels/ladder/{name}/"))])
    return [*own, *dict.fromkeys(header for source in own for header in headers_of(ROOT / source, name))]


def new_kernels(family, rung):
    """Kernels of a version that no version before it has, each under one of its names: what its picture shows."""
    before = {k["name"].split("<")[0] for other in family["rungs"] if other["version"] < rung["version"] for k in kernels_of(other)}
    return list({k["name"].split("<")[0]: k["name"] for k in reversed(rung["counts"][0]["kernels"]) if k["name"].split("<")[0] not in before}.values())[::-1]


def has_picture(family, rung):
    return bool(rung["counts"]) and bool(new_kernels(family, rung))


def unheld(family, rung):
    """Figures in bold at a version's head that none of its tables holds."""
    words, _ = head_of(ROOT / rung["file"])
    tables = summaries(family) + resources(family) + against(family, rung) + kernel_tables(family, rung)
    there = set(re.findall(r"\d[\d,]*(?:\.\d+)?", tables))
    return [figure for figure in re.findall(r"\*\*([^*]*)\*\*", words) if not re.findall(r"\d[\d,]*(?:\.\d+)?", figure)
            or not set(re.findall(r"\d[\d,]*(?:\.\d+)?", figure)) <= there]


def arrays(family):
    """What goes in and out, where the family names it."""
    named = [(side, [name.partition(" ") for name in family.get(side, [])]) for side in ("inputs", "outputs")]
    return "".join(f"{side.capitalize()}, `{side}[0]` and on: {'; '.join(f'`{name}` {escaped(what)}'.rstrip() for name, _, what in names)}.\n\n" for side, names in named if names)


def page(family):
    name, shown = family["family"], set()
    return f"""# The ladder of `{name}`

<!-- Made by tools/ladder_pages from bench/results/ladder/{name}.json and from the sources: edit those. -->

{escaped(family['formula'])}.

{arrays(family)}The simulator counted what the warps ask of memory, without a GPU, and ptxas (nvcc {family['nvcc']}, sm_{family['architecture']}) says what a kernel takes;
[what the columns mean](index.md#the-ladder), and what such counts cannot say. Figures in bold in the text stand in the tables.

{summaries(family)}{resources(family)}{times(name)}
{''.join(version_section(family, rung, shown) for rung in family['rungs'])}""".rstrip("\n") + "\n"
