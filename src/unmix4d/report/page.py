"""HTML: every text is escaped here, and nowhere else is markup made of a text."""

from __future__ import annotations

import html
import re

__all__ = ["CSS", "page", "escape", "paragraph", "note", "bullets", "table", "facts", "picture", "folded", "citation"]

CSS = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 1120px; padding: 24px 32px 64px; background: #fff; color: #1b1f24;
       font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 36px 0 8px; padding-top: 10px; border-top: 1px solid #d5dae0; }
h3 { font-size: 15px; margin: 20px 0 4px; }
p { max-width: 80ch; margin: 8px 0; overflow-wrap: anywhere; }
nav { margin: 14px 0 0; color: #59636e; }
nav a { margin-right: 14px; color: #0b5cad; text-decoration: none; white-space: nowrap; }
nav a:hover { text-decoration: underline; }
.quiet { color: #59636e; }
.note { border-left: 3px solid #c98a00; padding: 2px 0 2px 12px; }
.left-out { border-left: 3px solid #9aa4af; padding: 2px 0 2px 12px; color: #59636e; }
figure { margin: 14px 28px 14px 0; display: inline-block; vertical-align: top; max-width: 100%; }
figure img { width: 100%; height: auto; display: block; }
figcaption { color: #59636e; font-size: 14px; margin-top: 4px; max-width: 80ch; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 12px 0; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 14px 3px 0; text-align: left; vertical-align: bottom; overflow-wrap: break-word; }
th { font-weight: 600; border-bottom: 1px solid #9aa4af; }
td { border-bottom: 1px solid #e6e9ed; }
td.number, th.number { text-align: right; }
td.number { white-space: nowrap; }
table.facts th { border-bottom: 1px solid #e6e9ed; font-weight: 400; color: #59636e; white-space: nowrap;
                 padding-right: 24px; vertical-align: top; }
table.facts td { overflow-wrap: anywhere; }
pre { background: #f4f6f8; padding: 12px; font-size: 12px; white-space: pre-wrap; overflow-wrap: anywhere; }
summary { cursor: pointer; color: #0b5cad; }
ol li, ul li { max-width: 90ch; margin: 3px 0; overflow-wrap: anywhere; }
@media print {
  @page { margin: 14mm; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, details { display: none; }
  h2, h3 { break-after: avoid; }
  h2 + p { break-after: avoid; }
  figure, tr, .wide { break-inside: avoid; }
  figure { max-width: 75%; }
  .wide { overflow: visible; }
  table { font-size: 8pt; }
  th, td { padding-right: 6px; }
}
"""
# What no text of a page may hold: controls, and halves of pairs that cannot be encoded.
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_DOI = re.compile(r"\bdoi:(10\.\d{4,9}/[^\s,;()]*[^\s,;().])")
# Nothing is fetched and nothing is run, should a text ever get through unescaped.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def escape(text) -> str:
    """Any object as text that is safe between tags and within quoted attributes."""
    return html.escape(_NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", str(text)), quote=True)


def page(title, head, sections) -> str:
    """A whole page.

    title: str.
    head (str): HTML below the title.
    sections: sequence of (name, heading, HTML).
    """
    links = "".join(f'<a href="#{escape(name)}">{escape(heading)}</a>\n' for name, heading, _ in sections)
    body = "".join(
        f'<section id="{escape(name)}">\n<h2>{escape(heading)}</h2>\n{content}\n</section>\n'
        for name, heading, content in sections
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{escape(title)}</h1>\n{head}\n<nav>\n{links}</nav>\n</header>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def paragraph(text, kind: str = "") -> str:
    """A paragraph of plain text; `kind` is a class of the style sheet."""
    return f'<p class="{escape(kind)}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def note(text) -> str:
    """A sentence that should not be overlooked."""
    return paragraph(text, "note")


def bullets(texts) -> str:
    """A list of plain texts."""
    return "<ul>\n" + "".join(f"<li>{escape(text)}</li>\n" for text in texts) + "</ul>"


def table(columns) -> str:
    """A table of equally long columns.

    columns (dict of str to sequence): Headings and values. Numbers are aligned to the right, with four digits; NaN and None
        are a dash.
    """
    columns = {heading: list(values) for heading, values in columns.items()}
    numeric = {heading: all(_is_number(value) for value in values) for heading, values in columns.items()}
    kinds = [' class="number"' if numeric[heading] else "" for heading in columns]
    top = "".join(f"<th{kind}>{escape(heading)}</th>" for heading, kind in zip(columns, kinds))
    rows = (
        "<tr>" + "".join(f"<td{kind}>{escape(_cell(value))}</td>" for value, kind in zip(row, kinds)) + "</tr>\n"
        for row in zip(*columns.values())
    )
    return f'<div class="wide"><table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{"".join(rows)}</tbody></table></div>'


def _is_number(value):
    return value is None or (hasattr(value, "__float__") and not isinstance(value, str) and not _is_bool(value))


def _is_bool(value):
    return isinstance(value, bool) or type(value).__name__ in ("bool_", "bool")


def _cell(value):
    if value is None:
        return "–"
    if _is_bool(value):
        return "yes" if value else "no"
    if not _is_number(value):
        return value
    number = float(value)
    if number != number:
        return "–"
    return f"{int(number)}" if number.is_integer() and abs(number) < 1e7 else f"{number:.4g}"


def facts(pairs) -> str:
    """A table of names and what they are, from (name, text) pairs."""
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(_cell(value))}</td></tr>\n" for name, value in pairs)
    return f'<table class="facts">\n<tbody>\n{rows}</tbody></table>'


def picture(png: str, width: int, alt, caption=None) -> str:
    """A figure from base64 PNG, `width` CSS pixels wide where there is room."""
    told = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    # The caption is to be as wide as its figure, so that small figures stand side by side.
    image = f'<img alt="{escape(alt)}" src="data:image/png;base64,{png}">'
    return f'<figure style="width: {int(width)}px">{image}{told}</figure>'


def folded(heading, text) -> str:
    """Long text that opens on a click, and is not printed."""
    return f"<details><summary>{escape(heading)}</summary>\n<pre>{escape(text)}</pre></details>"


def citation(text) -> str:
    """A reference whose DOI is a link: the only thing on a page that leads anywhere else."""
    parts, end = [], 0
    for match in _DOI.finditer(text):
        parts.append(escape(text[end : match.start()]))
        parts.append(f'<a href="https://doi.org/{escape(match[1])}">doi:{escape(match[1])}</a>')
        end = match.end()
    return "".join(parts) + escape(text[end:])
