"""What the pages of the site claim: the table of comparison, the list of the API, pages and links of the build, the tour."""

import ast
import fnmatch
import importlib
import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import unmix4d
from support import peers
from support.site import listed, members

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def table(page, first):
    """Rows of the Markdown table whose head has `first` as its second column: {name of the row: {column: cell}}."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if re.match(rf"\| *\| *{re.escape(first)} *\|", line))
    cells = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines[start:]]
    rows = []
    for row in cells[2:]:
        if len(row) < len(cells[0]):
            break
        rows.append(row)
    return {row[0]: dict(zip(cells[0][1:], row[1:])) for row in rows}


def has(owner, *names):
    return all(hasattr(owner, name) for name in names)


#: The module of each in `support.peers`, and the fixture that it needs.
PROGRAMS = {
    "unmix4d": ("ours", None), "HyperSpy, pyxem": ("hyperspy", "pyxem"), "py4DSTEM": ("py4dstem", "py4dstem"),
    "scikit-learn": ("sklearn", None),
}  # fmt: skip


@pytest.mark.parametrize("peer", PROGRAMS)
def test_the_comparison_is_true(peer, request):
    """What is claimed is done: each "yes" is a small task with a known answer."""
    module, fixture = PROGRAMS[peer]
    if fixture:
        request.getfixturevalue(fixture)
    claimed = {name: cells[peer].split(",")[0] for name, cells in table("comparison.md", "unmix4d").items()}
    assert set(claimed.values()) <= {"yes", "no"}
    rows = importlib.import_module(f"support.peers.{module}").ROWS
    assert claimed == {name: "yes" if peers.runs(task) else "no" for name, task in rows.items()}


def test_the_words_of_the_peers_exist(pyxem, py4dstem):
    """The second table: every name on its left is one."""
    import sklearn.decomposition
    from py4DSTEM.process.classification import Featurization

    signal = importlib.import_module("pyxem.signals").Diffraction2D
    assert has(signal, "get_decomposition_loadings", "get_decomposition_factors", "plot_explained_variance_ratio")
    assert has(signal, "plot_decomposition_results")
    assert has(Featurization, "from_braggvectors", "NMF", "consensus", "spatial_separation")
    assert has(sklearn.decomposition.NMF, "fit_transform")


def test_everything_public_is_in_the_api():
    modules = {"phantoms", "scores", "plots", "constraints", "maps", "image_quality", "orientation"}
    wanted = {f"unmix4d.{name}" for name in unmix4d.__all__ if name not in modules | {"__version__"}}
    for module in modules & set(unmix4d.__all__):
        wanted |= {f"unmix4d.{module}.{name}" for name in getattr(unmix4d, module).__all__}
    assert modules <= set(unmix4d.__all__)
    assert not wanted - listed(), "not in docs/reference"


def test_every_method_of_views_and_decompositions_has_a_page():
    classes = members().LISTED.findall((DOCS / "reference" / "classes.md").read_text(encoding="utf-8"))
    assert len(classes) == 6
    assert {name: members().without_a_page(name, listed()) for name in classes} == dict.fromkeys(classes, [])
    assert "unmix4d.Decomposition.merge" in members().pages_of_methods("unmix4d.FuzzyClusters", listed())
    assert "merge" in members().without_a_page("unmix4d.FuzzyClusters", listed() - {"unmix4d.Decomposition.merge"})


def test_everything_in_the_api_is_there():
    for name in listed():
        parts, found = name.split(".")[1:], unmix4d
        for i, part in enumerate(parts):
            if not hasattr(found, part):
                importlib.import_module(".".join(["unmix4d", *parts[: i + 1]]))
            found = getattr(found, part)
        assert inspect.getdoc(found) or not callable(found), name


def test_every_page_is_in_the_contents():
    """Sphinx says so too, but only where the site is built."""
    contents = set()
    for page in DOCS.rglob("*.md"):
        folder = page.parent.relative_to(DOCS).as_posix()
        for block in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S):
            entries = {line for line in block.splitlines() if line and not line.startswith(":")}
            contents |= entries if folder == "." else {f"{folder}/{entry}" for entry in entries}
    generated = {"api", "tutorials", "benchmarks"}
    pages = {str(path.relative_to(DOCS).with_suffix("")).replace("\\", "/") for path in DOCS.rglob("*.md")
             if path.relative_to(DOCS).parts[0] not in generated | {"_build"}}  # fmt: skip
    outside = [*ROOT.glob("tutorials/*.md"), *ROOT.glob("benchmarks/**/*.md")]
    pages |= {path.relative_to(ROOT).with_suffix("").as_posix() for path in outside}
    for pattern in [entry for entry in contents if "*" in entry]:
        contents |= set(fnmatch.filter(pages, pattern)) - {"index"}
        contents.remove(pattern)
    assert contents == pages - {"index"}


@pytest.fixture
def outside():
    path = DOCS / "_ext" / "pages_from_outside.py"
    spec = importlib.util.spec_from_file_location("pages_from_outside", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page, target, wanted", [
    ("docs/nmf.md", "../benchmarks/engine/RESULTS.md", "benchmarks/engine/RESULTS.md"),
    ("docs/dev/house.md", "../../tutorials/own_constraint.md", "../tutorials/own_constraint.md"),
    ("tutorials/own_constraint.md", "../docs/constraints.md", "../constraints.md"),
    ("benchmarks/README.md", "reproduce/README.md", "reproduce/README.md"),
    ("benchmarks/README.md", "../README.md", "../index.md"),
    ("docs/coordinates.md", "figures/coordinates.png", "figures/coordinates.png"),
])  # fmt: skip
def test_links_are_right_in_both_places(outside, page, target, wanted):
    assert outside.with_links(f"see [it]({target}#part)!", page, ROOT) == f"see [it]({wanted}#part)!"


def test_what_the_site_does_not_have_is_no_link(outside):
    assert outside.with_links("[a script](../benchmarks/engine/run.py)", "docs/nmf.md", ROOT) == "`a script`"
    assert outside.with_links("[web](https://example.org/x)", "docs/nmf.md", ROOT) == "[web](https://example.org/x)"


def test_the_tables_of_the_performance_page_are_there():
    """What is taken from the benchmarks by its headings is found, and holds a table."""
    text = (DOCS / "performance.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\{include\} (\S+)\n(.*?)```", text, flags=re.S)
    assert len(blocks) >= 4
    for target, options in blocks:
        part = (DOCS / target).read_text(encoding="utf-8")
        for name, mark in re.findall(r':([\w-]+): "(.*)"', options):
            assert part.count(mark) >= 1, mark
            part = part.split(mark, 1)[1 if name == "start-after" else 0]
        assert part.count("\n|") >= 3, target


@pytest.mark.slow
@pytest.mark.parametrize("cell, said", [
    ("r.plot();", None),
    ("axes = r.plot()\nplt.close('all')", "a cell shows 0 images and draws 1 figures"),
    ("r.plot()\ndisplay(plt.gcf())", "a cell shows 2 images and draws 1 figures"),
    ("u.scree(3)", None),
    ("r.plot_convergence(ax=plt.subplots()[1]);", None),
])  # fmt: skip
def test_the_site_fails_where_a_figure_is_missing(tmp_path, cell, said):
    """A cell that draws and shows nothing, or the same twice, ends the build: counted in pages that a kernel made."""
    pytest.importorskip("myst_nb", reason="the packages of the site are not installed")
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(DOCS / '_ext')!r})\nextensions = ['myst_nb', 'images_counted']\n"
        "nb_execution_mode = 'force'\nnb_execution_raise_on_error = True\n"
    )
    begin = "import matplotlib.pyplot as plt, warnings\nfrom unmix4d import Unmix, phantoms\nwarnings.simplefilter('ignore')"
    begin += "\nu = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data)\nr = u.nmf(2, random_state=0)"
    header = "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n---\n# A page\n"
    (tmp_path / "index.md").write_text(f"{header}\n```{{code-cell}}\n{begin}\n```\n\n```{{code-cell}}\n{cell}\n```\n")
    path = os.pathsep.join(filter(None, sys.path))
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"} | {"PYTHONPATH": path}
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", str(tmp_path), str(tmp_path / "out")]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert (said is None) == (ran.returncode == 0), ran.stderr
    assert said is None or said in ran.stderr


@pytest.mark.slow
def test_the_tour_runs(monkeypatch, tmp_path):
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = re.findall(r"```\{code-cell\}\n(.*?)```", (DOCS / "tour.md").read_text(encoding="utf-8"), flags=re.S)
    namespace = {"__name__": "__main__"}
    for cell in code:
        exec(compile(cell, "tour.md", "exec"), namespace)
    plt.close("all")
    assert unmix4d.scores.score(namespace["r"], namespace["phantom"]).found >= 6
    assert list(tmp_path.rglob("run.unmix.h5"))


def test_code_of_the_pages_can_be_read():
    """Blocks of Python on the pages and in the tutorials are Python."""
    for path in [*DOCS.glob("*.md"), *(ROOT / "tutorials").glob("*.md")]:
        text = path.read_text(encoding="utf-8")
        for block in re.findall(r"^```(?:python|\{code-cell\})\n(.*?)^```", text, flags=re.S | re.M):
            try:
                ast.parse(block)
            except SyntaxError as error:
                raise AssertionError(f"{path.name}: {error}\n{block}") from error
    assert sys.version_info >= (3, 10)


@pytest.fixture
def for_hosts():
    path = ROOT / "tutorials" / "for_hosts" / "make.py"
    spec = importlib.util.spec_from_file_location("make_for_hosts", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tutorials_for_the_hosts_are_in_step(for_hosts):
    """`python tutorials/for_hosts/make.py` was run after the last change of the tutorials."""
    for path, text in for_hosts.everything().items():
        assert path.read_text(encoding="utf-8") == text, path.name


def test_tutorials_for_the_hosts_have_their_form(for_hosts):
    sources = {name: (ROOT / "tutorials" / name).read_text(encoding="utf-8")
               for name in (*for_hosts.GALLERY, *for_hosts.NOTEBOOKS)}  # fmt: skip
    cells = {name: re.findall(r"```\{code-cell\}\n(.*?)\n```", text, flags=re.S) for name, text in sources.items()}
    for name, target in for_hosts.GALLERY.items():
        script = (for_hosts.HERE / target).read_text(encoding="utf-8")
        title = ast.get_docstring(ast.parse(script)).splitlines()[:3]
        assert title[0] == title[2] == "=" * len(title[1])
        # All code of the tutorial, in its order, and nothing else but comments.
        code = ast.Module(ast.parse(script).body[1:], type_ignores=[])
        assert ast.dump(ast.parse("\n".join(cells[name]))) == ast.dump(code)
        assert "](" not in script
    for name, target in for_hosts.NOTEBOOKS.items():
        found = json.loads((for_hosts.HERE / target).read_text(encoding="utf-8"))
        assert found["nbformat"] == 4 and found["cells"][0]["source"][0].startswith("# ")
        assert ["".join(cell["source"]) for cell in found["cells"] if cell["cell_type"] == "code"] == cells[name]
        assert not any(cell.get("outputs") for cell in found["cells"])


@pytest.mark.one_in(3)
@pytest.mark.parametrize("heading", ["With arrays", "With pyxem", "With py4DSTEM"])
def test_the_snippets_of_the_start_page_run(heading, crystal, tmp_path, monkeypatch, request):
    import matplotlib.pyplot as plt

    code = (DOCS / "index.md").read_text(encoding="utf-8").split(f"## {heading}")[1]
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the hosts' own, on writing and reading files
        if heading == "With pyxem":
            request.getfixturevalue("pyxem")
            crystal.to_pyxem().save("scan.zspy")
        elif heading == "With py4DSTEM":
            request.getfixturevalue("py4dstem").save("scan.h5", crystal.to_py4dstem())
        else:
            np.save("scan.npy", crystal.data)
            code = code.replace("(64, 64)", str(crystal.centre))
        namespace = {}
        exec(re.search(r"```python\n(.*?)```", code, flags=re.S)[1], namespace)
    plt.close("all")
    assert namespace["r"].k == 8
    if heading != "With arrays":
        assert np.allclose(namespace["maps"].data, namespace["r"].maps, equal_nan=True)
