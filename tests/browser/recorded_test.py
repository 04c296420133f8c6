#!/usr/bin/env python3
"""Opens the lab's recorded run in headless Chromium, by itself: no error in the console, every sheet and curve drawn, in
English and Arabic, light and dark, on a laptop and on a phone; play, slider and keys; mounting again replaces.

Usage: recorded_test.py [--screenshots DIR]
"""
import argparse
import base64
import json
import pathlib
import sys
import tempfile
import time

from selenium.webdriver.common.keys import Keys

from report_test import CANVASES, check, open_browser

LAB = pathlib.Path(__file__).resolve().parents[2] / "tools/lab"
CHART = pathlib.Path("/usr/share/javascript/chart.js/chart.min.js")
LOOK = """:root { --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --paper: #fff; --panel: #f6f8fa; }
:root[data-theme=dark] { color-scheme: dark; --ink: #e6edf3; --soft: #9aa4af; --line: #30363d; --paper: #0d1117; --panel: #161b22; }
body { margin: 0; padding: 1rem; background: var(--paper); color: var(--ink); font: 15px/1.45 sans-serif; }"""
SHOWN = "return document.querySelector('.recorded-player output').textContent"


def page(folder, language, theme):
    """The module in a page that has what the lab's page brings: Chart.js and colours."""
    words = (LAB / f"page/words/recorded.{language}.json").read_text()
    module = (LAB / "page/recorded.js").read_text().replace("export function mount", "function mount")
    direction = "rtl" if language == "ar" else "ltr"
    file = pathlib.Path(folder) / f"{language}-{theme}.html"
    file.write_text(
        f'<!doctype html><html lang="{language}" dir="{direction}" data-theme="{theme}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>recorded</title><style>{LOOK}</style>'
        f'<body><div id="images"></div><script>{CHART.read_text()}</script><script type="module">{module}\n'
        f"const data = {(LAB / 'recorded.json').read_text()}, words = {words}, place = document.getElementById('images');\n"
        "mount(place, data, words);\nwindow.unmount = mount(place, data, words);</script>")
    return file


def examine(browser, failures, mode):
    for entry in browser.get_log("browser"):
        check(entry["level"] not in ("SEVERE", "WARNING"), f"{mode}: console: {entry['message']}", failures)
    check(browser.execute_script("return document.querySelectorAll('.recorded').length") == 1, f"{mode}: mounted twice", failures)
    for canvas in browser.execute_script(CANVASES):
        check(canvas["width"] > 100 and canvas["colours"] >= 4, f"{mode}: {canvas['title']}: nothing drawn", failures)
    sheets = browser.execute_script("return [...document.images].map((i) => [i.complete && i.naturalWidth, i.alt, i.getBoundingClientRect().x])")
    check(len(sheets) == 2 and all(width > 200 and alt for width, alt, _ in sheets), f"{mode}: sheets {sheets}", failures)
    check(sheets[0][2] < sheets[1][2], f"{mode}: clipping is not on the left", failures)
    keys = browser.execute_script("return document.querySelector('.recorded').textContent.match(/recorded\\.|\\{\\w+\\}/)")
    check(keys is None, f"{mode}: a text is missing: {keys}", failures)
    wide = browser.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    check(wide <= 0, f"{mode}: the page is {wide} pixels wider than its window", failures)


def use(browser, failures):
    """Keys on the slider, the button, and a theme that changes."""
    slider = browser.find_element("css selector", ".recorded-player input")
    slider.send_keys(Keys.HOME)
    check(browser.execute_script(SHOWN) == "step 0 of 2,000", "Home does not lead to the first moment", failures)
    slider.send_keys(Keys.ARROW_RIGHT)
    check(browser.execute_script(SHOWN) == "step 50 of 2,000", "an arrow does not lead to the next moment", failures)
    check("step 50" in slider.get_attribute("aria-valuetext"), "the slider does not tell its step", failures)
    button = browser.find_element("css selector", ".recorded-player button")
    button.send_keys(Keys.ENTER)
    time.sleep(2)
    check(browser.execute_script(SHOWN) != "step 50 of 2,000", "play does not move", failures)
    check(button.text == "Pause", f"the button says {button.text} while it plays", failures)
    button.send_keys(Keys.SPACE)
    shown = browser.execute_script(SHOWN)
    time.sleep(1.2)
    check(browser.execute_script(SHOWN) == shown, "pause does not hold", failures)
    colour = "return getComputedStyle(document.querySelector('.recorded-arms figure')).borderTopColor"
    before = browser.execute_script(colour)
    browser.execute_script("document.documentElement.dataset.theme = 'dark'")
    time.sleep(0.3)
    check(browser.execute_script(colour) != before, "the colours do not follow the theme", failures)
    browser.execute_script("unmount()")
    check(browser.execute_script("return document.getElementById('images').childElementCount") == 0, "unmounting leaves something", failures)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    english, arabic = (json.loads((LAB / f"page/words/recorded.{language}.json").read_text()) for language in ("en", "ar"))
    failures = [] if english.keys() == arabic.keys() else ["the languages have different keys"]
    browser, modes = open_browser(), 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            for language in ("en", "ar"):
                for theme in ("light", "dark"):
                    for name, width, height in (("laptop", 1366, 768), ("phone", 390, 844)):
                        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": name == "phone"})
                        browser.get(page(folder, language, theme).as_uri())
                        examine(browser, failures, f"{language} {theme} {name}")
                        modes += 1
                        if arguments.screenshots:
                            arguments.screenshots.mkdir(parents=True, exist_ok=True)
                            shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"})
                            (arguments.screenshots / f"{language}-{theme}-{name}.png").write_bytes(base64.b64decode(shot["data"]))
            browser.get(page(folder, "en", "light").as_uri())
            use(browser, failures)
    finally:
        browser.quit()
    for failure in failures:
        print("FAILED", failure)
    print(f"{modes} pages, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
