"""Pages that lie outside of docs/, and links that work both in the repository and on the site.

Links are written for people who read the files where they lie: `../benchmarks/engine/RESULTS.md` from a page of docs/. The
files of `OUTSIDE` are copied into docs/ under their own path before the build, so a page of the repository has one place on
the site, and every link is written anew from place to place. What the site does not have (a script, say) is left as text.
"""

import os
import re
from pathlib import Path, PurePosixPath

# From the root of the repository.
OUTSIDE = ("tutorials/*.md", "benchmarks/*.md", "benchmarks/*/*.md", "benchmarks/*/figures/*.png")
FOLDERS = {pattern.split("/")[0] for pattern in OUTSIDE}
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
    found = {path.relative_to(root).as_posix(): path for pattern in OUTSIDE for path in root.glob(pattern)}
    for folder in FOLDERS:
        for old in (docs / folder).rglob("*"):
            if old.is_file() and old.relative_to(docs).as_posix() not in found:
                old.unlink()
    for name, path in found.items():
        new = path.read_bytes()
        if path.suffix == ".md":
            text = with_links(new.decode("utf-8"), name, root)
            new = (text + CHECK if name.startswith("tutorials/") else text).encode("utf-8")
        target = docs / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != new:
            target.write_bytes(new)


def place(path: str) -> str | None:
    """Where a file of the repository (path from its root) is on the site (path from docs/), or None."""
    file = PurePosixPath(path)
    if path in RENAMED:
        return RENAMED[path]
    if file.parts[0] == "docs":
        return str(file.relative_to("docs"))
    same_depth = (pattern for pattern in OUTSIDE if pattern.count("/") == path.count("/"))
    return path if any(file.match(pattern) for pattern in same_depth) else None


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
