"""What is released says the same everywhere: version, dependencies, the recipe of conda-forge, the oldest world."""

import re
import runpy
import sys
from pathlib import Path

import pytest

import unmix4d

ROOT = Path(__file__).parents[2]
if not (ROOT / ".ci" / "bounds.py").exists():
    pytest.skip("the sources are not here", allow_module_level=True)
# Names of conda-forge that are others on PyPI.
NAMES = {"dask-core": "dask", "matplotlib-base": "matplotlib"}


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def requirements():
    """{name: bound} of the package, as pyproject.toml has them."""
    block = re.search(r"^dependencies = \[\n(.*?)^\]", read("pyproject.toml"), flags=re.M | re.S)[1]
    found = re.findall(r'"([\w.-]+)(?:\[\w+\])?(>=[\w.]+)"', block)
    assert len(found) == block.count('"') // 2
    return dict(found)


def test_the_recipe_needs_what_the_package_needs():
    recipe = read("packaging/recipe.yaml")
    run = re.search(r"^  run:\n((?:    - .*\n)+)", recipe, flags=re.M)[1]
    found = dict(re.findall(r"- ([\w.-]+) (>=[\w.]+)", run))
    python = found.pop("python")
    assert {NAMES.get(name, name): bound for name, bound in found.items()} == requirements()
    assert f'requires-python = "{python}"' in read("pyproject.toml")
    assert re.search(r"hatchling (>=[\w.]+)", recipe)[1] in read("pyproject.toml")
    assert re.search(r'^  version: "(.*)"', recipe, flags=re.M)[1] == unmix4d.__version__


def test_there_is_one_version():
    """The file of the version is where it comes from; the citation and the recipe are the only others that say it."""
    assert 'dynamic = ["version"]' in read("pyproject.toml") and "core/version.py" in read("pyproject.toml")
    assert re.search(r"^version: (.*)$", read("CITATION.cff"), flags=re.M)[1].strip("\"'") == unmix4d.__version__


def test_the_oldest_world_is_that_of_the_bounds(monkeypatch, capsys):
    if sys.version_info < (3, 11):
        pytest.skip("tomllib came with Python 3.11")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["bounds.py", "test"])
    runpy.run_path(str(ROOT / ".ci" / "bounds.py"), run_name="__main__")
    lines = capsys.readouterr().out.split()
    assert {f"{name}=={bound[2:]}" for name, bound in requirements().items()} <= set(lines)
    assert any(line.startswith("pytest==") for line in lines)


def test_the_canary_names_who_broke_what(tmp_path):
    canary = runpy.run_path(str(ROOT / ".ci" / "canary.py"))
    log = (
        "=================================== FAILURES ===================================\n"
        "______________________________ test_of_arrays ______________________________\n"
        "tests/a.py:3: in test_of_arrays\n/v/lib/python3.11/site-packages/dask/array/core.py:7: in compute\n"
        "E   TypeError: one argument too many\n\n"
        "______________________________ test_of_ours ______________________________\n"
        "tests/a.py:9: in test_of_ours\nE   assert 1 == 2\n"
        "_ test_of_a_name_that_takes_all_of_the_line[series.chosen_scans-chosen_scans-and-more] _\n"
        "_ _ _ _ _ _ _ _ _ _\ntests/a.py:9: in test_of_ours\nE   assert 2 == 3\n"
        "=========================== short test summary info ============================\n"
    )
    found = canary["culprits"](log)
    assert found["dask"] == [("test_of_arrays", "TypeError: one argument too many")]
    assert [error for _, error in found["unmix4d"]] == ["assert 1 == 2", "assert 2 == 3"]
