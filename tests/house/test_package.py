"""The house itself: walls between the rooms, what an import costs, what the public names are."""

import ast
import doctest
import functools
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import unmix4d

ROOT = Path(unmix4d.__file__).parent
HOSTS = {"pyxem", "hyperspy", "py4DSTEM", "emdfile", "quantem", "orix", "diffsims", "diffpy"}
# From the ground: a room may import from its own layer and from those below.
LAYERS = (
    {"core", "phantoms"},
    {"storage", "engine"},
    {"preparation", "constraints", "maps", "image_quality", "features", "clustering", "decomposition", "choose_k", "scores"},
    {"hosts", "plots"},
    {"results", "editing", "orientation", "report"},
    {"methods", "views"},
    {"loading", "registration", "commands", "demo", "__init__", "__main__"},
)
LAYER = {name: i for i, layer in enumerate(LAYERS) for name in layer}
APART = {("core", "phantoms"), ("phantoms", "core"), ("storage", "engine"), ("engine", "storage"), ("hosts", "plots"),
         ("plots", "hosts")}  # fmt: skip
WITH_HOSTS = {"hosts", "orientation", "phantoms"}  # inside functions only


def modules():
    return sorted(ROOT.rglob("*.py"))


def name_of(path):
    """``plots.images`` of ``plots/images.py``; a package is named as its folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


FILES = {name_of(path): path for path in modules()}


@functools.cache
def imports(path):
    """What a file imports, inside functions too, as (our files, packages of others, those of them at the top).

    Our own files count under ``if TYPE_CHECKING:`` too: what a file cannot be read without is an arrow. Packages of others
    are left out there, because they are never imported.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    ours, others, top = {name for node in own for name in _ours(path, node)}, set(), set()
    tree = WithoutTypeChecking().visit(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found = {node.module.split(".")[0]}
        else:
            continue
        others |= found
        top |= found if node in tree.body else set()
    return ours, others, top


class WithoutTypeChecking(ast.NodeTransformer):
    """Takes the body of ``if TYPE_CHECKING:`` out of a file; what stands under its ``else:`` is executed, and stays."""

    def visit_If(self, node):
        self.generic_visit(node)
        return node.orelse if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else node


def _ours(path, node):
    folder = path.relative_to(ROOT).parts[:-1]
    base = (*folder[: len(folder) - node.level + 1], *(node.module.split(".") if node.module else ()))
    for alias in node.names:
        whole = ".".join((*base, alias.name))
        yield whole if whole in FILES else ".".join(base) or "__init__"


def test_no_arrow_points_upwards():
    for name in FILES:
        walls_hold(name)


def walls_hold(name):
    room, (ours, others, top) = name.split(".")[0], imports(FILES[name])
    for other in {target.split(".")[0] for target in ours} - {room}:
        assert LAYER[other] <= LAYER[room] and (room, other) not in APART, f"{name} imports {other}"
    heavy = HOSTS | {"matplotlib", "sklearn", "skimage", "dask", "h5py"}
    top_only = top & heavy - ({"sklearn"} if name.endswith(".estimator") else set())
    assert not top_only, f"{name}: {top_only} inside functions only"
    if room not in WITH_HOSTS:
        assert not others & HOSTS, name
    if LAYER[room] < LAYER["plots"]:
        assert "matplotlib" not in others, name
    if LAYER[room] == 0:
        assert top <= {*sys.stdlib_module_names, "numpy", "scipy"}, name


def test_there_is_no_circle():
    arrows = {name: imports(path)[0] - {name} for name, path in FILES.items()}
    while leaves := {name for name, targets in arrows.items() if not targets & arrows.keys()}:
        arrows = {name: targets for name, targets in arrows.items() if name not in leaves}
    assert not arrows, f"each of these leads to itself or to a circle: {sorted(arrows)}"


def test_what_lies_in_the_root():
    loose = {path.stem for path in ROOT.glob("*.py")}
    assert loose == {"__init__", "__main__", "demo", "loading", "registration"}
    assert {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()} == LAYER.keys() - loose


def test_imports_are_seen():
    """The reader of imports finds what it looks for: otherwise the tests above could not fail."""
    assert "methods" in {name.split(".")[0] for name in imports(ROOT / "views" / "unmix.py")[0]}
    assert "core.units" in imports(ROOT / "preparation" / "masks.py")[0]
    assert "hyperspy" in imports(ROOT / "hosts" / "pyxem.py")[1]
    assert "plots.grains" in imports(ROOT / "results" / "grains.py")[0]  # inside functions


def test_imports_of_type_checkers_are_left_out_and_nothing_else(tmp_path):
    path = tmp_path / "file.py"
    path.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import matplotlib\nelse:\n    import pyxem\n"
        "if not TYPE_CHECKING:\n    import orix\n"
        "def f():\n    if TYPE_CHECKING:\n        import dask\n    import h5py\n"
    )
    assert imports(path)[1:] == ({"typing", "pyxem", "orix", "h5py"}, {"typing", "pyxem"})


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


def test_a_view_loads_what_it_needs():
    """Methods are imported as they are used: the import of `Unmix` brings no editing, orientation or report with it."""
    code = (
        "import sys; from unmix4d import Unmix; rooms = ('editing', 'orientation', 'report', 'choose_k', 'scipy.special')\n"
        "loaded = [r for r in rooms if {r, 'unmix4d.' + r} & set(sys.modules)]\n"
        "print(loaded, callable(Unmix.choose_k), 'unmix4d.choose_k' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[] True True"


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
                unmix4d.FuzzyValidity, unmix4d.FuzzyCMeans, unmix4d.NMF, unmix4d.Grains, unmix4d.Groups, unmix4d.Overlap,
                unmix4d.Scree):  # fmt: skip
        for name, member in inspect.getmembers(cls):
            if not name.startswith("_") and (callable(member) or isinstance(member, property)):
                assert inspect.getdoc(member), f"{cls.__name__}.{name} has no docstring"


def modules_with_examples():
    """Those of the hosts need their objects, which `test_examples.py` has."""
    found = [name for name, path in FILES.items() if ">>>" in path.read_text(encoding="utf-8") and "hosts" not in name]
    return ["unmix4d" if name == "__init__" else f"unmix4d.{name}" for name in found]


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", modules_with_examples())
def test_docstring_examples_run(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0 and result.failed == 0
