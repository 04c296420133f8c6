#!/usr/bin/env python3
"""Opens a report in headless Chromium: no error in the console, every figure drawn, in light, dark and print.

Usage: report_test.py REPORT.html [--screenshots DIR]
"""
import argparse
import base64
import pathlib
import sys

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

# Of every canvas: its size, and how many distinct colours 64 x 64 samples of it hold.
CANVASES = """
return [...document.querySelectorAll("canvas")].map((c) => {
  const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
  const colours = new Set();
  const step = Math.max(1, Math.floor(d.length / 4 / 16384)) * 4;
  for (let i = 0; i < d.length; i += step) colours.add(d[i] << 24 | d[i + 1] << 16 | d[i + 2] << 8 | d[i + 3]);
  return {title: c.getAttribute("aria-label"), width: c.width, height: c.height, colours: colours.size};
});
"""


def open_browser():
    options = Options()
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--window-size=1280,1600"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


def check(condition, text, failures):
    if not condition:
        failures.append(text)


def examine(browser, failures, mode):
    for entry in browser.get_log("browser"):
        check(entry["level"] not in ("SEVERE", "WARNING"), f"{mode}: console: {entry['message']}", failures)
    check(browser.execute_script("return document.documentElement.dataset.drawn") == "true", f"{mode}: the script did not reach its end", failures)
    canvases = browser.execute_script(CANVASES)
    check(len(canvases) >= 5, f"{mode}: {len(canvases)} figures, at least 5 expected", failures)
    for canvas in canvases:
        check(canvas["width"] > 100 and canvas["height"] > 100, f"{mode}: {canvas['title']}: {canvas['width']} x {canvas['height']} pixels", failures)
        check(canvas["colours"] >= 4, f"{mode}: {canvas['title']}: only {canvas['colours']} colours, nothing drawn", failures)
    rows = browser.execute_script("return [...document.querySelectorAll('tbody tr')].map((r) => [...r.children].map((c) => c.textContent))")
    check(len(rows) >= 1, f"{mode}: the table is empty", failures)
    for row in rows:
        check(all(cell.strip() for cell in row), f"{mode}: an empty cell in {row}", failures)
        check(any(cell not in ("-", "") for cell in row[2:]), f"{mode}: no figure in {row}", failures)
    broken = browser.execute_script("return [...document.images].filter((i) => !i.complete || i.naturalWidth === 0).length")
    check(broken == 0, f"{mode}: {broken} pictures do not load", failures)
    wide = browser.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    check(wide <= 0, f"{mode}: the page is {wide} pixels wider than its window", failures)
    return len(canvases)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    failures, figures = [], 0
    browser = open_browser()
    try:
        for mode in ("light", "dark"):
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": mode}]})
            browser.get(arguments.report.resolve().as_uri())
            figures = examine(browser, failures, mode)
            if arguments.screenshots:
                arguments.screenshots.mkdir(parents=True, exist_ok=True)
                shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"})
                (arguments.screenshots / f"{mode}.png").write_bytes(base64.b64decode(shot["data"]))
        pdf = browser.execute_cdp_cmd("Page.printToPDF", {})
        check(len(pdf["data"]) > 20000, "print: the page prints empty", failures)
        slider = browser.execute_script("const s = document.querySelector('input[type=range]'); if (!s) return null; s.value = 0; s.dispatchEvent(new Event('input')); return document.querySelector('.slider span').textContent")
        check(slider is None or slider == "step 0", f"slider: at its left end it shows '{slider}'", failures)
    finally:
        browser.quit()
    for failure in failures:
        print("FAILED", failure)
    print(f"{figures} figures, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
