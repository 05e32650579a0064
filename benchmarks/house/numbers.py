"""Sentences of the guide that state a measured number, with the command that measures them: docs/dev/numbers.md.

``python benchmarks/house/numbers.py [--check]``

A sentence counts when it stands in the text (not in code, a table or a list of references) and has a decimal number, a per
cent, or a number of times, other than a version, a size in units of the scan, or a criterion ("above 0.7"). A
third of them is drawn to be measured anew, by their numbers: new sentences, other words and another page change nothing for
the rest. What the table says of a sentence (command, last column) is kept when it is made again, also where the sentence has
other words now and the same numbers. ``--check`` ends with 1 when a sentence is not in the table.
"""

import argparse
import re
import zlib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "dev" / "numbers.md"
PAGES = [page for folder in ("docs", "docs/details", "tutorials") for page in sorted((ROOT / folder).glob("*.md"))]
LEFT_OUT = {"changelog.md", "references.md", "papers.md"}  # papers.md is such a table itself
MADE = re.compile(r"^Made by `python", flags=re.M)  # results of a benchmark: made anew as a whole
NO_MEASURE = re.compile(
    r"\b(Python|NumPy|SciPy|pyxem|py4DSTEM|HyperSpy|scikit-\w+|quantem|CC BY|3\.\d+ to)( below)? \d+(\.\d+)+"  # versions
    r"|\b10\.\d{4,}/\S+|\b\d{4}\.\d{5}\b"  # DOI, arXiv
    r"|\d+\.\d+ ?(1/Å|Å|nm|mrad|eV|keV|kV|MB|GB)(?![\w/])"  # how large something is that was put in
    r"|\b(above|below|over|less than|more than) \d+\.\d+( %)?|\b(above|below|less than|more than) \d+ %",  # criteria
    flags=re.I,
)
NUMBER = re.compile(r"(?<![\w./])\d+\.\d+\b(?![./]\d)|\b\d+(\.\d+)? %|\b\d+(\.\d+)? times|\bARI\b[^|]*\d")
SOURCE = re.compile(r"benchmarks/[\w/]+?(?:\.py|/RESULTS\.md)|tests/[\w/]+\.py")
SEED = 25
HEAD = """# Numbers of the guide

Sentences of the guide that state a measured number, and the command that measures it, made by
`python benchmarks/house/numbers.py`. *Drawn*: the third that chance (seed 25) took to be measured anew. Empty columns: no
command is named, or it has not been measured anew.

| page | sentence | its numbers | command | drawn | last measured |
|---|---|---|---|---|---|
"""


def prose(text):
    """Text without the head, code, tables, figures and references."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)
    text = re.sub(r"^(```|:::)\{?.*?^\1$", "", text, flags=re.S | re.M)
    text = re.split(r"^## References", text, flags=re.M)[0]
    return "\n".join(line for line in text.splitlines() if not line.startswith(("|", "#", "!", "    ")))


def sentences(page):
    """Every sentence with a number: short, its numbers, and what the page names last before its end as a source."""
    whole, last = page.read_text(encoding="utf-8"), ""
    text = "" if MADE.search(whole) else prose(whole)
    for part in re.split(r"(?<=[.:?;])\s+(?=[A-Z`*\[-])|\n\n", text):
        named = SOURCE.findall(part)
        last = named[-1] if named else last
        plain = NO_MEASURE.sub("", " ".join(re.sub(r"`[^`]*`", "", part).split()))
        if NUMBER.search(plain):
            told = " ".join(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", part).split())  # links would be cut in two
            numbers = " ".join(re.findall(r"(?<![\w.])\d+(?:\.\d+)?", plain))
            yield told.replace("|", "/")[:110].strip(), numbers, last.replace("/RESULTS.md", "")


def is_drawn(numbers):
    """Whether chance took the sentences with these numbers."""
    return zlib.crc32(f"{SEED} {numbers}".encode()) % 3 == 0


def known():
    """What the table says: sentence -> (command, last column), and numbers that it has once -> the same."""
    lines = TABLE.read_text(encoding="utf-8").splitlines() if TABLE.exists() else []
    rows = [line.strip("|").split(" | ") for line in lines if line.startswith(("| docs/", "| tutorials/"))]
    rows = [[cell.strip() for cell in row] for row in rows if len(row) == 6]
    often = Counter(row[2] for row in rows)
    return {row[1]: (row[3], row[5]) for row in rows} | {row[2]: (row[3], row[5]) for row in rows if often[row[2]] == 1}


def main(arguments=None):
    """Write the table, or compare it with the pages; returns the exit code."""
    line = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    line.add_argument("--check", action="store_true", help="write nothing; 1 when a sentence is not in the table")
    args = line.parse_args(arguments)
    pages = [page for page in PAGES if page.name not in LEFT_OUT]
    found = [(page.relative_to(ROOT).as_posix(), *one) for page in pages for one in sentences(page)]
    said = known()
    if args.check:
        new = [f"{page}: {text}" for page, text, numbers, _ in found if text not in said and numbers not in said]
        print("\n".join(new))
        return int(bool(new))
    rows = []
    for page, text, numbers, source in found:
        named, measured = said.get(text) or said.get(numbers) or ("", "")
        command = named or (f"`{source}`" if source else "")
        rows.append(f"| {page} | {text} | {numbers} | {command} | {'yes' if is_drawn(numbers) else ''} | {measured} |")
    TABLE.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(found)} sentences, {sum(is_drawn(one[2]) for one in found)} drawn")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
