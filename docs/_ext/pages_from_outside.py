"""Pages that lie outside of docs/, and links that work both in the repository and on the site.

Links are written for people who read the files where they lie: `../benchmarks/ENGINE.md` from a page of docs/. The folders
of `FOLDERS` are copied into docs/ under their own name before the build, so a page of the repository has one place on the
site, and every link is written anew from place to place. What the site does not have (a script, say) is left as text.
"""

import os
import re
from pathlib import Path, PurePosixPath

FOLDERS = {  # from the root of the repository: which files
    "tutorials": ("*.md",),
    "benchmarks": ("*.md",),
    "benchmarks/reproduce": ("*.md",),
    "benchmarks/reproduce/figures": ("*.png",),
}
RENAMED = {"README.md": "index.md", "CHANGELOG.md": "changelog.md"}
# What a tutorial claims to find is held against the truth where the site is built too.
CHECK = """
```{code-cell}
:tags: [remove-cell]
assert score.found >= globals().get("expected", 6), score
```
"""
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def copy(root: Path, docs: Path) -> None:
    """Copy the pages into docs/, with their links written anew; what is there and unchanged keeps its time."""
    for folder, patterns in FOLDERS.items():
        (docs / folder).mkdir(parents=True, exist_ok=True)
        found = {path.name: path for pattern in patterns for path in (root / folder).glob(pattern)}
        for old in (docs / folder).iterdir():
            if old.is_file() and old.name not in found:
                old.unlink()
        for name, path in found.items():
            new = path.read_bytes()
            if path.suffix == ".md":
                text = with_links(new.decode("utf-8"), f"{folder}/{name}", root)
                new = (text + CHECK if folder == "tutorials" else text).encode("utf-8")
            target = docs / folder / name
            if not target.exists() or target.read_bytes() != new:
                target.write_bytes(new)


def place(path: str) -> str | None:
    """Where a file of the repository (path from its root) is on the site (path from docs/), or None."""
    file = PurePosixPath(path)
    if path in RENAMED:
        return RENAMED[path]
    if file.parts[0] == "docs":
        return str(file.relative_to("docs"))
    return path if any(file.match(pattern) for pattern in FOLDERS.get(str(file.parent), ())) else None


def with_links(text: str, page: str, root: Path) -> str:
    """The text of a page (path from the root of the repository) with its links as they are on the site."""
    here = os.path.dirname(place(page) or page)

    def anew(match):
        image, label, target, anchor = match.groups()
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        path = os.path.normpath(os.path.join(os.path.dirname(page), target)).replace(os.sep, "/")
        if not (root / path).is_file() or (there := place(path)) is None:
            return f"`{label}`" if not label.startswith("`") else label
        return f"{image}[{label}]({os.path.relpath(there, here or '.').replace(os.sep, '/')}{anchor or ''})"

    return LINK.sub(anew, text)


def _on_read(app, docname, source):
    """Pages of docs/ itself; copied ones have been written anew already."""
    if docname.split("/")[0] in FOLDERS or not docname or docname.startswith("api/"):
        return
    docs = Path(app.srcdir)
    source[0] = with_links(source[0], f"docs/{docname}.md", docs.parent)


def setup(app):
    app.connect("source-read", _on_read)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
