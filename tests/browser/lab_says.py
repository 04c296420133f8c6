"""What the lab says of itself, in its two languages: of one model or of two, of counts, of where the training is; and that its
notes cover no control."""
import re
import time

# All that a page says: its texts, the names of its controls and of its canvases. What offers to compare two models may name
# two, and so may the presets, which do.
SAYS = """
const parts = [];
for (const e of document.querySelectorAll("body *")) {
  if (e.closest("script, noscript, svg, .code, #panel-images, [data-key='two'], label:has([data-key='two']), [data-key^='preset '], [hidden]")) continue;
  if (e.closest("dialog") && !e.closest("dialog[open]")) continue;
  for (const n of e.childNodes) if (n.nodeType === 3 && n.textContent.trim()) parts.push(n.textContent.trim());
  for (const name of ["aria-label", "title", "aria-valuetext", "placeholder"]) if (e.getAttribute(name)) parts.push(e.getAttribute(name));
}
return parts;
"""
# What no text of a page with one model says.
TWO = {
    "en": re.compile(r"\bboth\b|\bleft\b|\bright\b|\bthe two\b|\bplanes\b|\bthe models\b|\bthe critics\b", re.I),
    "ar": re.compile("النموذجين|النموذجان|الناقدين|الناقدان|المستويين|المستويان|الأيسر|الأيمن|كلاهما|اليسار|اليمين"),
}


def one_model(lab):
    for language, two in TWO.items():
        lab.open(f"lang={language}&arms=1&critic.constraint=penalty&step=3&slow=1")
        lab.wait("document.querySelector('#slow-body ol.stages')", "slow motion of one model")
        lab.run("document.getElementById('help').click()")
        found = lab.run(SAYS)
        lab.check(len(found) > 150, f"{language}: the page says {len(found)} things")
        for text in found:
            lab.check(not two.search(text), f"{language}, one model: '{text}'")
        lab.open(f"lang={language}")
        lab.check(any(two.search(t) for t in lab.run(SAYS)), f"{language}, two models: no text speaks of two")
    lab.check_console("one model")


def counts(lab):
    """Counts in the plural forms of each language, and no zero with a sign."""
    lab.open("critic.width=1&critic.depth=1&step=1")
    units = lab.browser.execute_async_script("import('lab/words').then((w) => arguments[0]([0, 1, 2, 3, 11, 100].map((n) => w.counted('network.units', n))))")
    lab.check(units == ["0 units", "1 unit", "2 units", "3 units", "11 units", "100 units"], f"counts of units: {units}")
    lab.run("document.getElementById('network').scrollIntoView()")
    lab.wait("document.querySelectorAll('#network-body .layer').length === 3", "the critic's units")
    said = lab.run("return document.querySelector('main').textContent + document.getElementById('speed').textContent")
    lab.check(not re.search(r"(?<![\d.])1 (units|floors|steps|points)", said) and "1 unit" in said and "1 step/s" in said, "one of a thing is in the singular")
    # Of the words that have plural forms, each language has all those that its rules tell apart; other keys are the same.
    missing = lab.run(
        "const all = JSON.parse(document.getElementById('words').textContent), found = [];"
        "const stem = (k, own) => { const s = k.replace(/\\.(zero|one|two|few|many)$/, '.other'); return s in own ? s : k; };"
        "for (const [a, b] of [['en', 'ar'], ['ar', 'en']]) for (const k of Object.keys(all[a])) if (!(stem(k, all[a]) in all[b])) found.push(`${b} lacks ${k}`);"
        "for (const l of Object.keys(all)) for (const k of Object.keys(all[l])) if (k.endsWith('.other'))"
        "  for (const c of new Intl.PluralRules(l).resolvedOptions().pluralCategories) if (!(k.replace(/other$/, c) in all[l])) found.push(`${l} lacks ${k.replace(/other$/, c)}`);"
        "return found;"
    )
    for text in missing:
        lab.check(False, f"words: {text}")
    ticks = lab.browser.execute_async_script(
        "const done = arguments[0]; import('lab/figures').then(({applyLook}) => { applyLook(); const c = document.createElement('canvas');"
        "const chart = new Chart(c, {type: 'line', data: {datasets: [{data: [{x: 0, y: -0.0331}, {x: 1, y: 0.4}]}]}, options: {responsive: false, scales: {x: {type: 'linear'}, y: {type: 'linear', min: -0.0331, max: 0.4}}}});"
        "const labels = chart.scales.y.ticks.map((t) => t.label); chart.destroy(); done(labels); });"
    )
    lab.check(any(re.fullmatch(r"0(\.0)?", t) for t in ticks) and not any(re.fullmatch(r"[-−]0(\.0*)?", t) for t in ticks), f"ticks around zero: {ticks}")
    short = lab.browser.execute_async_script("import('lab/dom').then(({short}) => arguments[0]([-0, 0, -1e-9, -0.5, 1234567].map((v) => short(v))))")
    lab.check(short == ["0", "0", "-1.0e-9", "-0.5", "1.2e6"], f"short numbers: {short}")
    lab.check_console("counts")


LIVE = "document.getElementById('live').textContent"


def where_it_is(lab):
    """Between steps and within one, the count, the text that is read aloud and the planes' names say where the training is."""
    def says(text, when):
        lab.wait(f"{LIVE}.startsWith({text!r})", f"{when}: the text read aloud begins with '{text}'", 20)
        lab.wait(f"[...document.querySelectorAll('#planes canvas')].every((c) => c.getAttribute('aria-label').includes({text.replace('.', ':')!r}))", f"{when}: the planes' names say '{text}'", 20)

    lab.open("step=12")
    lab.wait("document.getElementById('count').textContent === '12'", "trains to the link's step")
    says("Step 12.", "a link")
    lab.wait("document.getElementById('scrub').max >= 10", "states are kept")
    lab.run("const s = document.getElementById('scrub'); s.value = 3; s.dispatchEvent(new Event('input', {bubbles: true}))")
    says("Step 3.", "going back")
    lab.click("#restart")
    says("Step 0.", "a restart")
    lab.click("#step")
    says("Step 1.", "one step")
    lab.click("[data-key='preset vanish']")
    says("Step 0.", "a preset")
    lab.open("step=3")
    lab.wait("document.getElementById('count').textContent === '3'", "trains to the link's step")
    says("Step 3.", "a link")
    lab.key("s")
    lab.wait("document.querySelector('#slow-body ol.stages')", "slow motion begins")
    lab.wait(f"{LIVE}.startsWith('Critic update 1 of 5 of step 4')", "slow motion says which update is open", 20)
    lab.key("n")
    lab.wait(f"{LIVE}.includes('Choose where to measure')", "slow motion says which stage is open", 20)
    for update in range(1, 5):
        lab.click("#slow-body .stages li:last-child button")
        lab.click("#slow-body [data-key=next]")
        lab.wait(f"document.getElementById('within').textContent === 'update {update} of 5'", f"update {update} is made", 20)
        lab.check(lab.step() == 4, f"within step 4 the count says {lab.step()}")
        lab.wait(f"{LIVE}.includes('Critic update {update + 1} of 5 of step 4') && {LIVE}.includes('Play or one step first ends step 4')", f"after update {update} the text read aloud says what is next and what Play does", 20)
        said = lab.run("return document.querySelector('#planes canvas').getAttribute('aria-label')")
        lab.check(f"Step 4, critic update {update} of 5 made" in said, f"the plane within a step: {said[:80]}")
        lab.check(lab.run("return document.getElementById('play').title") == "Play or one step first ends step 4.", "Play says what it does within a step")
        if update == 2:
            lab.check("ends step 4" in lab.run("return document.querySelector('.slow-head').textContent"), "slow motion says that Play ends the step")
    lab.click("#step")
    says("Step 4.", "one step ends the step that slow motion began")
    lab.check(lab.run("return document.getElementById('within').textContent + document.getElementById('play').title") == "", "between steps there is no update to speak of")
    lab.check_console("where it is")


def goes_on(lab):
    """A learning rate changes without a restart; another setting restarts."""
    lab.open("step=6")
    lab.wait("document.getElementById('count').textContent === '6'", "trains to the link's step")
    lab.check(lab.run("return document.querySelectorAll('.field[data-field$=\"learning_rate\"] .goes-on').length") == 2, "both rates say that training goes on")
    lab.check(lab.run("return document.querySelectorAll('.goes-on').length") == 2, "nothing else says so")
    lab.set("critic.learning_rate", 2)
    lab.wait("location.hash.includes('critic.learning_rate=') && location.hash.includes('step=6')", "a change of a rate is in the link, and the step stays")
    lab.check(lab.step() == 6, f"a change of a rate keeps the step: {lab.step()}")
    rate = lab.run("return Number(new URLSearchParams(location.hash.slice(1)).get('critic.learning_rate'))")
    tomls = lab.browser.execute_async_script("import('lab/session').then(({session}) => arguments[0](session.opened.arms.map((a) => a.toml)))")
    for toml in tomls:
        found = re.search(r"\[critic\].*?learning_rate = ([\d.e-]+)", toml, re.S)
        lab.check(found and float(found[1]) == rate, f"the saved configuration has the rate {rate}: {found and found[1]}")
    lab.click("#step")
    lab.wait("document.getElementById('count').textContent === '7'", "training goes on under the new rate")
    lab.run("document.querySelector('[data-key=\"side right\"]').click()")
    lab.set("generator.learning_rate", 1)
    lab.wait("location.hash.includes('right.generator.learning_rate=') && location.hash.includes('step=7')", "one model's rate alone")
    lab.set("critic.width", 2)
    lab.wait("document.getElementById('count').textContent === '0'", "a width restarts")
    lab.check_console("going on")


# The controls that a note covers: those that could be seen in the place where it lies.
COVERED = """
const note = document.getElementById("toast"), box = note.getBoundingClientRect();
if (note.hidden || box.width === 0 || box.top < 0 || box.bottom > innerHeight || box.left < 0 || box.right > innerWidth) return ["the note itself cannot be seen"];
const found = [];
for (const e of document.querySelectorAll("button, input, select, summary, a[href], label.button")) {
  if (note.contains(e) || e.closest(".away, .skip") || getComputedStyle(e).visibility === "hidden") continue;
  const b = e.getBoundingClientRect();
  const [left, right, top, bottom] = [Math.max(b.left, box.left), Math.min(b.right, box.right), Math.max(b.top, box.top), Math.min(b.bottom, box.bottom)];
  if (right <= left || bottom <= top) continue;
  note.style.visibility = "hidden";
  const seen = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  note.style.visibility = "";
  if (seen && (e === seen || e.contains(seen))) found.push(e.outerHTML.slice(0, 100));
}
return found;
"""


def notes(lab):
    text = "clip.c = -1: expected a number above 0; this note is as long as a long one of the engine, which takes two lines of it, or three"
    show = "const done = arguments[1]; import('lab/toast').then(({toast}) => { toast(arguments[0]); requestAnimationFrame(() => requestAnimationFrame(done)); });"
    settle = "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(arguments[0], 60)));"
    for size in ("laptop", "desktop", "phone"):
        lab.screen(size)
        lab.open("show=field,samples,arrows")
        for place in (0, 0.2, 0.45, 0.7, 1):
            lab.browser.execute_async_script(show, text)
            lab.run("scrollTo(0, arguments[0] * document.documentElement.scrollHeight)", place)
            lab.browser.execute_async_script(settle)
            for control in lab.run(COVERED):
                lab.check(False, f"{size}, scrolled to {place}: the note covers {control}")
        # Where controls leave no place, the note is a row of the player, which then hides nothing of the page's end.
        lab.run("document.body.insertAdjacentHTML('beforeend', '<button id=\"everywhere\" style=\"position: fixed; inset: 0; z-index: -1\">x</button>')")
        lab.browser.execute_async_script(show, text)
        lab.check(lab.run("return document.querySelector('.player').contains(document.getElementById('toast'))"), f"{size}: without a free place the note is a row of the player")
        hidden = lab.run(
            "scrollTo(0, document.documentElement.scrollHeight); const last = document.querySelector('footer').getBoundingClientRect(), bar = document.querySelector('.player').getBoundingClientRect();"
            "return bar.top > innerHeight / 2 ? last.bottom - bar.top : 0"
        )
        lab.check(hidden <= 1, f"{size}: the player hides {hidden} pixels of the page's end")
        lab.run("document.getElementById('everywhere').remove()")
        lab.click("#toast button")
        lab.run("scrollTo(0, 0)")
        if lab.run("return document.getElementById('settings-open').offsetParent !== null"):
            lab.click("#settings-open")
            time.sleep(0.3)
            lab.browser.execute_async_script(show, text)
            for control in lab.run(COVERED):
                lab.check(False, f"{size}, settings: the note covers {control}")
            lab.click("#settings-close")
        lab.browser.execute_async_script(show, text)
        lab.check(lab.run("return document.getElementById('noted').textContent") == text, "the note is read aloud")
        lab.click("#toast button")
        lab.check(lab.run("return document.getElementById('toast').hidden"), f"{size}: the note can be dismissed")
    lab.screen("laptop")
    lab.check_console("notes")


PARTS_OF_WHAT_IT_SAYS = (one_model, counts, where_it_is, goes_on, notes)
