"""What mkdocs does to the pages of the site beside Markdown: formulas as MathML, figures inline, Arabic pages right to left."""
import html
import pathlib
import re

from latex2mathml.converter import convert

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.S)
FILENAME = re.compile(r'<span class="filename">([^<]+)</span>')
FIGURE = re.compile(r'<img alt="([^"]*)" src="([^":]+\.svg)"[^>]*>')

# Of an Arabic page: language, direction, and the words of the theme.
ARABIC = {'<html lang="en"': '<html lang="ar"', '<body dir="ltr"': '<body dir="rtl"', "Table of contents": "محتويات الصفحة",
          'placeholder="Search"': 'placeholder="بحث"', "Back to top": "إلى أعلى الصفحة", "Skip to content": "إلى المحتوى"}


def with_own_shim(output, depth=0):
    """The offline plugin asks a server for what assets/search_from_disk.js does here; it must come before the theme's script."""
    return re.sub(r'<script src="?https://unpkg\.com/[^>]*></script>', f'<script src="{"../" * depth}assets/search_from_disk.js"></script>', output)


def formula(match):
    block = match[1] == "div"
    mathml = convert(html.unescape(match[2]), display="block" if block else "inline")
    mathml = mathml.replace("<math ", '<math dir="ltr" ', 1)
    return f'<div class="formula">{mathml}</div>' if block else mathml


def on_page_content(content, page, config, files):
    content = FORMULA.sub(formula, content)

    def inline(match):
        path = (pathlib.Path(config.docs_dir) / page.file.src_uri).parent / match[2]
        if not path.exists() or 'class="chart"' not in path.read_text():
            return match[0]
        svg = re.sub(r"<title>[^<]*</title>", "", path.read_text(), count=1)
        return re.sub(r'aria-label="[^"]*"', f'aria-label="{match[1]}"', svg, count=1)

    def linked(match):
        """The file that a block of code quotes, as a link to the page that shows it (tools/docs makes it)."""
        if not (pathlib.Path(config.docs_dir) / "source" / (match[1] + ".md")).exists():
            return match[0]
        return f'<span class="filename"><a href="{"../" * page.url.count("/")}source/{match[1]}.html">{match[1]}</a></span>'

    return FILENAME.sub(linked, FIGURE.sub(inline, content))


def on_post_page(output, page, config):
    if page.file.src_uri.endswith(".ar.md"):
        for english, arabic in ARABIC.items():
            output = output.replace(english, arabic)
    return with_own_shim(output, page.url.count("/"))


def on_post_template(output, template_name, config):
    return with_own_shim(output)
