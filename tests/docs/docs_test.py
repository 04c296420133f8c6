#!/usr/bin/env python3
"""tools/lessons check, tools/performance_page --check and tools/docs --check find what they are for: each planted mistake in a
copy of the documents is reported, and the documents themselves are not.

Usage: docs_test.py     Exit codes: 0 every mistake was found, 1 not."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# file, what stands there, what the mistake puts in its place, words of the finding
MISTAKES = [
    ("docs/lessons/2-clipping-and-its-seven-problems.md", "it is 0.61.", "it is 0.71.", "which the text above it does not say"),
    ("docs/lessons/output/2-pile-up.txt", "clip, share: 0.6", "clip, share: 0.8", "says 0.61 of 'clip, share'"),
    ("docs/studies.md", "| 0.618 [0.571", "| 0.518 [0.571", None),  # no lesson quotes it
    ("engine/step.cpp", "if (graph_ && !observed()) return", "if (graph_ != nullptr && !observed()) return", "quotes code of engine/step.cpp"),
    ("docs/lessons/1-what-a-critic-estimates.md", "critic.constraint=penalty&show=field,samples,arrows", "critic.constraint=penalty&show=feild", "a lab link that shows feild"),
    ("docs/lessons/1-what-a-critic-estimates.md", "critic.lambda=10&", "critic.lamda=10&", "critic.lamda=10"),
    ("docs/lessons/2-clipping-and-its-seven-problems.md", "left.critic.constraint=clip&left.clip.c=0.1", "left.critic.constraint=clop&left.clip.c=0.1", "critic.constraint=clop"),
    ("docs/lessons/3-the-gradient-penalty.ar.md", "--constraint penalty --lambda 10", "--constraint penalty --lambda 1", "code blocks differ"),
    ("docs/lessons/4-autograd-in-300-lines.md", "derivative 2 of tanh at 0.5: -0.726862\nderivative 3", "derivative 2 of tanh at 0.5: -0.7\nderivative 3", "shows another text"),
    ("docs/lessons/5-from-formula-to-kernel.md", "figures/5-sectors.svg)", "figures/5-sector.svg)", "which no command of the lesson writes"),
    ("docs/kernels/index.md", "# Kernels", "# Kernels\n\n[nowhere](nowhere.md)", "a broken link to nowhere.md"),
    ("docs/kernels/index.md", "# Kernels", "# Kernels\n\n[nowhere](../program.md#nowhere)", "program.md has no heading of that name"),
    ("docs/performance.md", "| mlp:64:256 | clip | 339 us |", "| mlp:64:256 | clip | 329 us |", "where the files say '| mlp:64:256 | clip | 339 us"),
    ("docs/performance.md", "| generator, the same | 75 | 5,279 |", "| generator, the same | 75 | 5,179 |", "5,279"),
    ("bench/results/peers-2026-11-28/quiet-2-threads.json", '"model": "mlp:128:256"', '"model": "mlp:129:256"', "mlp:129:256"),
    ("docs/performance.md", "| conv input_grad | conv:64x28x28x1:64:5:2:2 |", "| conv input_grad | conv:32x28x28x1:64:5:2:2 |", "conv:32x28x28x1:64:5:2:2"),
    ("bench/results/peers-2026-11-29-epyc/kernels.json", '"name": "philox: normal"', '"name": "philox: Gaussian"', "philox: Gaussian"),
    ("docs/performance.md", "bench/results/h100-2026-11-28/probe_own.jsonl bench", "bench/results/h100-2026-11-28/probe.jsonl bench", "is no file under bench/results"),
    ("docs/performance.md", "<!-- end of table -->\n\nWhat is slow", "\nWhat is slow", "a mark of a table without its other mark"),
    ("docs/performance.md", "Measured by hand; committed on 2026-11-26; no file was kept. These figures", "These figures", "## GroupSort: a table of figures that no file makes"),
    ("docs/performance.md", "Every table here is made", "Kantor is 3 times as fast. Every table here is made", "not marked as measured by hand"),
    ("engine/step.h", "/// A training step that is recorded once and then replayed.\n", "", "kantor::Step has no comment"),
]


def check(tree, words="", name=""):
    """All checks where the mistake is one of links or comments, else those of the page, which take a second."""
    everything = not words or any(w in words for w in ("link to", "heading", "comment"))
    figures = name == "docs/performance.md" or name.startswith("bench/results/")
    command = ["tools/docs", "--check"] if everything else ["tools/performance_page", "--check"] if figures else ["tools/lessons", "check"]
    done = subprocess.run([sys.executable, *command], cwd=tree, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
        for name in names:
            if (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, tree / name)
        subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
        code, said = check(tree)
        if code != 0:
            print(f"the documents themselves have findings:\n{said}")
            return 1
        for name, right, wrong, words in MISTAKES:
            if words == "kantor::Step has no comment" and not shutil.which("doxygen"):
                print("comments: not tried, because doxygen is missing")
                continue
            text = (tree / name).read_text()
            if right not in text:
                print(f"{name} does not hold '{right}': this test has to follow the document")
                failed += 1
                continue
            (tree / name).write_text(text.replace(right, wrong, 1))
            code, said = check(tree, words or "lessons", name)
            if words is None and code != 0 or words is not None and (code != 1 or words not in said):
                print(f"{name}: '{wrong}' in place of '{right}': expected {words!r}, exit code {code}:\n{said}")
                failed += 1
            (tree / name).write_text(text)
    print(f"{len(MISTAKES) - failed} of {len(MISTAKES)} as expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
