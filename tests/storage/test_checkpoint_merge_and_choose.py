"""merge_nmf and choose_k that were stopped, politely or by force, go on from their checkpoint with the same result."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from checkpoint_folders import Stopped, answers, contents, names_in, stop_after

from unmix4d import Unmix, phantoms

MERGE = {
    "pixels": (lambda u: u, {"initial_components": 6, "n_runs": 4, "max_iter": 20}),
    "auto, poisson weights": (lambda u: u, {"n_runs": 3, "max_iter": 10, "weights": "poisson", "precision": "double"}),
    "features": (lambda u: u.angular_average(), {"initial_components": 5, "n_runs": 4, "max_iter": 20}),
    "features, auto": (lambda u: u.angular_average(rings=[(3, 7), (7, 11)]), {"n_runs": 3, "max_iter": 10}),
    "as published": (lambda u: u, {"initial_components": 5, "n_runs": 3, "as_published": True, "max_iter": 20}),
}  # fmt: skip
CHOOSE = {
    "counts": (lambda u: u, {"n_starts": 2}),
    "no counts held out": (lambda u: u, {"fraction": None, "smooth": None, "weights": "none"}),
    "features": (lambda u: u.angular_average(rings=[(3, 7), (7, 11)]), {"n_starts": 1}),
}


@pytest.fixture(scope="module")
def film():
    return phantoms.polycrystal(
        n_grains=3, scan_shape=(12, 13), detector_shape=(24, 26), background=0, overlap=0.3, dose=3e3, seed=0
    )


@pytest.fixture
def view(film):
    return Unmix(film.data, centre=film.centre)


def same_merged(one, other):
    assert one.settings["random_state"] == other.settings["random_state"] and one.best == other.best
    assert len(one.runs) == len(other.runs) and one.history == other.history and one.members == other.members
    for mine, its in zip(one.runs, other.runs):
        assert (mine.members, mine.history, mine.dropped) == (its.members, its.history, its.dropped)
        assert (mine.n_parts, mine.threshold, mine.error) == (its.n_parts, its.threshold, its.error)
        assert np.array_equal(mine.maps, its.maps) and np.array_equal(mine.patterns, its.patterns)
    for name in ("maps", "patterns", "stability", "agreement", "explained"):
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True), name
    assert np.array_equal(one.consensus(min_share=0.3).maps, other.consensus(min_share=0.3).maps, equal_nan=True)


def same_choice(one, other):
    assert (one.recommended, one.confidence, one.reasons, one.votes) == (
        other.recommended, other.confidence, other.reasons, other.votes,
    )  # fmt: skip
    assert set(one.table) == set(other.table)
    for name, values in one.table.items():
        assert np.array_equal(values, other.table[name], equal_nan=True), name
    assert np.array_equal(one.sizes, other.sizes)
    for k in one:
        for name in ("maps", "patterns", "losses", "strengths"):
            assert np.array_equal(getattr(one[k], name), getattr(other[k], name), equal_nan=True), (k, name)
        assert [len(h) for h in one[k].convergence] == [len(h) for h in other[k].convergence]


# ------------------------------------------------------------------------------------------------ stopped and gone on


@pytest.mark.parametrize("name", ["features", *(pytest.param(n, marks=pytest.mark.slow) for n in MERGE if n != "features")])
def test_a_stopped_merge_ends_as_if_it_had_not_been(name, view, tmp_path, monkeypatch):
    of_view, options = MERGE[name]
    whole = of_view(view).merge_nmf(random_state=5, **options)
    for writes in (1, 2, 3, 4, 5):
        path = tmp_path / str(writes)
        with monkeypatch.context() as patch:
            stop_after(patch, writes)
            with pytest.raises(Stopped):
                of_view(view).merge_nmf(random_state=5, checkpoint=path, **options)
        same_merged(of_view(view).merge_nmf(checkpoint=path, **options), whole)  # the seed is that of the file


@pytest.mark.slow
@pytest.mark.parametrize("name", CHOOSE)
def test_a_stopped_choice_ends_as_if_it_had_not_been(name, view, tmp_path, monkeypatch):
    of_view, options = CHOOSE[name]
    whole = of_view(view).choose_k([2, 3, 4], random_state=5, **options)
    for writes in (1, 3, 4, 6, 8, 9):
        path = tmp_path / str(writes)
        with monkeypatch.context() as patch:
            stop_after(patch, writes)
            with pytest.raises(Stopped):
                of_view(view).choose_k([2, 3, 4], random_state=5, checkpoint=path, **options)
        found = of_view(view).choose_k([4, 3, 2], checkpoint=path, **options)
        assert found.settings["random_state"] == 5
        same_choice(found, whole)


@pytest.mark.slow
def test_what_has_ended_is_not_done_again(view, tmp_path, monkeypatch):
    from unmix4d.choose_k import run as choosing
    from unmix4d.decomposition import merging
    from unmix4d.decomposition import run as running
    from unmix4d.methods import merge_nmf

    merge, choose = tmp_path / "merge", tmp_path / "choose"
    merged = view.merge_nmf(5, n_runs=3, random_state=0, checkpoint=merge)
    chosen = view.choose_k([2, 3], random_state=0, checkpoint=choose)
    before = contents(merge), contents(choose)

    def again(*args, **kwargs):
        raise AssertionError("made again")

    for module, name in (
        (merging, "hals"), (merge_nmf, "compress"), (choosing, "compress"), (choosing, "gains_per_position"),
        (running, "nmf"), (running, "refitted_each"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, again)
    same_merged(view.merge_nmf(5, n_runs=3, checkpoint=merge), merged)
    same_choice(view.choose_k([2, 3], checkpoint=choose), chosen)
    assert (contents(merge), contents(choose)) == before


def test_more_runs_are_added_to_those_there_are(view, tmp_path):
    path = tmp_path / "run"
    view.merge_nmf(5, n_runs=2, random_state=0, checkpoint=path)
    before = answers(path)
    same_merged(view.merge_nmf(5, n_runs=4, checkpoint=path), view.merge_nmf(5, n_runs=4, random_state=0))
    assert before.items() <= answers(path).items()  # what was there is not written again
    assert {f"run {i}" for i in range(4)} < names_in(path)
    assert len(view.merge_nmf(5, n_runs=3, checkpoint=path).runs) == 3


def test_another_rule_looks_at_the_same_folder(view, tmp_path):
    path = tmp_path / "run"
    view.choose_k([2, 3, 4], random_state=0, checkpoint=path)
    before = contents(path)
    found = view.choose_k([2, 3, 4], rule="held_out", annulus=(3, 9), checkpoint=path)
    assert contents(path) == before
    same_choice(found, view.choose_k([2, 3, 4], rule="held_out", annulus=(3, 9), random_state=0))


@pytest.mark.slow
def test_a_lazy_scan_goes_on_too(film, tmp_path, monkeypatch):
    view, path = Unmix(film.to_dask(chunks=(3, 5, 12, 26))), tmp_path / "run"
    with monkeypatch.context() as patch:
        stop_after(patch, 5)
        with pytest.raises(Stopped):
            view.choose_k([2, 3], random_state=0, checkpoint=path)
    same_choice(view.choose_k([2, 3], checkpoint=path), view.choose_k([2, 3], random_state=0))


@pytest.mark.parametrize("cores", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_ctrl_c_keeps_whole_runs_only(cores, view, tmp_path, monkeypatch):
    """The other threads end early when one of them is interrupted: what they have then is no answer."""
    from unmix4d.decomposition import merging, nmf
    from unmix4d.engine import threads

    monkeypatch.setattr(threads, "cores", lambda: cores)
    for module, name, call in (
        (merging, "hals", lambda **more: view.merge_nmf(5, n_runs=5, **more)),
        (nmf, "hals", lambda **more: view.choose_k([2, 3, 4, 5], **more)),
    ):
        path, calls, solve = tmp_path / module.__name__, [], getattr(module, name)

        def interrupted(*args, calls=calls, solve=solve, **kwargs):
            calls.append(0)
            if len(calls) == 4:
                raise KeyboardInterrupt
            return solve(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(module, name, interrupted)
            with pytest.raises(KeyboardInterrupt):
                call(random_state=1, checkpoint=path)
        (same_merged if module is merging else same_choice)(call(checkpoint=path), call(random_state=1))


def test_threads_are_not_given_their_work_one_by_one(monkeypatch):
    """Ctrl-C while thousands of runs were being submitted left the pool locked, and the kernel of a notebook dead."""
    from concurrent.futures import ThreadPoolExecutor

    from unmix4d.engine import threads

    submitted, submit = [], ThreadPoolExecutor.submit
    monkeypatch.setattr(threads, "cores", lambda: 3)
    monkeypatch.setattr(ThreadPoolExecutor, "submit", lambda *args: submitted.append(0) or submit(*args))
    assert threads.in_threads(lambda i, cancelled: i * i, 1000) == [i * i for i in range(1000)]
    assert len(submitted) == 3


# ------------------------------------------------------------------------------------------------ killed


KILLED = {
    "merge": ("u.merge_nmf(5, n_runs=8, random_state=1, checkpoint=sys.argv[1])", "run 1", "run 7"),
    "choose": ("u.choose_k(range(2, 6), random_state=1, checkpoint=sys.argv[1])", "fitted k 4", "end 5"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", KILLED)
def test_killed_by_force_it_goes_on(name, view, film, tmp_path):
    """kill -9 while the run is under way; then the same call."""
    call, begun, last = KILLED[name]
    path, script, data = tmp_path / "run", tmp_path / "run.py", tmp_path / "data.npy"
    np.save(data, film.data)
    script.write_text(
        "import sys, time\n"
        "import numpy as np\n"
        "from unmix4d import Unmix\n"
        "from unmix4d.decomposition import merging, nmf\n"
        "solve = nmf.hals\n"
        "def sleepy(*args, **kwargs):\n"
        "    time.sleep(0.3)\n"
        "    return solve(*args, **kwargs)\n"
        "nmf.hals = merging.hals = sleepy\n"
        f"u = Unmix(np.load(sys.argv[2]), centre={film.centre!r})\n{call}\n"
    )
    process = subprocess.Popen([sys.executable, str(script), str(path), str(data)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (path / f"{begun.replace(' ', '-')}.h5").exists():
        time.sleep(0.02)
    assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    there = names_in(path)
    assert begun in there and last not in there
    if name == "merge":
        same_merged(view.merge_nmf(5, n_runs=8, checkpoint=path), view.merge_nmf(5, n_runs=8, random_state=1))
    else:
        same_choice(view.choose_k(range(2, 6), checkpoint=path), view.choose_k(range(2, 6), random_state=1))


# ------------------------------------------------------------------------------------------------ refused


def test_another_run_or_another_scan_is_refused(view, film, tmp_path):
    merge, choose, nmf = tmp_path / "merge", tmp_path / "choose", tmp_path / "nmf"
    view.merge_nmf(5, n_runs=2, random_state=0, checkpoint=merge)
    view.choose_k([2, 3], random_state=0, checkpoint=choose)
    view.nmf(2, random_state=0, weights="none", checkpoint=nmf)
    before = [contents(path) for path in (merge, choose, nmf)]
    other = Unmix(film.data[::-1] * 2, centre=film.centre)
    for call, message in (
        (lambda: view.merge_nmf(6, n_runs=2, checkpoint=merge), "initial_components is 5 there and 6 here"),
        (lambda: view.merge_nmf(5, n_runs=2, sigma=2, checkpoint=merge), "sigma is null there and 2.* here"),
        (lambda: view.merge_nmf(5, weights="none", checkpoint=merge), 'weights is "poisson" there and "none" here'),
        (lambda: view.merge_nmf(5, n_runs=2, random_state=3, checkpoint=merge), "begun with random_state=0, not 3"),
        (lambda: view.angular_average().merge_nmf(5, n_runs=2, checkpoint=merge), "features is null there"),
        (lambda: view.prepare(direct_beam=3).merge_nmf(5, n_runs=2, checkpoint=merge), "view is"),
        (lambda: other.merge_nmf(5, n_runs=2, checkpoint=merge), "must be of this scan, but the mean pattern"),
        (lambda: view.choose_k([2, 3, 4], checkpoint=choose), r"ks is \[2, 3\] there and \[2, 3, 4\] here"),
        (lambda: view.choose_k([2, 3], fraction=0.5, checkpoint=choose), "fraction is 0.8 there and 0.5 here"),
        (lambda: view.choose_k([2, 3], weights="none", checkpoint=choose), 'weights is "capped" there and "none" here'),
        (lambda: view.choose_k([2, 3], random_state=3, checkpoint=choose), "begun with random_state=0, not 3"),
        (lambda: other.choose_k([2, 3], checkpoint=choose), "must be of this scan, but the mean pattern"),
        (lambda: view.choose_k([2, 3], checkpoint=merge), 'call is "merge_nmf" there and "choose_k" here'),
        (lambda: view.nmf(2, checkpoint=choose), 'call is "choose_k" there and "nmf" here'),
        (lambda: view.nmf(2, weights="poisson", checkpoint=nmf), 'weights is "none" there and "poisson" here'),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert [contents(path) for path in (merge, choose, nmf)] == before
