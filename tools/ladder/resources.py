"""What nvcc makes of kernels for Hopper: registers, shared memory, spills, and how many warps a multiprocessor can hold.
No GPU is needed: cuobjdump reads it from built programs and objects, and ptxas says it while it compiles."""
import functools
import hashlib
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
ARCHITECTURE = "90a"  # as a Hopper GPU loads it from the program: with the kernels of warpgroups

# Compute capability 9.0. CUDA C++ Programming Guide, "Technical Specifications per Compute Capability": 64 resident warps,
# 32 resident blocks, 65536 registers and 228 KB of shared memory a multiprocessor; its section on shared memory of
# compute capability 9.0: 1 KB of each block's is the system's. The units of allocation are those of NVIDIA's
# cuda_occupancy.h, which comes with the toolkit: registers by 256 a warp, on each of four parts of the multiprocessor,
# to which warps belong; shared memory by 128 bytes.
WARPS, BLOCKS, REGISTERS, SHARED = 64, 32, 65536, 228 * 1024
RESERVED, PARTS, REGISTER_UNIT, SHARED_UNIT = 1024, 4, 256, 128


def round_up(value, unit):
    return -(-value // unit) * unit


def occupancy(registers, shared, threads):
    """{"blocks", "warps" of a multiprocessor, "share" of the 64 warps, "limits": what allows no more blocks}."""
    warps = -(-threads // 32)
    a_warp = round_up(registers * 32, REGISTER_UNIT)
    by = {
        "warps": WARPS // warps,
        "blocks": BLOCKS,
        "registers": REGISTERS // PARTS // a_warp * PARTS // warps,
        "shared memory": SHARED // round_up(shared + RESERVED, SHARED_UNIT),
    }
    blocks = min(by.values())
    return {"blocks": blocks, "warps": blocks * warps, "share": blocks * warps / WARPS,
            "limits": [name for name, most in by.items() if most == blocks]}


# ---- Names ------------------------------------------------------------------------------------------------------------

@functools.cache
def enumerators():
    """The numbers of the enumerators in the kernels' headers: g++ writes a template argument's name, c++filt its number."""
    numbers = {}
    for header in (ROOT / "kernels").rglob("*.h"):
        for enum in re.finditer(r"enum class \w+[^{;]*\{([^}]*)\}", re.sub(r"//.*", "", header.read_text())):
            for number, name in enumerate(filter(None, (part.strip() for part in enum[1].split(",")))):
                numbers[name.split("=")[0].strip()] = str(number)
    return numbers


def plain_name(name):
    """A kernel's name as both compilers would write it: without namespaces, casts and suffixes, enumerators as numbers."""
    name = re.sub(r"\((?:anonymous namespace|[\w: ]+)\)", "", name).replace("{anonymous}", "")
    name = re.sub(r"(?:\w*::)+(?=\w)", "", name)
    name = re.sub(r"\b(\d+)[uUlL]+\b", r"\1", name)
    name = re.sub(r"[A-Za-z_]\w*", lambda m: enumerators().get(m[0], m[0]), name)
    return name.replace(" ", "").replace("false", "0").replace("true", "1")


def without_parameters(demangled):
    """"void a::f<3>(float*)" as "a::f<3>"."""
    text = re.sub(r"\(anonymous namespace\)", "", demangled)
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter == "<") - (letter == ">")
        if letter == "(" and depth == 0:
            text = text[:at]
            break
    return re.sub(r"^void ", "", text)


def without_false(name):
    """g++ leaves out template arguments that are the default, which here are all false."""
    return re.sub(r"(,0)+>", ">", name)


def named(kernels, kernel):
    """The one of {plain name: resources} that has a name; None if there is none, or if several could be meant."""
    name = plain_name(kernel)
    if name in kernels:
        return kernels[name]
    alike = [other for other in kernels if without_false(other) == without_false(name)]
    return kernels[alike[0]] if len(alike) == 1 else None


# ---- The compiler -----------------------------------------------------------------------------------------------------

def defines(path, kernel):
    return re.search(r"__global__[^;{]*\b" + re.escape(kernel) + r"\(", path.read_text()) is not None


def definition(base):
    """The file below kernels/ that defines a kernel of this name."""
    for path in sorted([*(ROOT / "kernels").rglob("*.cu"), *(ROOT / "kernels").rglob("*.h")]):
        if defines(path, base):
            return path
    return None


def including(header):
    """The .cu files that include a header, directly or through others."""
    name, found = str(header.relative_to(ROOT)), []
    for path in sorted((ROOT / "kernels").rglob("*")):
        if path.suffix in (".cu", ".h") and f'#include "{name}"' in path.read_text():
            found += [path] if path.suffix == ".cu" else including(path)
    return found


def read_by(source, found=None):
    """A source below kernels/ and the headers there that it includes, directly or through others."""
    found = {} if found is None else found
    found[source] = None
    for name in re.findall(r'#include "(kernels/[^"]+)"', source.read_text()):
        if (ROOT / name).exists() and ROOT / name not in found:
            read_by(ROOT / name, found)
    return list(found)


class Compiler:
    """Answers from built objects first, then from what it compiles itself. `cuobjdump` may be None where there are none."""
    def __init__(self, nvcc, cache, cuobjdump=None, objects=()):
        self.nvcc, self.cache = nvcc, cache
        self.built = {}
        for path in objects:
            done = subprocess.run([cuobjdump, "--dump-resource-usage", "--gpu-architecture", f"sm_{ARCHITECTURE}", str(path)], capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"cuobjdump refuses {path}:\n{done.stderr}")
            self.built.update(parse_dump(demangled(done.stdout)))
        said = subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=True).stdout
        self.version = re.search(r"V([\d.]+)", said)[1]

    def command(self, source):
        """The options are those of kernels/cuda/CMakeLists.txt and of a release."""
        return [self.nvcc, "-std=c++20", "-O3", "-DNDEBUG", "-fmad=true", "-I.", f"-gencode=arch=compute_{ARCHITECTURE},code=sm_{ARCHITECTURE}",
                "-Xptxas", "-v", "-cubin", str(source.relative_to(ROOT))]

    @functools.cache
    def compiled(self, source):
        """{plain name: resources} of the kernels in a .cu file. What was compiled before is read again."""
        key = hashlib.sha256(" ".join([self.version, *self.command(source)]).encode())
        for path in read_by(source):  # lines that are comments alone change nothing
            key.update("\n".join(line for line in path.read_text().split("\n") if not line.lstrip().startswith("//")).encode())
        kept = self.cache / f"{source.stem}-{key.hexdigest()[:16]}.txt"
        if not kept.exists():
            print(f"nvcc {source.relative_to(ROOT)}", flush=True)
            with tempfile.TemporaryDirectory() as folder:
                done = subprocess.run([*self.command(source), "-o", f"{folder}/out.cubin"], cwd=ROOT, capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"nvcc refuses {source.relative_to(ROOT)}:\n{done.stdout}{done.stderr}")
            self.cache.mkdir(parents=True, exist_ok=True)
            kept.write_text(demangled(done.stderr + done.stdout))
        return parse(kept.read_text())

    def resources(self, kernel, file):
        """Of a kernel by the name that the simulator gave it, sought in the version's file first. Adds "source", the file
        that defines it. Throws LookupError if there is none, or if several would do."""
        base = kernel.split("<")[0]
        source = ROOT / file if defines(ROOT / file, base) else definition(base)
        if source is None:
            raise LookupError(f"no file below kernels/ defines {base}")
        family = pathlib.Path(file).parent.name
        if found := named(self.built, kernel):
            return {**found, "source": str(source.relative_to(ROOT))}
        sources = [source] if source.suffix == ".cu" else including(source)
        near = [s for s in sources if s == ROOT / file] or [s for s in sources if s.stem.startswith(family)]
        for one in [*near, *(s for s in sources if s not in near)]:
            if found := named(self.compiled(one), kernel):
                return {**found, "source": str(source.relative_to(ROOT))}
        raise LookupError(f"{kernel}: nvcc made no kernel of that name from {', '.join(str(s.relative_to(ROOT)) for s in sources)}")


def demangled(text):
    return subprocess.run(["c++filt"], input=text, capture_output=True, text=True, check=True).stdout


def parse_dump(text):
    """What cuobjdump says: " Function NAME:", then "REG:32 STACK:0 SHARED:0 ...". A kernel without a stack spills nothing; how
    much of a stack is spills it does not say. Its shared memory holds the system's part too, where there is any."""
    found, name = {}, None
    for line in text.splitlines():
        if m := re.match(r"\s*Function (.*):$", line):
            name = plain_name(without_parameters(m[1]))
        elif (m := re.search(r"REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)", line)) and name:
            registers, stack, shared, local = map(int, m.groups())
            found[name] = {"registers": registers, "static_shared": max(0, shared - RESERVED), "stack": stack + local, "spilled": None if stack + local else 0}
            name = None
    return found


def parse(text):
    """What `ptxas -v` says, demangled: of each kernel a line with its name, one with its spills, one with its registers."""
    found, name, spills = {}, None, None
    for line in text.splitlines():
        if m := re.search(r"Compiling entry function '(.*)' for", line):
            name = plain_name(without_parameters(m[1]))
        elif m := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line):
            spills = {"stack": int(m[1]), "spilled": int(m[2]) + int(m[3])}
        elif (m := re.search(r"Used (\d+) registers", line)) and name:
            shared = re.search(r"(\d+) bytes smem", line)
            found[name] = {"registers": int(m[1]), "static_shared": int(shared[1]) if shared else 0, **spills}
            name = None
    return found
