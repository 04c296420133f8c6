#!/usr/bin/env python3
"""Opens a page of `kantor bench report` in headless Chromium: no error in the console, every row and figure there, hostile names as
text, in light, dark and print. The numbers are made up.

Usage: bench_report_test.py --kantor PROGRAM [--screenshots DIR]
"""
import argparse
import base64
import html.parser
import json
import pathlib
import subprocess
import sys
import tempfile

from report_test import check, examine, open_browser

HOSTILE = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">&lt;b&gt;"


def timing(seconds, **more):
    return {"seconds": seconds, "p10": 0.97 * seconds, "p90": 1.1 * seconds, "best": 0.95 * seconds, "repetitions": 3,
            "samples": [seconds, 0.96 * seconds, 1.1 * seconds], **more}


def suite():
    copy, product, rows = 20e9, 150e9, []
    for k, elements in enumerate((10_000, 1_000_000, 30_000_000)):
        for name, factor in (("SGD + clip + statistics", 12), ("RMSProp + clip + statistics", 20), ("Adam + clip + statistics", 28)):
            floor = factor * elements / copy
            rows.append({"name": name, "size": f"{elements} parameters", "dtype": "float32", "bytes": factor * elements, "flops": 6 * elements,
                         "launches": 1, "floor": floor, "bound": "update", "share": 0.8, "error": 1e-7, "allowed": 1e-5,
                         **timing(floor * (1.2 + 3 / (1 + 20 * k))), "cold": timing(floor * (1.3 + 3 / (1 + 20 * k)))})
    for width in (64, 128, 512):
        for constraint, passes, launches in (("none", 7, 20), ("clip", 7, 21), ("penalty", 11, 29), ("r1", 11, 28), ("one-sided", 11, 29)):
            flops = passes * 2 * 2 * 64 * width * width
            rows.append({"name": "critic step", "size": f"MLP {width} x 3, batch 64", "dtype": "float32", "constraint": constraint, "by": "Kantor", "bytes": 0, "flops": flops,
                         "launches": launches, "floor": flops / product, "bound": "product", "share": None, "error": 1e-6, "allowed": 1e-4,
                         "price": passes / 7 - 1, **timing(launches * 1e-6 + flops / product * 1.2), "cold": None})
    rows.append({"name": HOSTILE, "size": "1 x 1", "dtype": "float32", "bytes": 8, "flops": 0, "launches": 1, "floor": 1e-9, "bound": "copy", "share": None, **timing(1e-6), "cold": None})
    return {"schema": "kantor-bench", "version": 1, "suite": "clip-vs-penalty", "device": "cpu", "hardware": "", "simulated": False, "threads": 2,
            "arithmetic": "float32", "time": "2026-01-01T00:00:00Z", "build": {"version": "0", "compiler": "g++ 12.2.0", "products": "oneDNN 2.6.3", "cuda": ""},
            "machine": {"copy_bytes_per_second": copy, "copy_spread": 1.1, "product_flops_per_second": product, "product_spread": 1.1, "product_by": "oneDNN", "peak_flops_per_second": 220e9},
            "load": {"others": 0.2, "steal": 0.01, "machine_repeats": 1, "clocks": {"processor_mhz": [2300, 2300]}, "throttle": [], "warning": "this machine was busy"}, "rows": rows}


def peers():
    rows = [{"model": model, "step": step, "errors": {}, "refused": {"jax": "gradients differ"} if step == "generator" else {}, "launches": 20,
             "runs": [{"seconds": {"kantor": [t, 1.1 * t], "torch": [2 * t, 2.2 * t], **({} if step == "generator" else {"jax": [1.4 * t, 1.5 * t]})}, "others": 0.01}] * 2}
            for model, t in (("mlp:64:256", 3e-4), ("dcgan:16:64", 1e-2)) for step in ("clip", "penalty", "generator")]
    return {"device": "cpu", "processor": "a processor", "threads": 2, "kantor": {"build": {"compiler": "g++", "products": "oneDNN"}},
            "peers": {"torch": {"name": "PyTorch 2.15, eager"}, "jax": {"name": "JAX 0.10, jit"}}, "rows": rows}


def kernel_peers():
    """Of bench/peers/kernels.py: the same, but for what a row is."""
    file = peers()
    file["rows"] = [{**{key: value for key, value in row.items() if key not in ("model", "step", "launches")},
                     "kernel": {"name": HOSTILE, "size": f"{i} parameters", "dtype": "float32"}} for i, row in enumerate(file["rows"])]
    return file


def ladder():
    rows = [{"version": v, "text": text, "size": "m 1024, n 1024, k 1024", "launches": 1, "seconds": t, "share": 1e-4 / t, "of_library": t / 1e-4, "error": 1e-7, "passed": True, "wrong": ""}
            for v, text, t in ((0, "the library", 1e-4), (1, "naive", 4e-3), (2, "shared tiles", 8e-4), (3, "register tiles", 2e-4))]
    return {"family": "gemm", "formula": "C = A B", "device": "cuda", "hardware": "a card", "rows": rows}


class Parser(html.parser.HTMLParser):
    """Whether the elements of a page are closed in the order in which they were opened."""
    VOID = {"meta", "img", "link", "br", "hr", "input"}

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.scripts = [], [], 0

    def handle_starttag(self, tag, attributes):
        self.scripts += tag == "script"
        if tag not in self.VOID:
            self.open.append(tag)
        self.wrong += [value for name, value in attributes if name in ("src", "href") and not (value or "").startswith("data:")]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")


def full(row):
    return ", ".join(row[key] for key in ("name", "constraint", "by") if row.get(key))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kantor", required=True)
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    failures, figures = [], 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        files = {"suite.json": suite(), "peers.json": peers(), "kernels.json": kernel_peers(), "ladder.json": ladder()}
        for file, content in files.items():
            (folder / file).write_text(json.dumps(content))
        page = folder / "page.html"
        subprocess.run([arguments.kantor, "bench", "report", *(str(folder / file) for file in files), "--out", str(page)], check=True, stdout=subprocess.DEVNULL)
        read = Parser()
        read.feed(page.read_text())
        check(not read.open and not read.wrong, f"the page is not well-formed, or fetches: {read.open} {read.wrong}", failures)
        check(read.scripts == 4, f"{read.scripts} scripts instead of 4: a name has ended one", failures)
        browser = open_browser()
        try:
            for mode in ("light", "dark"):
                browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": mode}]})
                browser.get(page.resolve().as_uri())
                figures = examine(browser, failures, mode)
                check(browser.title == "Kantor benchmarks", f"{mode}: the title is '{browser.title}': a name was run as a script", failures)
                shown = browser.execute_script("return [...document.querySelectorAll('tbody tr')].map((r) => [...r.children].map((c) => c.textContent))")
                for row in files["suite.json"]["rows"]:
                    check(any(cells[0] == full(row) and cells[1] == row["size"] for cells in shown), f"{mode}: no row {full(row)}, {row['size']}", failures)
                for row in files["peers.json"]["rows"]:
                    check(any(cells[:2] == [row["model"], row["step"]] for cells in shown), f"{mode}: no row {row['model']}, {row['step']}", failures)
                for row in files["kernels.json"]["rows"]:
                    check(any(cells[:2] == [row["kernel"]["name"], row["kernel"]["size"]] for cells in shown), f"{mode}: no kernel {row['kernel']}", failures)
                said = browser.execute_script("return document.body.textContent")
                check("mlp:64:256, generator: JAX 0.10, jit was not timed: gradients differ." in said, f"{mode}: no reason for a row without a time", failures)
                for row in files["ladder.json"]["rows"]:
                    check(any(cells[:2] == [str(row["version"]), row["text"]] for cells in shown), f"{mode}: no rung {row['version']}", failures)
                if arguments.screenshots:
                    arguments.screenshots.mkdir(parents=True, exist_ok=True)
                    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"})
                    (arguments.screenshots / f"bench-{mode}.png").write_bytes(base64.b64decode(shot["data"]))
            check(len(browser.execute_cdp_cmd("Page.printToPDF", {})["data"]) > 20000, "print: the page prints empty", failures)
        finally:
            browser.quit()
    check(figures == 8, f"{figures} figures instead of 8", failures)
    for failure in failures:
        print("FAILED", failure)
    print(f"{figures} figures, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
