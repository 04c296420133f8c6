"""The tables of a family's page, from its committed figures."""
import re

NONE = "-"
MULTIPROCESSORS = 132  # of an H100 SXM and an H200


def title(rung):
    return f"Version {rung['version']}: {rung['text']}"


def anchor(rung):
    """As GitHub and tools/docs make it."""
    return re.sub(r"[^\w\- ]", "", title(rung).lower()).strip().replace(" ", "-")


# ---- Numbers ----------------------------------------------------------------------------------------------------------

def sums(kernels, space, kinds=("read", "write", "atomic")):
    """Accesses of warps, transactions and the fewest, together."""
    parts = [k[space][kind] for k in kernels for kind in kinds if kind in k[space]]
    return tuple(sum(part[key] for part in parts) for key in ("accesses", "taken", "fewest"))


def each(kernels, space, kinds=("read", "write", "atomic")):
    """"4.00 / 4.00": transactions of an access, and the fewest."""
    accesses, taken, fewest = sums(kernels, space, kinds)
    return f"{taken / accesses:.2f} / {fewest / accesses:.2f}" if accesses else NONE


def number(value):
    return f"{value:,}" if value else NONE


def kernels_of(rung):
    return [kernel for count in rung["counts"] for kernel in count["kernels"]]


def name_main_kernels(family):
    """Writes into each count its "main" kernel, whose resources stand for the version where there is room for one alone: of
    those that no other version starts, where there are any, the one with the most transactions."""
    used = [name for rung in family["rungs"] for name in {k["name"] for k in kernels_of(rung)}]
    for count in (count for rung in family["rungs"] for count in rung["counts"]):
        own = [k for k in count["kernels"] if used.count(k["name"]) == 1] or count["kernels"]
        count["main"] = max(own, key=lambda k: (sums([k], "global")[1], sums([k], "shared")[1]))["name"]


def in_words(name, beside):
    """"make gradients" of "make_gradients_kernel"; with what is in brackets where `beside` has another of that name."""
    base, _, arguments = name.partition("<")
    alike = {other for other in beside if other.split("<")[0] == base}
    return base.removesuffix("_kernel").replace("_", " ") + (f" ({arguments.removesuffix('>')})" if len(alike) > 1 and len(arguments) < 20 else "")


def launches(kernels):
    return sum(one["launches"] for kernel in kernels for one in kernel["launches"])


def warps_of(launch):
    return launch["blocks"] * -(-launch["threads"] // 32)


def a_warp(kernel, space="global"):
    """Accesses of a warp, on average."""
    return sums([kernel], space)[0] / sum(one["launches"] * warps_of(one) for one in kernel["launches"])


def rounded(value):
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def in_a_row(kernels):
    """Accesses to global memory that follow each other: those of a warp of each launch."""
    return sum(a_warp(kernel) * launches([kernel]) for kernel in kernels)


def bytes_of(count):
    return f"{count / 1024:.1f} KB" if count >= 10240 else f"{count} B"


def largest(kernel):
    """The launch whose blocks take most."""
    return max(kernel["launches"], key=lambda one: (one["shared"], one["threads"]))


def shared_bytes(kernel):
    return kernel["resources"]["static_shared"] + largest(kernel)["shared"]


def spills(found):
    return f"{found['stack']} B of stack" if found["spilled"] is None else f"{found['spilled']} B" if found["spilled"] else "none"


def row(cells):
    return "| " + " | ".join(cells) + " |\n"


def table(head, rows):
    return row(head) + "|" + "---|" * len(head) + "\n" + "".join(map(row, rows))


def size_text(family, sizes):
    return ", ".join(f"{name} {value:,}" for name, value in zip(family["size_names"], sizes))


def of_floor(kernels, cost):
    return f"{32 * sums(kernels, 'global')[1] / cost['bytes']:.2f}"


# ---- Tables -----------------------------------------------------------------------------------------------------------

def traffic_cells(kernel, cost):
    shapes = kernel["launches"]
    grids = ", ".join(f"{one['blocks']:,} x {one['threads']}" for one in shapes)
    busy = ", ".join(str(min(one["blocks"], MULTIPROCESSORS)) for one in shapes)
    return [str(launches([kernel])), grids, busy, rounded(a_warp(kernel)), each([kernel], "global"), of_floor([kernel], cost),
            each([kernel], "shared"), number(sums([kernel], "shared")[1])]


def summary(family, cost):
    """For each version a row for all and one for each kernel; a single row where there is one kernel."""
    rows = []
    for rung in family["rungs"]:
        name = f"**[{rung['version']}](#{anchor(rung)})** {rung['text']}"
        count = next((c for c in rung["counts"] if c["sizes"] == cost["sizes"]), None)
        if count is None:
            rows.append([name, *["does not take this size" if rung["counts"] else "not counted", *[""] * 7]])
            continue
        kernels = count["kernels"]
        if len(kernels) == 1:
            rows.append([name, *traffic_cells(kernels[0], cost)])
            continue
        rows.append([name, f"**{launches(kernels)}**", "", "", "", "", f"**{of_floor(kernels, cost)}**", "", f"**{number(sums(kernels, 'shared')[1])}**"])
        names = [k["name"] for k in kernels]
        rows += [[f"- {in_words(k['name'], names)}", *traffic_cells(k, cost)] for k in kernels]
    return table(["version, and its kernels", "launches", "blocks x threads", f"multiprocessors busy, of {MULTIPROCESSORS}", "global accesses of a warp",
                  "sectors an access / fewest", "sectors, of the floor", "passes an access / fewest", "passes over shared memory"], rows)


def summaries(family):
    """For each size that is counted: the floor, and the table."""
    text = ""
    for cost in family["costs"]:
        text += (f"**{size_text(family, cost['sizes'])}.** The floor is {cost['bytes']:,} bytes of global memory, each input read once and each output "
                 f"written once, and {cost['flops']:,} floating-point operations:\n\n{summary(family, cost)}\n")
    return text


def resources(family):
    """A row a kernel of the family."""
    users, kernels = {}, {}
    for rung in family["rungs"]:
        for kernel in kernels_of(rung):
            if kernel.get("resources"):
                users.setdefault(kernel["name"], {})[rung["version"]] = None
                before = kernels.setdefault(kernel["name"], kernel)
                if shared_bytes(kernel) > shared_bytes(before):
                    kernels[kernel["name"]] = kernel
    rows = []
    for name, kernel in kernels.items():
        found, shared = kernel["resources"], shared_bytes(kernel)
        held = found["occupancy"]
        rows.append([in_words(name, kernels), ", ".join(map(str, users[name])), str(found["registers"]), bytes_of(shared) if shared else NONE, spills(found),
                     f"{held['warps']} of 64: {', '.join(held['limits'])}"])
    return ("What each kernel takes, whatever it is started with (of shared memory, the most that a size above asks for):\n\n"
            + table(["kernel", "of versions", "registers of a thread", "shared memory of a block", "spills", "warps a multiprocessor could hold: what allows no more"], rows) + "\n")


def against(family, rung):
    """What the counts say that a version changes, by size: the figures that differ, and those that do not."""
    follows = rung["follows"] or rung["version"] - 1
    earlier = sorted((r for r in family["rungs"] if r["version"] < rung["version"]), key=lambda r: (abs(r["version"] - follows), -r["version"]))
    text = ""
    for count in rung["counts"]:
        cost = next(c for c in family["costs"] if c["sizes"] == count["sizes"])
        before, old = next(((r, c) for r in earlier for c in r["counts"] if c["sizes"] == count["sizes"]), (None, None))
        if old is None:
            continue
        shared = {k["name"] for k in old["kernels"]} & {k["name"] for k in count["kernels"]}
        mine, others = ([k for k in c["kernels"] if k["name"] not in shared] for c in (count, old))
        if not mine and not others:
            mine, others, shared = count["kernels"], old["kernels"], set()
        names = [k["name"] for k in [*mine, *others]]
        mains = [max(part, key=lambda k: sums([k], "global")[1] + sums([k], "shared")[1]) for part in (others, mine)]
        widest = [max(kernel["launches"], key=warps_of) for kernel in mains]
        figures = [
            ("launches of these kernels", *(str(launches(part)) for part in (others, mine))),
            ("global accesses of a warp, launch after launch", *(rounded(in_a_row(part)) for part in (others, mine))),
            ("global accesses of all warps", *(number(sums(part, "global")[0]) for part in (others, mine))),
            ("sectors, of the floor", *(of_floor(part, cost) for part in (others, mine))),
            ("accesses to shared memory", *(number(sums(part, "shared")[0]) for part in (others, mine))),
            ("passes over shared memory", *(number(sums(part, "shared")[1]) for part in (others, mine))),
            ("multiprocessors busy", *(str(min(one["blocks"], MULTIPROCESSORS)) for one in widest)),
            ("warps", *(f"{warps_of(one):,}" for one in widest)),
        ]
        if all(kernel.get("resources") for kernel in mains):
            figures += [
                ("registers of a thread", *(str(kernel["resources"]["registers"]) for kernel in mains)),
                ("shared memory of a block", *(bytes_of(shared_bytes(kernel)) if shared_bytes(kernel) else NONE for kernel in mains)),
                ("warps a multiprocessor could hold", *(str(kernel["resources"]["occupancy"]["warps"]) for kernel in mains)),
            ]
        differ = [(name, a, b, times_less(a, b)) for name, a, b in figures if a != b]
        same = [f"{name} ({a})" for name, a, b in figures if a == b and a != NONE]
        to = [", ".join(in_words(k["name"], names) for k in part) or "nothing" for part in (others, mine)]
        text += f"With {size_text(family, count['sizes'])}" if len(family["costs"]) > 1 else "In numbers"
        text += f", against version {before['version']}: {to[1]} in place of {to[0]}" + ("; the other kernels are the same" if shared else "") + "."
        text += f" From \"multiprocessors busy\" on, figures are of the kernels that touch most sectors: {' and '.join(in_words(k['name'], names) for k in mains)}." if max(len(mine), len(others)) > 1 else ""
        text += "\n\n"
        text += table(["figure", f"version {before['version']}", f"version {rung['version']}", ""], differ) + "\n"
        text += f"Unchanged: {', '.join(same)}.\n\n" if same else ""
    return text


def times_less(a, b):
    """"7.9 times less", where both are numbers and differ by a tenth at least."""
    try:
        before, after = (float(x.replace(",", "")) for x in (a, b))
    except ValueError:
        return ""
    if min(before, after) <= 0 or max(before, after) / min(before, after) < 1.1:
        return ""
    return f"{before / after:.1f} times less" if before > after else f"{after / before:.1f} times more"


def kernel_tables(family, rung):
    """A row a kernel of one version, reads and writes apart."""
    text = ""
    for count in rung["counts"]:
        rows = []
        for kernel in count["kernels"]:
            cells = [f"{number(sums([kernel], space, kinds)[1])} ({each([kernel], space, kinds)})" if sums([kernel], space, kinds)[1] else NONE
                     for space in ("global", "shared") for kinds in (("read",), ("write", "atomic"))]
            grid = ", ".join(f"{one['launches']} of {one['blocks']:,} x {one['threads']}" for one in kernel["launches"])
            rows.append([f"`{kernel['name']}`", grid, *cells])
        if len(family["costs"]) > 1:
            text += f"With {size_text(family, count['sizes'])}:\n\n"
        text += table(["kernel", "launches of blocks x threads", "sectors read (an access / fewest)", "sectors written", "passes that read (an access / fewest)", "passes that write"], rows) + "\n"
    return text
