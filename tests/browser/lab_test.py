#!/usr/bin/env python3
"""Uses the lab in headless Chromium as a person would, from the disk: trains, changes settings, goes back, looks at one
update in slow motion, saves and opens again, in English and Arabic, on a laptop and a phone.

Usage: lab_test.py LAB.html [--kantor PROGRAM] [--screenshots DIR]
"""
import argparse
import base64
import json
import pathlib
import subprocess
import tempfile
import time

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

SIZES = {"laptop": (1366, 768), "phone": (390, 844)}
STAGES = {
    "clip": ["sample", "forward", "backward", "update", "clip"],
    "penalty": ["sample", "interpolate", "forward", "input_gradient", "penalty", "second_backward", "update"],
}

# Of every control that can be reached: whether it has a name for a screen reader.
NAMELESS = """
const named = (e) => (e.getAttribute("aria-label") || e.labels?.[0]?.textContent || e.textContent || e.title || "").trim() !== "";
return [...document.querySelectorAll("button, input, select, a[href], summary, [role=button]")]
  .filter((e) => e.offsetParent !== null && !named(e)).map((e) => e.outerHTML.slice(0, 120));
"""

# Of every visible text: its contrast with the background that is painted behind it (WCAG 2.1); those below 4.5, or 3 if large.
CONTRAST = """
const parse = (c) => { const m = c.match(/[\\d.]+/g).map(Number), scale = c.startsWith("color(") ? 255 : 1; return [...m.slice(0, 3).map((v) => v * scale), m[3] ?? 1]; };
const light = ([r, g, b]) => { const f = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0.9) return c; } return [255, 255, 255, 1]; };
const found = [];
for (const e of document.querySelectorAll("body *")) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || e.offsetParent === null || e.closest(".away, .skip, :disabled, math, [aria-hidden=true]")) continue;
  const style = getComputedStyle(e), ink = parse(style.color), paper = ground(e);
  if (ink[3] < 1 || style.visibility === "hidden") continue;
  const [a, b] = [light(ink), light(paper)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
  const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (ratio < (large ? 3 : 4.5)) found.push(`${e.tagName}.${e.className}: "${e.textContent.trim().slice(0, 30)}" ${ratio.toFixed(2)}`);
}
return found;
"""


class Lab:
    """The page in a browser, and what is wrong with it."""

    def __init__(self, page, downloads):
        options = Options()
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.browser.set_script_timeout(120)
        self.browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
        self.page = page.resolve().as_uri()
        self.failures = []

    def check(self, condition, text):
        if not condition:
            self.failures.append(text)
        return condition

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def wait(self, condition, what, seconds=90):
        end = time.time() + seconds
        while time.time() < end:
            value = self.run(f"return {condition}")
            if value:
                return value
            time.sleep(0.05)
        self.check(False, f"{what}: not within {seconds} s ({condition})")
        return None

    def screen(self, size, dark=False):
        width, height = SIZES[size]
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "phone"})
        scheme = "dark" if dark else "light"
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def open(self, link=""):
        self.browser.get("about:blank")
        self.browser.get(f"{self.page}#{link}")
        self.wait("document.body.classList.contains('ready')", "the page opens")

    def click(self, selector):
        self.run("document.querySelector(arguments[0]).click()", selector)

    def key(self, key):
        self.run("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: arguments[0], bubbles: true}))", key)

    def step(self):
        return int(self.run("return document.getElementById('count').textContent"))

    def link(self):
        return self.run("return location.hash.slice(1)")

    def set(self, key, value):
        """A control of the settings by its key, as its own event would."""
        self.run(
            "const c = document.querySelector(`[data-key=\"${arguments[0]}\"]`); if (c.type === 'checkbox') c.checked = arguments[1]; else c.value = arguments[1];"
            "for (const e of ['input', 'change']) c.dispatchEvent(new Event(e, {bubbles: true}));",
            key,
            value,
        )

    def picture(self, path):
        data = self.browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
        path.write_bytes(base64.b64decode(data))

    def check_console(self, where):
        for entry in self.browser.get_log("browser"):
            own = "willReadFrequently" in entry["message"]  # of this test, which reads the canvases
            self.check(own or entry["level"] not in ("SEVERE", "WARNING"), f"{where}: console: {entry['message'][:300]}")

    def check_nothing_fetched(self):
        for entry in self.browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                self.check(url.split(":")[0] in ("file", "data", "blob", "about"), f"the page fetches {url[:120]}")


def drawn(lab, selector):
    """How many colours a canvas shows."""
    return lab.run(
        "const c = document.querySelector(arguments[0]), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data, s = new Set();"
        "for (let i = 0; i < d.length; i += 4 * 37) s.add(d[i] << 16 | d[i + 1] << 8 | d[i + 2]); return s.size;",
        selector,
    )


def trains(lab):
    lab.open("step=20")
    lab.wait("document.getElementById('count').textContent >= 20", "a link's step is reached")
    before = lab.step()
    lab.click("#play")
    lab.wait(f"document.getElementById('count').textContent > {before}", "play trains")
    # The engine trains in a worker: the page goes on painting meanwhile.
    gap = lab.browser.execute_async_script(
        "const done = arguments[0]; let last = performance.now(), worst = 0, n = 0;"
        "const f = () => { const now = performance.now(); worst = Math.max(worst, now - last); last = now; ++n < 20 ? setTimeout(f, 10) : done(worst); }; f();"
    )
    lab.check(gap < 2000, f"the page stood still for {gap:.0f} ms while it trained")
    lab.click("#play")
    lab.wait("document.getElementById('play').getAttribute('aria-pressed') === 'false'", "pause")
    time.sleep(0.5)
    at = lab.step()
    lab.click("#step")
    lab.wait(f"document.getElementById('count').textContent == {at + 1}", "one step")
    for arm in range(2):
        lab.check(drawn(lab, f"#planes > :nth-child({arm + 1}) canvas") > 30, f"plane {arm} shows the critic's level sets")
    lab.check(lab.run("return document.querySelectorAll('#charts canvas').length") >= 4, "charts are there")
    lab.check(lab.run("return document.querySelectorAll('#histograms canvas, #histograms svg').length") >= 3, "three histograms")
    lab.check_console("training")


def layers_of_the_plane(lab):
    colours = drawn(lab, "#planes canvas")
    for button in range(lab.run("return document.querySelectorAll('#show button').length")):
        lab.run("document.querySelectorAll('#show button')[arguments[0]].click()", button)
        time.sleep(0.3)
    lab.check(drawn(lab, "#planes canvas") != colours, "the buttons below the planes change what they show")
    for button in range(lab.run("return document.querySelectorAll('#show button').length")):
        lab.run("document.querySelectorAll('#show button')[arguments[0]].click()", button)
        time.sleep(0.1)
    lab.check_console("layers of the plane")


def settings(lab):
    lab.open()
    lab.set("critic.depth", 2)
    lab.wait("location.hash.includes('critic.depth=2')", "a change is in the link")
    lab.set("clip.c", 0)  # the first place of its slider
    lab.wait("location.hash.includes('clip.c=')", "the bound of the weights is in the link")
    lab.set("two", False)
    lab.wait("document.querySelectorAll('#planes canvas').length === 1", "one model alone")
    lab.set("two", True)
    lab.wait("document.querySelectorAll('#planes canvas').length === 2", "two models again")
    for preset in lab.run("return [...document.querySelectorAll('[data-key^=\"preset \"]')].map((e) => e.dataset.key)"):
        lab.run("document.querySelector(`[data-key=\"${arguments[0]}\"]`).click()", preset)
        time.sleep(0.2)
        lab.wait("document.getElementById('count').textContent === '0'", f"{preset} opens")
        watch = lab.run("return document.getElementById('watch-text').textContent")
        lab.check(len(watch) > 40, f"{preset} says what to look at: '{watch}'")
        lab.click("#step")
        lab.wait("document.getElementById('count').textContent === '1'", f"{preset} trains")
    for data in lab.run("return [...document.querySelectorAll('[data-key^=\"data \"]')].map((e) => e.dataset.key)"):
        if data in ("data draw", "data file"):
            continue
        lab.run("document.querySelector(`[data-key=\"${arguments[0]}\"]`).click()", data)
        lab.wait(f"location.hash.includes('{data.split()[1]}') || '{data}' === 'data gaussians8'", f"{data} opens")
    lab.check_console("settings")


def goes_back(lab):
    lab.open("step=12")
    lab.wait("document.getElementById('scrub').max >= 10", "states are kept")
    lab.run("const s = document.getElementById('scrub'); s.value = 3; s.dispatchEvent(new Event('input', {bubbles: true}))")
    lab.wait("location.hash.includes('step=3') || document.getElementById('count').textContent === '3'", "scrubs back")
    time.sleep(0.5)
    lab.click("#step")
    lab.wait("document.getElementById('count').textContent === '4'", "trains on from there")
    lab.check_console("going back")


def slow_motion(lab):
    for arm, kind in enumerate(STAGES):
        lab.open("step=3&show=field,samples")
        lab.key("s")
        lab.wait("document.querySelector('#slow-body ol.stages')", "slow motion begins")
        lab.run("document.querySelector(`[data-key=\"arm ${arguments[0]}\"]`).click()", arm)
        lab.wait(f"document.querySelectorAll('#slow-body ol.stages li').length === {len(STAGES[kind])}", f"the stages of {kind}")
        for stage in range(len(STAGES[kind])):
            lab.run("document.querySelector(`[data-key=\"stage${arguments[0]}\"]`).click()", stage)
            time.sleep(0.1)
            name = f"{kind}: stage {STAGES[kind][stage]}"
            lab.check((lab.run("return document.querySelector('#slow-body figure.code code')?.textContent.length") or 0) > 40, f"{name} shows its code")
            lab.check(lab.run("return document.querySelectorAll('#slow-body dl.numbers dd').length") >= 1, f"{name} shows numbers")
            lab.check(lab.run("return document.querySelector('#slow-body .formula').textContent.trim().length") > 0, f"{name} shows its formula")
            said = lab.run("const c = document.getElementById('slow-body').cloneNode(true); c.querySelectorAll('.code').forEach((e) => e.remove()); return c.textContent")
            lab.check("undefined" not in said and "NaN" not in said, f"{name} says: {said[:200]}")
        before = lab.run("return document.querySelector('.slow-head').textContent")
        lab.click("#slow-body [data-key=next]")
        lab.wait(f"document.querySelector('.slow-head')?.textContent !== {json.dumps(before)}", f"{kind}: the update is made")
    lab.check_console("slow motion")


def units(lab):
    lab.run("document.getElementById('network').scrollIntoView()")
    lab.wait("document.querySelector('#network-body button.unit:not(:disabled)')", "a unit can be chosen")
    lab.click("#network-body button.unit:not(:disabled)")
    lab.wait("document.querySelector('#unit-dialog').open", "a unit opens")
    lab.run("document.querySelector('#unit-dialog').close()")
    lab.check_console("units")


def saves_and_opens(lab, downloads, kantor):
    lab.open("step=5&left.clip.c=0.05&critic.depth=2")
    lab.wait("document.getElementById('count').textContent >= 5", "trains to the link's step")
    time.sleep(0.5)
    for button in ("save-numbers", "save-toml-0", "save-toml-1", "save-picture"):
        lab.click(f"#{button}")
        time.sleep(0.4)
    end = time.time() + 20
    while len([f for f in downloads.iterdir() if f.suffix in (".csv", ".toml", ".png")]) < 4 and time.time() < end:
        time.sleep(0.1)
    names = sorted(f.name for f in downloads.iterdir())
    tables = [f for f in downloads.iterdir() if f.suffix == ".csv"]
    tomls = sorted(f for f in downloads.iterdir() if f.suffix == ".toml")
    if not lab.check(len(tables) == 1 and len(tomls) == 2, f"saved: {names}"):
        return
    rows = tables[0].read_text().strip().splitlines()
    lab.check([r.split(",")[0] for r in rows] == ["step", "0", "1", "2", "3", "4", "5"] and "left.w1" in rows[0] and rows[-1].startswith("5,"), f"the numbers: {rows[0]} ... {rows[-1]}")
    if kantor:
        for toml in tomls:
            shown = subprocess.run([kantor, "train", "--config", toml, "--print-config"], capture_output=True, text=True)
            lab.check(shown.returncode == 0 and "depth = 2" in shown.stdout, f"kantor train --config {toml.name}: {shown.stderr}")
    # The state as a link: another page opens where this one stands.
    lab.open(lab.link())
    lab.wait("document.getElementById('count').textContent >= 5", "reload from the link")
    lab.check("clip.c=0.05" in lab.link(), f"the link keeps the settings: {lab.link()}")
    # A run's configuration dropped on the page.
    lab.run(
        "const t = new DataTransfer(); t.items.add(new File([arguments[0]], 'config.toml'));"
        "for (const n of ['dragenter', 'dragover', 'drop']) document.body.dispatchEvent(new DragEvent(n, {dataTransfer: t, bubbles: true, cancelable: true}));",
        tomls[0].read_text().replace("width = 32", "width = 24"),
    )
    lab.wait("document.querySelector('[data-field=\"critic.width\"] output')?.textContent === '24'", "a dropped config.toml opens")
    table = "x,y\n" + "\n".join(f"{i % 7 / 3},{i % 5 / 2}" for i in range(200))
    lab.run(
        "const t = new DataTransfer(); t.items.add(new File([arguments[0]], 'points.csv'));"
        "for (const n of ['dragenter', 'dragover', 'drop']) document.body.dispatchEvent(new DragEvent(n, {dataTransfer: t, bubbles: true, cancelable: true}));",
        table,
    )
    lab.wait("document.querySelector('[data-key=\"data file\"]')?.getAttribute('aria-pressed') === 'true'", "a dropped table is trained on")
    lab.check_console("saving and opening")


def looks_right(lab, screenshots):
    for language in ("en", "ar"):
        for size in SIZES:
            for dark in (False, True):
                where = f"{language}, {size}, {'dark' if dark else 'light'}"
                lab.screen(size, dark)
                lab.open(f"lang={language}&step=30")
                lab.wait("document.getElementById('count').textContent >= 30", where)
                time.sleep(0.7)
                lab.check(lab.run("return document.documentElement.dir") == ("rtl" if language == "ar" else "ltr"), f"{where}: the direction of writing")
                wide = lab.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
                lab.check(wide <= 0, f"{where}: the page is {wide} pixels wider than its window")
                for name in lab.run(NAMELESS):
                    lab.check(False, f"{where}: a control without a name: {name}")
                for text in lab.run(CONTRAST)[:5]:
                    lab.check(False, f"{where}: contrast: {text}")
                if screenshots:
                    lab.picture(screenshots / f"lab-{language}-{size}-{'dark' if dark else 'light'}.png")
    lab.screen("laptop")
    lab.check_console("looks")


def keyboard(lab):
    """The tab key goes through the page from top to bottom, and what has the focus shows it."""
    lab.open()
    lab.run("document.activeElement.blur(); window.stops = []; document.addEventListener('focusin', (e) => stops.push(e.target))")
    for _ in range(25):
        ActionChains(lab.browser).send_keys(Keys.TAB).perform()
    orderly = lab.run("return stops.slice(1).every((e, i) => stops[i].compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING)")
    lab.check(lab.run("return stops.length") >= 20, "the tab key reaches the controls")
    lab.check(orderly, "the focus goes through the page in its order")
    marked = lab.run(
        "const e = document.activeElement, s = getComputedStyle(e); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== 'none'"
    )
    lab.check(marked, f"what has the focus shows it: {lab.run('return document.activeElement.outerHTML.slice(0, 100)')}")
    ActionChains(lab.browser).send_keys("?").perform()
    lab.wait("document.getElementById('help-dialog').open", "the question mark opens the help")
    ActionChains(lab.browser).send_keys(Keys.ESCAPE).perform()
    lab.wait("!document.getElementById('help-dialog').open", "escape closes it")
    ActionChains(lab.browser).send_keys(".").perform()
    lab.wait("document.getElementById('count').textContent === '1'", "the full stop trains one step")
    lab.check_console("keyboard")


def images(lab):
    lab.open("tab=images")
    lab.wait("document.querySelectorAll('#images canvas, #images img').length >= 2", "the recorded run is shown")
    lab.check_console("images")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("page", type=pathlib.Path)
    arguments.add_argument("--kantor")
    arguments.add_argument("--screenshots", type=pathlib.Path)
    arguments = arguments.parse_args()
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        downloads = pathlib.Path(folder)
        lab = Lab(arguments.page, downloads)
        try:
            lab.screen("laptop")
            for part in (trains, layers_of_the_plane, settings, goes_back, slow_motion, units, keyboard, images):
                part(lab)
            saves_and_opens(lab, downloads, arguments.kantor)
            looks_right(lab, arguments.screenshots)
            lab.check_nothing_fetched()
        finally:
            lab.browser.quit()
    for failure in lab.failures:
        print(f"FAILED  {failure}")
    if lab.failures:
        raise SystemExit(1)
    print("the lab trains, explains, saves and opens, in two languages and on two screens")


if __name__ == "__main__":
    main()
