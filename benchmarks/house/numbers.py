"""Sentences of the guide that state a measured number, with the command that measures them: docs/dev/numbers.md.

``python benchmarks/house/numbers.py [--check]``

A sentence counts when it stands in the text (not in code, a table or a list of references) and has a decimal number, a per
cent, or a number of times. A third of the new ones is drawn with a fixed seed, to be measured anew. What the table says of a
sentence is kept when it is made again, also if the sentence moves to another page. ``--check`` ends with 1 when a sentence
is not in the table.
"""

import argparse
import random
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "dev" / "numbers.md"
PAGES = [page for folder in ("docs", "docs/details", "tutorials") for page in sorted((ROOT / folder).glob("*.md"))]
LEFT_OUT = {"changelog.md", "references.md", "papers.md"}  # papers.md is such a table itself
NUMBER = re.compile(r"(?<![\w./])\d+\.\d+\b(?![./]\d)|\b\d+(\.\d+)? %|\b\d+(\.\d+)? times|\bARI\b[^|]*\d")
SOURCE = re.compile(r"benchmarks/[\w/]+?(?:\.py|/RESULTS\.md)|tests/[\w/]+\.py")
SEED = 25
HEAD = """# Numbers of the guide

Sentences of the guide that state a measured number, and the command that measures it, made by
`python benchmarks/house/numbers.py`. *Drawn*: the third that chance (seed 25) took to be measured anew. Empty columns: no
command is named, or it has not been measured anew.

| page | sentence | command | drawn | last measured |
|---|---|---|---|---|
"""


def prose(text):
    """Text without the head, code, tables, figures and references."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)
    text = re.sub(r"^(```|:::)\{?.*?^\1$", "", text, flags=re.S | re.M)
    text = re.split(r"^## References", text, flags=re.M)[0]
    return "\n".join(line for line in text.splitlines() if not line.startswith(("|", "#", "!", "    ")))


def sentences(page):
    """Every sentence with a number, short, and what the page names last before its end as a source."""
    text, last = prose(page.read_text(encoding="utf-8")), ""
    for part in re.split(r"(?<=[.:?;])\s+(?=[A-Z`*\[-])|\n\n", text):
        named = SOURCE.findall(part)
        last = named[-1] if named else last
        plain = " ".join(re.sub(r"`[^`]*`", "", part).split())
        if NUMBER.search(plain):
            told = " ".join(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", part).split())  # links would be cut in two
            yield told.replace("|", "/")[:110], last.replace("/RESULTS.md", "")


def known():
    """Rows of the table as it is: sentence -> command, drawn, last measured."""
    lines = TABLE.read_text(encoding="utf-8").splitlines() if TABLE.exists() else []
    rows = [line.split(" | ") for line in lines if line.startswith(("| docs/", "| tutorials/"))]
    return {row[1]: (row[2], row[3].strip(), row[4].rstrip("| ")) for row in rows if len(row) == 5}


def main(arguments=None):
    """Write the table, or compare it with the pages; returns the exit code."""
    line = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    line.add_argument("--check", action="store_true", help="write nothing; 1 when a sentence is not in the table")
    args = line.parse_args(arguments)
    pages = [page for page in PAGES if page.name not in LEFT_OUT]
    found = {(page.relative_to(ROOT).as_posix(), text): source for page in pages for text, source in sentences(page)}
    said = known()
    if args.check:
        new = [f"{page}: {text}" for page, text in found if text not in said]
        print("\n".join(new))
        return int(bool(new))
    new = sorted(key for key in found if key[1] not in said)
    drawn = set(random.Random(SEED).sample(new, len(new) // 3))
    rows = []
    for key, source in found.items():
        told = said.get(key[1], (f"`{source}`" if source else "", "yes" if key in drawn else "", ""))
        rows.append(f"| {' | '.join([*key, *told])} |")
    TABLE.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(found)} sentences, {len(new)} of them new, {len(drawn)} drawn")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
