"""The house itself: walls between the rooms, what an import costs, what the public names are."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import unmix4d

ROOT = Path(unmix4d.__file__).parent
HOSTS = {"pyxem", "hyperspy", "py4DSTEM", "emdfile", "quantem", "orix", "diffsims"}
CORE = {"units", "checks", "frame", "messages", "progress", "scan", "blocks", "passes", "threads", "matrix", "preparation",
        "centre", "scratch", "weights", "subspace", "noise", "compression", "checkpoint", "journal", "file_safety", "polar",
        "sparse_matrix", "constraints", "maps", "features"}  # fmt: skip
SOLVERS = {"decomposition", "clustering", "choose_k", "scores", "image_quality"}
RESULTS = {"results", "files", "phantoms", "assemble", "assemble_merged", "assemble_fuzzy", "overrides", "methods",
           "feature_view", "report", "explore", "commands"}  # fmt: skip


def modules():
    return sorted(ROOT.rglob("*.py"))


def room(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path, anywhere=True):
    """Names imported by a file: absolute ones by top-level package, our own as 'unmix4d.<room>'."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if anywhere else tree.body
    depth = len(path.relative_to(ROOT).parts) - 1
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0:
                yield node.module.split(".")[0]
            elif node.level > depth:
                names = [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
                yield from (f"unmix4d.{name}" for name in names)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_wall_is_crossed(path):
    here, everywhere, top = room(path), set(imports(path)), set(imports(path, anywhere=False))
    assert not top & HOSTS, "a host may be imported inside functions only"
    assert "matplotlib" not in top
    drawing = {name for name in everywhere if name == "matplotlib" or name.startswith("unmix4d.plots")}
    if here in CORE | SOLVERS:
        assert not everywhere & HOSTS
        assert not drawing
        assert not everywhere & {"unmix4d.hosts", "unmix4d.accessor", "unmix4d.results"}
    if here in CORE:
        assert not everywhere & {"unmix4d.decomposition", "sklearn"}
    if here in SOLVERS:
        assert not everywhere & {"unmix4d.scan", "unmix4d.preparation"}
    if here == "hosts":
        assert not drawing and "unmix4d.decomposition" not in everywhere
    if here == "orientation":
        assert not drawing and "unmix4d.accessor" not in everywhere
    if (here in RESULTS and here != "phantoms") or here.startswith("plots"):
        assert not everywhere & HOSTS


def test_the_walls_are_seen():
    """The reader of imports finds what it looks for: otherwise the test above could not fail."""
    assert "unmix4d.hosts" in set(imports(ROOT / "accessor.py"))
    assert "unmix4d.units" in set(imports(ROOT / "preparation" / "masks.py"))
    assert "hyperspy" in set(imports(ROOT / "hosts" / "pyxem.py"))


def test_import_is_light_and_fast():
    code = (
        "import sys, time; start = time.process_time(); import unmix4d; took = time.process_time() - start\n"
        "heavy = {'numpy', 'scipy', 'sklearn', 'skimage', 'matplotlib', 'dask', 'h5py', 'pyxem', 'hyperspy', 'py4DSTEM'}\n"
        "print(took, sorted(heavy & set(sys.modules)))"
    )
    # Time of the processor and the best of three: what is measured is the package, not a busy machine.
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(3)]
    times, loaded = zip(*(run.stdout.split(" ", 1) for run in runs))
    assert loaded[0].strip() == "[]"
    assert min(map(float, times)) < 0.3


def test_public_names_exist():
    for name in unmix4d.__all__:
        assert getattr(unmix4d, name) is not None
    assert set(unmix4d.__all__) <= set(dir(unmix4d))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        unmix4d.nothing  # noqa: B018


@pytest.mark.parametrize("method", ["prepare", "svd", "pca", "ica", "vca", "scree", "nmf"])
def test_everything_after_the_first_argument_is_keyword_only(method):
    parameters = list(inspect.signature(getattr(unmix4d.Unmix, method)).parameters.values())[1:]
    positional = [p.name for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    assert positional in ([], ["n"])


def test_public_methods_are_documented():
    for cls in (unmix4d.Unmix, unmix4d.Decomposition, unmix4d.MergedDecomposition, unmix4d.FuzzyClusters,
                unmix4d.FuzzyValidity, unmix4d.FuzzyCMeans, unmix4d.Grains, unmix4d.Groups, unmix4d.Overlap,
                unmix4d.Scree):  # fmt: skip
        for name, member in inspect.getmembers(cls):
            if not name.startswith("_") and (callable(member) or isinstance(member, property)):
                assert inspect.getdoc(member), f"{cls.__name__}.{name} has no docstring"


def all_module_names():
    return ["unmix4d"] + [
        info.name
        for info in pkgutil.walk_packages([str(ROOT)], "unmix4d.")
        if "hosts" not in info.name and "__main__" not in info.name
    ]


@pytest.mark.parametrize("name", all_module_names())
def test_docstring_examples_run(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
