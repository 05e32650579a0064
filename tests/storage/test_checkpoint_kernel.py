"""Ctrl-C (the stop button) in a real kernel of a notebook: prompt, the kernel goes on answering, and the run goes on too."""

import numpy as np
import pytest
from checkpoint_folders import names_in

from support.kernel import IN_A_KERNEL, kernel
from unmix4d import Unmix, phantoms

pytestmark = IN_A_KERNEL

BEGIN = """
import time
import numpy as np
from unmix4d import Unmix, phantoms
from unmix4d.storage import checkpoint
from unmix4d.constraints import SmoothMaps
from unmix4d.decomposition import constrained, nmf

checkpoint.EVERY = 0.0
slow = nmf.relative_change

def sleepy(*args):
    print("iterates", flush=True)
    time.sleep(0.01)
    return slow(*args)

nmf.relative_change = constrained.relative_change = sleepy
phantom = phantoms.random_scan(shape=(7, 9, 20, 26), k=3, dose=2000, seed=3)
u = Unmix(phantom.data)
"""
LONG = {
    "compressed": "u.nmf(3, n_starts=3, max_iter=10**6, tol=0, random_state=1)",
    "exact": "u.nmf(3, exact=True, max_iter=10**6, tol=0, random_state=1)",
    "constrained": "u.nmf(3, constraints=[SmoothMaps(sigma=0.6)], max_iter=10**6, tol=0)",
    "merge_nmf": "u.merge_nmf(5, n_runs=10**4)",
    "choose_k": "u.choose_k([2, 3], max_iter=10**6, tol=0)",
}
SHORT = {"n_starts": 2, "max_iter": 20, "tol": 0, "random_state": 5}
PROMPT = 5.0  # seconds


@pytest.mark.slow
def test_the_stop_button_of_a_notebook(tmp_path, monkeypatch):
    phantom = phantoms.random_scan(shape=(7, 9, 20, 26), k=3, dose=2000, seed=3)
    whole = Unmix(phantom.data).nmf(3, **SHORT)
    call = ", ".join(f"{name}={value!r}" for name, value in SHORT.items())
    with kernel(tmp_path, monkeypatch) as notebook:
        assert notebook.run(BEGIN)[0]["status"] == "ok"
        for name, cell in LONG.items():
            reply, took = notebook.run(cell, stop_after=1)
            assert (reply["status"], reply.get("ename")) == ("error", "KeyboardInterrupt"), name
            assert took < PROMPT, name
            reply, _ = notebook.run(f"np.save('{name}.npy', u.nmf(3, {call}).maps)")
            assert reply["status"] == "ok"
            assert np.array_equal(np.load(tmp_path / f"{name}.npy"), whole.maps)
        reply, took = notebook.run(f"r = u.nmf(3, {call}, checkpoint='run')", stop_after=10)
        assert reply.get("ename") == "KeyboardInterrupt" and took < PROMPT
        assert any(name.startswith("state") for name in names_in(tmp_path / "run"))
        cell = "np.save('r.npy', u.nmf(3, n_starts=2, max_iter=20, tol=0, checkpoint='run').maps)"
        reply, _ = notebook.run(cell)
        assert reply["status"] == "ok"
    assert np.array_equal(np.load(tmp_path / "r.npy"), whole.maps)
