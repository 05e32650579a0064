"""An NMF that was stopped, politely or by force, goes on from its checkpoint with the same result."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from checkpoint_folders import Stopped, answers, contents, names_in, opened, stop_after

from unmix4d import Unmix, phantoms
from unmix4d.constraints import NoDarkSpots, SmoothMaps
from unmix4d.engine import cells
from unmix4d.storage import checkpoint

RUNS = {
    "compressed": {"n_starts": 4, "max_iter": 12, "tol": 0},
    "exact": {"exact": True, "max_iter": 6, "tol": 0},
    "constrained": {"n_starts": 2, "max_iter": 8, "tol": 0, "constraints": [SmoothMaps(sigma=0.6), NoDarkSpots()]},
    "constrained, exact": {"max_iter": 5, "tol": 0, "exact": True, "constraints": [SmoothMaps(sigma=0.6)]},
    "kl": {"objective": "kl", "max_iter": 9, "n_starts": 2, "tol": 0},
    "smoothed subspace": {"smooth": 0.8, "n_starts": 2, "max_iter": 8, "tol": 0},
    "given": {"max_iter": 6, "tol": 0, "init": (np.random.default_rng(0).random((3, 7, 9)) + 0.1, np.ones((3, 20, 26)))},
}


@pytest.fixture
def at_once(monkeypatch):
    """The state is written after every iteration, not every 20 seconds."""
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)


@pytest.fixture
def view(scan):
    return Unmix(scan.data, centre=(9.5, 12.5))


def _named(result):
    return [(e["constraint"], round(e["change"], 4)) for e in result.settings["effects"]]


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("writes", [3, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 5, 8))])
def test_a_stopped_run_ends_as_if_it_had_not_been(name, writes, view, tmp_path, monkeypatch, at_once):
    whole = view.nmf(3, random_state=5, **RUNS[name])
    path = tmp_path / "run.checkpoint"
    with monkeypatch.context() as patch:
        stop_after(patch, writes)
        with pytest.raises(Stopped):
            view.nmf(3, random_state=5, checkpoint=path, **RUNS[name])
    result = view.nmf(3, checkpoint=path, **RUNS[name])  # the seed is that of the file
    assert result.settings["random_state"] == 5
    assert np.allclose(result.maps, whole.maps, rtol=0, atol=1e-6)
    assert np.allclose(result.patterns, whole.patterns, rtol=1e-5, atol=1e-6 * whole.patterns.max())
    assert np.allclose(result.losses, whole.losses, rtol=1e-6) and len(result.convergence) == len(whole.convergence)
    for one, other in zip(result.convergence, whole.convergence):
        assert np.allclose(one, other, rtol=1e-6)
    assert _named(result) == _named(whole)


def test_what_has_ended_is_not_done_again(view, tmp_path, at_once, monkeypatch):
    monkeypatch.setattr(cells, "HELD_POSITIONS", 0)  # a scan that is held needs no pass to be compressed
    monkeypatch.setattr(cells, "_CELLS", 20)
    path = tmp_path / "run"
    first = view.nmf(3, random_state=0, n_starts=3, checkpoint=path)
    before = answers(path)
    again = view.nmf(3, random_state=0, n_starts=3, checkpoint=path)
    assert np.allclose(first.maps, again.maps, atol=1e-6)
    assert answers(path) == before
    assert again.settings["passes"] < first.settings["passes"]  # the compression was not made again


def test_the_folder_keeps_maps_of_the_best_start_only(view, tmp_path):
    path = tmp_path / "run"
    result = view.nmf(3, random_state=0, n_starts=5, init="random", checkpoint=path)
    best = int(np.argmin(result.losses))
    assert ["maps" in opened(path).get(f"start {i}")[0] for i in range(5)] == [i == best for i in range(5)]
    assert not any(name.startswith("state") for name in names_in(path))


def test_killed_by_force_it_goes_on(tmp_path):
    """kill -9 while the run is under way; then the same call."""
    path, script = tmp_path / "run", tmp_path / "run.py"
    script.write_text(
        "import sys, time\n"
        "from unmix4d import Unmix, phantoms\n"
        "from unmix4d.storage import checkpoint\n"
        "from unmix4d.decomposition import nmf\n"
        "checkpoint.EVERY = 0.0\n"
        "slow = nmf.relative_change\n"
        "def sleepy(new, old):\n"
        "    time.sleep(0.05)\n"
        "    return slow(new, old)\n"
        "nmf.relative_change = sleepy\n"
        "scan = phantoms.random_scan(shape=(7, 9, 20, 26), k=3, dose=2000, seed=3)\n"
        "Unmix(scan.data).nmf(3, exact=True, max_iter=200, tol=0, random_state=1, checkpoint=sys.argv[1])\n"
    )
    process = subprocess.Popen([sys.executable, str(script), str(path)], stderr=subprocess.DEVNULL)
    begun, deadline = False, time.monotonic() + 60
    while not begun and time.monotonic() < deadline:
        time.sleep(0.05)
        begun = (path / "state-0.h5").exists()
    assert begun and process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = len(opened(path).get("state 0")[0]["history"])
    assert 0 < done < 200
    scan = phantoms.random_scan(shape=(7, 9, 20, 26), k=3, dose=2000, seed=3)
    options = {"exact": True, "max_iter": 200, "tol": 0, "random_state": 1}
    result, whole = Unmix(scan.data).nmf(3, checkpoint=path, **options), Unmix(scan.data).nmf(3, **options)
    assert np.allclose(result.maps, whole.maps, atol=1e-5)
    assert result.loss == pytest.approx(whole.loss, rel=1e-6)


def test_a_lazy_scan_goes_on_too(scan, tmp_path, monkeypatch, at_once):
    view = Unmix(scan.to_dask(chunks=(3, 5, 10, 26)))
    with monkeypatch.context() as patch:
        stop_after(patch, 4)
        with pytest.raises(Stopped):
            view.nmf(3, random_state=0, exact=True, max_iter=4, tol=0, checkpoint=tmp_path / "a")
    result = view.nmf(3, exact=True, max_iter=4, tol=0, checkpoint=tmp_path / "a")
    assert np.allclose(result.maps, view.nmf(3, random_state=0, exact=True, max_iter=4, tol=0).maps, atol=1e-5)


def test_another_run_or_another_scan_is_refused(view, scan, tmp_path):
    path = tmp_path / "run"
    view.nmf(3, random_state=0, max_iter=2, checkpoint=path)
    before = contents(path)
    with pytest.raises(ValueError, match="is of another: n is 3 there and 4 here"):
        view.nmf(4, random_state=0, max_iter=2, checkpoint=path)
    with pytest.raises(ValueError, match="max_iter is 2 there and 3 here"):
        view.nmf(3, random_state=0, max_iter=3, checkpoint=path)
    with pytest.raises(ValueError, match="was begun with random_state=0, not 1"):
        view.nmf(3, random_state=1, max_iter=2, checkpoint=path)
    with pytest.raises(ValueError, match="must be of this scan, but the mean pattern"):
        Unmix(scan.data[::-1] * 2, centre=(9.5, 12.5)).nmf(3, random_state=0, max_iter=2, checkpoint=path)
    with pytest.raises(ValueError, match="view is"):
        view.prepare(direct_beam=3).nmf(3, random_state=0, max_iter=2, checkpoint=path)
    with pytest.raises(ValueError, match="pass it without compression="):
        view.nmf(3, checkpoint=tmp_path / "b", compression=view.compress(3))
    assert contents(path) == before and not (tmp_path / "b").exists()


def test_a_compression_that_does_not_say_how_it_was_smoothed_is_made_again(view, tmp_path):
    """As in folders of before: taken as not smoothed it would be another answer without a word."""
    path = tmp_path / "run"
    first = view.nmf(3, smooth=1, random_state=0, checkpoint=path)
    folder = opened(path)
    arrays, facts = folder.get("compression")
    assert facts.pop("smooth")["sigma"] == [1.0, 1.0]
    folder.put("compression", arrays, facts)
    del folder
    again = view.nmf(3, smooth=1, random_state=0, checkpoint=path)
    assert np.allclose(first.maps, again.maps, atol=1e-6) and again.settings["compression"]["smoothed"]
    assert opened(path).get("compression")[1]["smooth"] is not None
