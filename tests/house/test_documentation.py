"""What the README and the tutorials say is what happens."""

import importlib.util
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import unmix4d
from unmix4d.__main__ import main

ROOT = Path(__file__).parents[2]
OUTSIDE = [*ROOT.glob("tutorials/*.md"), *ROOT.glob("benchmarks/**/*.md")]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"), *OUTSIDE])
TUTORIALS = sorted(ROOT.glob("tutorials/*.md"))


def cells(path):
    return re.findall(r"```\{code-cell\}\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.S)


def skip_without(path):
    """Skip a tutorial where a package that it names in its head (``needs:``) is not installed."""
    needs = re.search(r"^needs: *(.*)$", path.read_text(encoding="utf-8").split("\n---\n")[0], flags=re.M)
    for name in needs[1].split() if needs else ():
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed in this environment")


@pytest.mark.tutorials
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda p: p.stem)
def test_tutorials_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    skip_without(path)
    code = cells(path)
    assert len(code) >= 3
    namespace = {"__name__": "__main__"}
    with warnings.catch_warnings():
        # A tutorial may show what a warning looks like; the hosts and their packages have warnings of their own.
        warnings.simplefilter("default")
        for cell in code:
            exec(compile(cell, str(path), "exec"), namespace)  # noqa: S102
    assert namespace["score"].found >= namespace.get("expected", 6)


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", [p for p in PAGES if "benchmarks" not in p.parts], ids=lambda p: str(p.relative_to(ROOT)))
def test_a_page_shows_all_of_itself(path):
    """Code of more than 100 characters is cut at the edge of its box; formulas between dollars stand there as they are."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```[^\n]*\n(.*?)^ *```", text, flags=re.M | re.S)
    assert [line for block in blocks for line in block.splitlines() if len(line) > 100] == []
    assert "$$" not in text


def test_the_citation_is_in_step():
    yaml = pytest.importorskip("yaml")  # comes with dask
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (str(said["version"]), said["license"]) == (unmix4d.__version__, "GPL-3.0-or-later")
    known = (ROOT / "docs" / "references.bib").read_text(encoding="utf-8").translate({ord("{"): None, ord("}"): None})
    for paper in said["references"]:
        assert paper["title"] in known and paper.get("doi", "") in known


def test_readme_commands_are_one_line_each():
    for name in ("demo", "tests"):
        found = subprocess.run(
            [sys.executable, str(ROOT / ".ci" / "readme_command.py"), name], capture_output=True, text=True, check=True
        ).stdout.strip()
        assert found.startswith("python3 -m venv .venv && ") and len(found.splitlines()) == 1


def snippets(heading):
    text = (ROOT / "README.md").read_text(encoding="utf-8").split(f"## {heading}")[1]
    return re.search(r"```python\n(.*?)```", text, flags=re.S)[1]


def test_readme_snippet_for_pyxem(pyxem, crystal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # HyperSpy's and zarr's own, on writing the file
        crystal.to_pyxem().save("scan.zspy")
        namespace = {}
        exec(snippets("In a notebook, with pyxem"), namespace)
    assert namespace["s"]._lazy and type(namespace["patterns"]).__name__ == "ElectronDiffraction2D"
    assert unmix4d.load("run.unmix.h5").k == 8


def test_readme_snippet_for_py4dstem(py4dstem, crystal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # emdfile's own, on writing the file
        py4dstem.save("scan.h5", crystal.to_py4dstem())
        namespace = {}
        exec(snippets("In a notebook, with py4DSTEM"), namespace)
        read = py4dstem.read("run.h5", datapath="unmix4d_merge_nmf/maps")
    assert np.allclose(read.data, namespace["r"].maps)


@pytest.mark.slow
def test_demo_recovers_the_truth(tmp_path, capsys):
    import matplotlib.image

    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "mine-pyxem.png").write_text("of the user")
    (folder / "result-plain-array.h5").write_text("of an earlier run, without hosts")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the hosts' own
        assert main(["demo", "--out", str(folder)]) == 0
    said = capsys.readouterr().out
    listed = said.split(f"are in {folder}\n")[1].split()
    assert {path.name for path in folder.iterdir()} == {*listed, "mine-pyxem.png"}
    assert said.count("6 of 6 grains found") == said.count("film below them: found") == len(listed) / 4
    for saved in folder.glob("*.h5"):
        assert unmix4d.load(saved).k == 7
    # The figure of the start page is the one that the demo makes; fonts may be drawn a little differently elsewhere.
    made, shown = (matplotlib.image.imread(path)[..., :3] for path in (
        next(folder.glob("components-*.png")), Path(__file__).parents[2] / "docs" / "figures" / "demo_components.png",
    ))  # fmt: skip
    assert made.shape == shown.shape and np.abs(made - shown).mean() < 0.01


def test_demo_says_where_it_cannot_write(tmp_path):
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "unmix4d", "demo", "--out", str(tmp_path / "file" / "x")], capture_output=True, text=True
    )
    assert done.returncode == 2 and "cannot be made" in done.stderr and "Traceback" not in done.stderr
