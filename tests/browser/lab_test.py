#!/usr/bin/env python3
"""Uses the lab in headless Chromium as a person would, from the disk: trains, changes settings, goes back, looks at one
update in slow motion, saves and opens again, in English and Arabic, on a laptop and a phone.

Usage: lab_test.py LAB.html [--kantor PROGRAM] [--screenshots DIR] [--only PART ...]
"""
import argparse
import json
import pathlib
import subprocess
import tempfile
import time

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from lab_browser import CONTRAST, NAMELESS, Lab, drawn
from lab_says import PARTS_OF_WHAT_IT_SAYS

STAGES = {
    "clip": ["sample", "forward", "backward", "update", "clip"],
    "penalty": ["sample", "interpolate", "forward", "input_gradient", "penalty", "second_backward", "update"],
}


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
    # Evaluated steps have the gradient norms between the samples, named as in a run's metrics.
    row = dict(zip(rows[0].split(","), rows[1].split(",")))
    for side in ("left", "right"):
        middle, largest = (float(row.get(f"{side}.gradient_norm_{what}") or "nan") for what in ("median", "max"))
        lab.check(0 < middle <= largest, f"the numbers have the {side} gradient norms: median {middle}, largest {largest}")
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
        for size in ("laptop", "phone"):
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
    arguments.add_argument("--only", nargs="+", default=[], help="names of functions: trains, settings, notes ...")
    arguments = arguments.parse_args()
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        downloads = pathlib.Path(folder)
        lab = Lab(arguments.page, downloads)
        try:
            lab.screen("laptop")
            parts = {part.__name__: part for part in (trains, layers_of_the_plane, settings, goes_back, slow_motion, units, keyboard, images, *PARTS_OF_WHAT_IT_SAYS)}
            parts["saves_and_opens"] = lambda lab: saves_and_opens(lab, downloads, arguments.kantor)
            parts["looks_right"] = lambda lab: looks_right(lab, arguments.screenshots)
            for name in arguments.only or parts:
                parts[name](lab)
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
