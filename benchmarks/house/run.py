"""The house in numbers: how its files hang together, and how many of them one call leads through.

::

    python benchmarks/house/run.py [--before COMMIT] [--out FILE.md]

This tree beside an older one of the same repository: by default the last commit of the first house.
"""

import ast
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from common.command import Report, parser  # noqa: E402
from common.tables import markdown_table  # noqa: E402

PACKAGE = "unmix4d"
# The layers of the second house; modules that lay loose in the root of the first one count where they lie now.
LAYERS = (
    "core phantoms units checks frame messages progress scan centre polar overrides _version",
    "storage engine blocks passes threads matrix sparse_matrix scratch weights subspace noise compression checkpoint "
    "journal file_safety",
    "preparation constraints maps image_quality features clustering decomposition choose_k scores",
    "hosts plots",
    "results orientation report assemble assemble_fuzzy assemble_merged explore",
    "methods views accessor feature_view",
    "loading files registration commands demo __init__ __main__",
)
LAYER = {name: i for i, layer in enumerate(LAYERS) for name in layer.split()}
CALLS = """
import json, sys
import numpy as np
from unmix4d import Unmix, phantoms
from unmix4d.constraints import Constraint

entered, on_the_way = set(), set()

class Mine(Constraint):
    on = "maps"

    def project(self, A):
        frame = sys._getframe()
        while frame is not None:
            on_the_way.add(frame.f_code.co_filename)
            frame = frame.f_back
        return np.maximum(A, 0)

def note(frame, event, argument):
    if event == "call":
        entered.add(frame.f_code.co_filename)

def ours(files):
    return len({name for name in files if "/unmix4d/" in name and "/phantoms/" not in name})

view = Unmix(phantoms.random_scan(shape=(12, 12, 16, 16), k=3, seed=0).data)
view.nmf(2, random_state=0, max_iter=2)  # what is imported on the way is not followed
sys.setprofile(note)
result = view.nmf(8, random_state=0, max_iter=5)
result.maps
sys.setprofile(None)
view.nmf(2, constraints=[Mine()], random_state=0, max_iter=2)
print(json.dumps({"entered": ours(entered), "projection": ours(on_the_way)}))
"""


INTRODUCTION = """# The house in numbers

Made by `python benchmarks/house/run.py`. Imports inside functions count; "entered" are the files of which a function runs.
"""


def main(arguments=None):
    """Count both trees; returns the exit code."""
    line = parser(__doc__, quick="nothing: it takes seconds")
    line.add_argument("--before", metavar="COMMIT", default="576e1a8", help="the older tree (default: %(default)s)")
    args = line.parse_args(arguments)
    report = Report(args.out)
    report(INTRODUCTION)
    columns = {"now": measured(ROOT / "src")}
    packed = subprocess.run(["git", "archive", args.before, "src"], cwd=ROOT, capture_output=True)
    if packed.returncode:
        report(f"{args.before} is not in this checkout: this tree alone.\n")
    else:
        with tempfile.TemporaryDirectory() as folder:
            tarfile.open(fileobj=io.BytesIO(packed.stdout)).extractall(folder, filter="data")
            columns = {args.before: measured(Path(folder) / "src"), **columns}
    names = columns["now"]
    report(markdown_table(["", *columns], [[name, *(found[name] for found in columns.values())] for name in names]))
    report.write()
    return 0


def measured(src):
    """Everything that is counted of one tree."""
    files = {name_of(path, src): path for path in sorted((src / PACKAGE).rglob("*.py"))}
    arrows = {name: imports(path, src, files) - {name} for name, path in files.items()}
    followed = subprocess.run(
        [sys.executable, "-c", CALLS], env={"PYTHONPATH": str(src), "PATH": ""}, capture_output=True, text=True, check=True
    )
    followed = json.loads(followed.stdout)
    return {
        "modules in the root": sum("." not in name and path.name != "__init__.py" for name, path in files.items()),
        "files in all": len(files),
        "files in a circle of imports": largest_circle(arrows),
        "imports of a higher layer": sum(
            LAYER[target.split(".")[0]] > LAYER[name.split(".")[0]]
            for name, targets in arrows.items()
            for target in targets
        ),
        "classes that are mixed into others": len(mixins(files.values())),
        "files entered from `view.nmf(8)` to `result.maps`": followed["entered"],
        "files on the way from `view.nmf(2, constraints=[...])` to the projection": followed["projection"],
        "statements": sum(statements(path) for path in files.values()),
        "lines of all files": sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files.values()),
        "lines of code, without docstrings, comments and empty lines": sum(code_lines(path) for path in files.values()),
        "lines of docstrings": sum(docstring_lines(path) for path in files.values()),
    }  # fmt: skip


def name_of(path, src):
    parts = path.relative_to(src / PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imports(path, src, files):
    folder = path.relative_to(src / PACKAGE).parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = (*folder[: len(folder) - node.level + 1], *(node.module.split(".") if node.module else ()))
            for alias in node.names:
                whole = ".".join((*base, alias.name))
                found.add(whole if whole in files else ".".join(base) or "__init__")
    return found & files.keys()


def executed(tree):
    """All nodes but those below ``if TYPE_CHECKING:``, which never run."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        checking = isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        todo += node.orelse if checking else ast.iter_child_nodes(node)


def largest_circle(arrows):
    """Size of the largest set of files each of which leads to all others."""
    reached = {}
    for start in arrows:
        seen, todo = set(), [start]
        while todo:
            for target in arrows[todo.pop()] - seen:
                seen.add(target)
                todo.append(target)
        reached[start] = seen
    sizes = [sum(a in reached[b] for b in reached[a]) for a in arrows if a in reached[a]]
    return max(sizes, default=0)


def mixins(paths):
    """Classes without a constructor and without fields, from which a class with several bases inherits."""
    bases, bare = set(), set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                names = {base.id for base in node.bases if isinstance(base, ast.Name)}
                bases |= names if len(names) > 1 else set()
                if not names and not any(isinstance(part, ast.AnnAssign) or getattr(part, "name", "") == "__init__"
                                         for part in node.body):  # fmt: skip
                    bare.add(node.name)
    return bases & bare


def code_lines(path):
    text = path.read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    return sum(bool(line) and not line.startswith("#") for line in lines) - docstring_lines(path)


def statements(path):
    """However they are folded into lines, without docstrings, imports and what only type checkers read."""
    nodes = (node for node in executed(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.stmt))
    plain = (node for node in nodes if not isinstance(node, (ast.Import, ast.ImportFrom)))
    return sum(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in plain)


def docstring_lines(path):
    total = 0
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            part = node.body[0]
            lines = path.read_text(encoding="utf-8").splitlines()[part.lineno - 1 : part.end_lineno]
            total += sum(bool(line.strip()) for line in lines)
    return total


if __name__ == "__main__":
    sys.exit(main())
