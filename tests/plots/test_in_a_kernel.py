"""What a notebook shows: one image of every plotting method of every answer, whether the cell ends with it or not."""

import base64

import pytest

from support.kernel import IN_A_KERNEL, kernel

pytestmark = IN_A_KERNEL

BEGIN = """
import warnings
import numpy as np
from unmix4d import Unmix, phantoms, plots
warnings.simplefilter("ignore")
film = phantoms.polycrystal(n_grains=3, scan_shape=(12, 14), detector_shape=(48, 48), background=0.2, dose=3e3, seed=0)
u = Unmix(film.data, centre=film.centre, pixel_size=0.02, pixel_unit="1/Å", step=2.0, step_unit="nm")
answers = {
    "u.scree(8)": u.scree(8), "nmf": u.nmf(4, random_state=0), "svd": u.svd(3), "fuzzy": u.fuzzy_cmeans(3, random_state=0),
    "validity": u.fuzzy_validity([2, 3], random_state=0), "choice": u.choose_k([2, 3], random_state=0),
    "cao": u.choose_k([2, 3], rule="cao2025", random_state=0),
    "merged": u.angular_average(rings=[(4, 10), (10, 18)]).merge_nmf(8, n_runs=2, random_state=0),
}
nmf = answers["nmf"]
answers |= {
    "groups": nmf.group_rotated(), "overlap": nmf.overlap(), "grains": nmf.grains(min_size=4),
    "quality": nmf.report_quality(), "likeness": nmf.pattern_similarity("gmsd"),
}
"""
# Of those that must be told where: everything else is drawn without arguments.
ARGUMENTS = {"overlap.plot_profile": "(0, 0), (8, 9)"}
# Of signed components, of what has no loss to draw, of another rule.
REFUSED = {
    "svd.plot_convergence",
    "svd.composite",
    "fuzzy.plot_convergence",
    "merged.plot_convergence",
    "choice.plot_image_quality",
}


def plotting_methods(notebook):
    """name.method of every answer, as the class lists them; what draws the same kind of figure stands on one line."""
    code = """
drawn = {}
for name, a in answers.items():
    for m in dir(type(a)):
        if m.startswith("plot") or m == "composite":
            drawn.setdefault(getattr(type(a), m), []).append(f"{name}.{m}")
open("methods.txt", "w").write("\\n".join(" ".join(names) for names in drawn.values()))
"""
    assert notebook.run(code)[0]["status"] == "ok"


@pytest.mark.slow
@pytest.mark.parametrize("first", ["r.report('r.html')", "r.explore(1, 2)", "r.plot()", "r.to_host(); r.composite()"])
def test_what_came_first_hides_no_figure(tmp_path, monkeypatch, first):
    """The backend of a notebook is loaded by the first figure, in a context that puts settings back at its end."""
    with kernel(tmp_path, monkeypatch) as notebook:
        code = "from unmix4d import Unmix, phantoms\nr = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data)"
        assert notebook.run(f"{code}.nmf(2, random_state=0)")[0]["status"] == "ok"
        assert len(notebook.shown(first)) == ("plot" in first or "composite" in first)
        assert [len(notebook.shown("r.plot()")) for _ in range(2)] == [1, 1]
        assert len(notebook.shown("import matplotlib.pyplot as plt; plt.plot([1, 2])")) == 1  # the user's own


@pytest.mark.parametrize(
    "backend, of_each",
    [("", 1), *(pytest.param(backend, None, marks=pytest.mark.slow) for backend in ("", "%matplotlib inline\n"))],
)
def test_every_figure_is_shown_once(tmp_path, monkeypatch, backend, of_each):
    """One answer for each function that draws; all answers in the slow ones."""
    with kernel(tmp_path, monkeypatch) as notebook:
        reply = notebook.run(backend + BEGIN)[0]
        assert reply["status"] == "ok", reply.get("evalue")
        plotting_methods(notebook)
        lines = (tmp_path / "methods.txt").read_text().splitlines()
        assert len(lines) > 18
        methods = [one for line in lines for one in [m for m in line.split() if m not in REFUSED][:of_each]]
        assert len(methods) > (18 if of_each else 25)
        counts = {}
        for one in methods:
            name, method = one.rsplit(".", 1)
            images = notebook.shown(f"answers[{name!r}].{method}({ARGUMENTS.get(one, '')})")
            counts[one] = len(images)
            assert all(len(base64.b64decode(image)) > 2000 for image in images), one
        assert set(counts.values()) == {1}, {one: n for one, n in counts.items() if n != 1}
        # With a semicolon, kept under a name, and in a loop as well; and savefig of what is returned.
        for cell in (
            "nmf.plot();",
            "axes = nmf.plot()",
            "for i in range(1): nmf.plot([i])",
            "plots.pattern(film.patterns[0])",
        ):
            assert len(notebook.shown(cell)) == 1, cell
        assert notebook.run("nmf.plot()[0, 0].figure.savefig('components.png')")[0]["status"] == "ok"
        assert (tmp_path / "components.png").stat().st_size > 10_000
