"""The lab in headless Chromium: the page, what a person does with it, and what is wrong with it."""
import base64
import json
import time

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

SIZES = {"laptop": (1366, 768), "desktop": (1920, 1080), "phone": (390, 844)}

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
