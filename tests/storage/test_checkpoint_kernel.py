"""Ctrl-C (the stop button) in a real kernel of a notebook: prompt, the kernel goes on answering, and the run goes on too."""

import importlib.util
import json
import os
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest
from checkpoint_folders import names_in

from unmix4d import Unmix, phantoms

pytestmark = [
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("ipykernel", "jupyter_client")),
        reason="ipykernel is not installed in this environment",
    ),
    # Those of the kernel's own packages, about event loops and sockets.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]

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


class Kernel:
    """A kernel that runs, and its client."""

    def __init__(self, manager, client):
        self.manager, self.client = manager, client

    def run(self, code, stop_after=None):
        """The reply to a cell, interrupted after some iterations, and how long it took from there."""
        # A kernel that was interrupted refuses for a moment what was sent to it meanwhile, unless told otherwise.
        ours, begun, printed = self.client.execute(code, stop_on_error=False), time.monotonic(), []

        def enough(message):
            printed.append(message["content"].get("text", ""))
            return "".join(printed).count("iterates") >= stop_after

        if stop_after:
            self._until(self.client.get_iopub_msg, ours, enough)
            begun = time.monotonic()
            self.manager.interrupt_kernel()
        reply = self._until(self.client.get_shell_msg, ours, lambda message: True)
        return reply["content"], time.monotonic() - begun

    @staticmethod
    def _until(next_message, ours, wanted):
        # Progress bars are messages too: a limit for each would never be reached.
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            message = next_message(timeout=30)
            if message["parent_header"].get("msg_id") == ours and wanted(message):
                return message
        raise TimeoutError


@contextmanager
def kernel(folder, monkeypatch):
    """A kernel of this very Python, whatever kernels the user has."""
    from jupyter_client.manager import KernelManager

    spec = folder / "kernels" / "ours"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "ours", "language": "python"}))
    for name in ("JUPYTER_PATH", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(folder))
    manager = KernelManager(kernel_name="ours")
    manager.start_kernel(cwd=str(folder), env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


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
