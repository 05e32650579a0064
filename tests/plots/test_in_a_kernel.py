"""What a notebook shows: one image of every plotting method of every answer, whether the cell ends with it or not."""

import base64
import importlib.util

import pytest

from support.figures import ARGUMENTS, BEGIN, FUNCTIONS, REFUSED, plotting_methods
from support.kernel import IN_A_KERNEL, kernel

pytestmark = IN_A_KERNEL


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
    [("", 1), *(pytest.param(f"%matplotlib {one}", None, marks=pytest.mark.slow) for one in ("inline", "widget"))],
)
def test_every_figure_is_shown_once(tmp_path, monkeypatch, backend, of_each):
    """One answer for every fourth function that draws; all answers of all of them in the slow ones."""
    if "widget" in backend and importlib.util.find_spec("ipympl") is None:
        pytest.skip("ipympl is not installed in this environment")  # not imported here: it changes the backend
    with kernel(tmp_path, monkeypatch) as notebook:
        reply = notebook.run(f"{backend}\n{BEGIN}")[0]
        assert reply["status"] == "ok", reply.get("evalue")
        plotting_methods(notebook)
        lines = (tmp_path / "methods.txt").read_text().splitlines()
        assert len(lines) > 18
        lines = lines[::4] if of_each else lines
        methods = [one for line in lines for one in [m for m in line.split() if m not in REFUSED][:of_each]]
        assert len(methods) > (4 if of_each else 25)
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
            *FUNCTIONS[: None if of_each is None else 1],
        ):
            assert len(notebook.shown(cell)) == 1, cell
        assert notebook.run("nmf.plot()[0, 0].figure.savefig('components.png')")[0]["status"] == "ok"
        assert (tmp_path / "components.png").stat().st_size > 10_000
