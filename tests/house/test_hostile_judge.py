"""The judge of the generated calls must be able to say no: answers that are none are not let through."""

import dataclasses
import types

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from support import hostile_made  # noqa: E402
from support.hostile_contract import Broken, inspect  # noqa: E402
from support.hostile_judge import run_case  # noqa: E402
from support.hostile_made import Absent, Made, make_all  # noqa: E402
from support.strategies import ScanCase  # noqa: E402
from unmix4d import Decomposition, Grains, Groups, Unmix  # noqa: E402

NMF = [("nmf", {"n": 2, "random_state": 0, "max_iter": 2})]


pytestmark = pytest.mark.filterwarnings("ignore:nmf finds nothing in this scan")


@pytest.fixture(scope="module")
def result():
    scan = np.random.default_rng(0).poisson(4, (4, 5, 8, 9))
    mask = np.zeros((4, 5), bool)
    mask[0] = True
    return Unmix(scan, centre=(3.5, 4)).prepare(scan_mask=mask).nmf(2, random_state=0, max_iter=3)


def changed(answer, **values):
    return dataclasses.replace(answer, **values)


def test_answers_that_are_none_are_seen(result):
    inspect("nmf", result, {})
    wrong = np.array(result.maps)
    wrong[:, 0] = 0
    with pytest.raises(Broken, match="maps are not NaN where excluded"):
        inspect("nmf", changed(result, maps=wrong), {})
    grains = result.grains(min_size=1, threshold=0.1, background="keep")
    inspect("grains", grains, {})
    with pytest.raises(Broken, match="a grain at excluded positions"):
        inspect("grains", Grains(np.ones((1, 4, 5), bool), np.array([0]), result), {})
    groups = result.group_rotated()
    inspect("group_rotated", groups, {})
    with pytest.raises(Broken, match="labels"):
        inspect("group_rotated", changed(groups, labels=np.array([0, 7])), {})
    overlap = result.overlap(min_weight=None, background="keep")
    inspect("overlap", overlap, {})
    with pytest.raises(Broken, match="ratios up to 2"):
        inspect("overlap", changed(overlap, ratio=np.full((4, 5), 2.0)), {})
    with pytest.raises(Broken, match="infinite values"):
        inspect("virtual_image", np.array([np.inf]), {})


@pytest.mark.filterwarnings("ignore:choose_k finds nothing")
def test_a_choice_that_is_none_is_seen(result):
    choice = result.source.choose_k([1, 2], n_starts=1, max_iter=2, fraction=None, random_state=0)
    inspect("choose_k", choice, {})
    with pytest.raises(Broken, match="recommends 5"):
        inspect("choose_k", changed(choice, recommended=5), {})


def test_painted_matrices_that_are_no_rotations_are_seen(result):
    from support.hostile_contract import _orientations

    painted = np.where(np.arange(20).reshape(4, 5) > 4, 0, -1)
    matrices = np.where((painted >= 0)[..., None, None], -np.eye(3), np.nan)
    found = types.SimpleNamespace(geometry=result.geometry, first=painted, second=painted, matrices=lambda which: matrices)
    with pytest.raises(Broken, match="no rotations"):
        _orientations("index", found, {})


def broken_by(monkeypatch, tmp_path, follow_ups, **methods):
    for name, method in methods.items():
        cls, _, attribute = name.partition("_of_")
        monkeypatch.setattr({"Groups": Groups, "Result": Decomposition}[attribute], cls, method)
    run_case(ScanCase(shape=(4, 5, 8, 9)), {}, NMF, follow_ups, tmp_path)


def test_what_is_asked_of_an_answer_is_judged_too(monkeypatch, tmp_path):
    ask = [("group_rotated", {}, [("angle_map", {})])]
    broken_by(monkeypatch, tmp_path, ask)
    with pytest.raises(Broken, match="angle_map: KeyError is no error for a user"):
        broken_by(monkeypatch, tmp_path, ask, angle_map_of_Groups=lambda groups: {}["x"])
    with pytest.raises(Broken, match="Groups.amorphous: KeyError is no error for a user"):
        broken_by(monkeypatch, tmp_path, ask, amorphous_of_Groups=property(lambda groups: {}["x"]))
    with pytest.raises(Broken, match="the answer cannot be looked at: ZeroDivisionError"):
        broken_by(monkeypatch, tmp_path, ask, __repr___of_Groups=lambda groups: 1 / 0)


def test_a_figure_that_cannot_be_drawn_and_a_page_with_a_script_are_seen(monkeypatch, tmp_path):
    def plot(result):
        import matplotlib.pyplot as plt

        plt.figure().text(0.5, 0.5, "\ue000")  # no font has this letter: a warning when it is drawn

    with pytest.raises(Broken, match="plot: UserWarning is no error for a user: Glyph"):
        broken_by(monkeypatch, tmp_path, [("plot", {})], plot_of_Result=plot)

    def report(result, path):
        with open(path, "w") as file:
            file.write("<script>1</script></html>")

    with pytest.raises(Broken, match="runs a script"):
        broken_by(monkeypatch, tmp_path, [("report", {})], report_of_Result=report)


def test_a_call_that_needs_an_absent_host_is_left_out(monkeypatch, tmp_path):
    def absent(made, of, rng):
        raise Absent("a host")

    monkeypatch.setitem(hostile_made._MAKE, "cube", absent)
    counts = []
    run_case(ScanCase(), {}, NMF, [("attach", {"host": Made("cube")})], tmp_path, lambda *what: counts.append(what))
    assert ("nmf", "answered") in counts and not any(name == "attach" for name, _ in counts)
    with pytest.raises(Absent):
        make_all({"host": [Made("cube")]}, None)
