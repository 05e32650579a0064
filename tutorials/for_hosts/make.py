"""Two tutorials as the hosts' own collections have them, made from the MyST source: `python tutorials/for_hosts/make.py`.

- pyxem: a script for its gallery (sphinx-gallery: title in the docstring, text in comments, reStructuredText), to be put
  into `examples/orientation_mapping/` there.
- py4DSTEM: a notebook for `py4DSTEM_tutorials/notebooks`, without outputs.

Both run as they are where unmix4d and the host are installed. A test holds them in step with the source.
"""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

HERE = Path(__file__).parent
GALLERY = {"orientation_pyxem.md": "pyxem/unmixing_before_orientation_mapping.py"}
NOTEBOOKS = {"orientation_py4dstem.md": "py4DSTEM/unmixing_before_ACOM.ipynb"}


def parts(source: str) -> list[tuple[str, str]]:
    """("text" or "code", content) of a tutorial, without its head; links to other pages of ours become text."""
    body = source.split("\n---\n", 1)[1]
    found = []
    for i, part in enumerate(re.split(r"```\{code-cell\}\n(.*?)```", body, flags=re.S)):
        if i % 2:
            found.append(("code", part.strip("\n")))
        elif part.strip():
            found.append(("text", re.sub(r"\[([^\]]+)\]\((?!http)[^)]+\)", r"\1", part.strip())))
    return found


def as_restructured(text: str) -> str:
    """Markdown of the tutorials as reStructuredText: headings, code, links; lines as long as pyxem has them."""
    fill = textwrap.TextWrapper(88, break_long_words=False, break_on_hyphens=False).fill
    text = "\n\n".join(p if p.startswith(("#", "-", "|")) else fill(p) for p in text.split("\n\n"))
    text = re.sub(r"^#+ (.*)$", lambda m: f"{m[1]}\n{'-' * len(m[1])}", text, flags=re.M)
    text = re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", text)
    return re.sub(r"\[([^\]]+)\]\((http[^)]+)\)", r"`\1 <\2>`__", text)


def gallery(source: str) -> str:
    """A script of sphinx-gallery."""
    (_, first), *rest = parts(source)
    title, text = first.split("\n", 1)
    title = title.lstrip("# ")
    rule = "=" * len(title)
    out = [f'"""\n{rule}\n{title}\n{rule}\n\n{as_restructured(text.strip())}\n"""\n']
    for kind, content in rest:
        if kind == "text":
            lines = "\n".join(f"# {line}".rstrip() for line in as_restructured(content).splitlines())
            out.append(f"# %%\n{lines}\n")
        else:
            content = content.removesuffix(";")  # sphinx-gallery needs none
            out.append(content + "\n" if out[-1].startswith(("# %%", '"""')) else f"# %%\n\n{content}\n")
    return "\n".join(out)


def notebook(source: str) -> str:
    """A Jupyter notebook without outputs."""
    cells = []
    for i, (kind, content) in enumerate(parts(source)):
        cell = {"cell_type": "markdown" if kind == "text" else "code", "id": f"cell-{i}", "metadata": {},
                "source": content.splitlines(keepends=True)}  # fmt: skip
        cells.append(cell if kind == "text" else {**cell, "execution_count": None, "outputs": []})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def everything() -> dict[Path, str]:
    """What each file should hold."""
    made = {}
    for names, make in ((GALLERY, gallery), (NOTEBOOKS, notebook)):
        for source, target in names.items():
            made[HERE / target] = make((HERE.parent / source).read_text(encoding="utf-8"))
    return made


if __name__ == "__main__":
    for path, text in everything().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(HERE))
