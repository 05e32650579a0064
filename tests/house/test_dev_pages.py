"""`docs/dev/add_a_method.md`, followed to the letter in a copy of the package: the numbers, the method, one line."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import unmix4d

PAGE = Path(__file__).parents[2] / "docs" / "dev" / "add_a_method.md"
USE = """
import sys, warnings
import numpy as np
import unmix4d
from unmix4d import Unmix, phantoms

warnings.simplefilter("error")
warnings.filterwarnings("ignore", "the 3 components of draw account for")  # drawn patterns are no fit
film = phantoms.polycrystal(n_grains=3, scan_shape=(12, 10), detector_shape=(40, 40), background=0, seed=0)
u = Unmix(film.data, centre=film.centre, step=2.0, step_unit="nm")
averages = u.angular_average(rings=[(4, 10), (10, 18)])
assert type(u).draw is type(averages).draw
for view in (u, averages):
    result = view.draw(3, random_state=1)
    assert result.patterns.shape == (3, 40, 40) and result.maps.shape == (3, 12, 10)
    assert np.allclose(result.maps.max((1, 2)), 1) and (result.features is not None) == view.is_features
    assert result.settings["random_state"] == 1 and np.isfinite(result.loss)
    assert "draw, 3 components" in repr(result) and "Martineau" in result.citation
    result.save(sys.argv[1])
    again = unmix4d.load(sys.argv[1], data=view)
    assert np.array_equal(again.maps, result.maps) and again.meaning == result.meaning
    result.report(sys.argv[2], sections=["summary", "components", "overlap", "grains"])
    page = open(sys.argv[2], encoding="utf-8").read()
    assert "drawn positions, 3 components" in page and "Left out" not in page
try:
    u.draw(1000)
except ValueError as error:
    assert str(error).startswith("n must be at most 120")
else:
    raise AssertionError("n was not checked")
print("all of it works")
"""


def blocks():
    """(file, code) of the page."""
    block = re.compile(r"^ +`([\w/]+\.py)`:\n\n +```python\n(.*?)^ +```$", flags=re.M | re.S)
    found = block.findall(PAGE.read_text(encoding="utf-8"))
    return {name: textwrap.dedent(code) for name, code in found}


@pytest.mark.slow
def test_a_method_needs_what_the_page_says(tmp_path):
    package = tmp_path / "unmix4d"
    shutil.copytree(Path(unmix4d.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    made = blocks()
    assert list(made) == ["decomposition/drawn.py", "methods/draw.py"]
    for name, code in made.items():
        package.joinpath(name).write_text(code, encoding="utf-8")
    view = package / "views" / "view.py"
    text = view.read_text(encoding="utf-8")
    line = '    draw = later(__package__, "..methods.draw", "draw")\n'
    text = text.replace("    fit = later(", line + "    fit = later(", 1)
    view.write_text(text.replace("    svd = svd\n", "    svd = svd\n    draw = draw\n", 1), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "MPLBACKEND": "Agg"}
    arguments = [sys.executable, "-c", USE, str(tmp_path / "run.h5"), str(tmp_path / "page.html")]
    run = subprocess.run(arguments, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.strip() == "all of it works"
