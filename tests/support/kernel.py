"""A real kernel of a notebook, and what it shows."""

import importlib.util
import json
import os
import sys
import time
from contextlib import contextmanager

import pytest

IN_A_KERNEL = [
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("ipykernel", "jupyter_client")),
        reason="ipykernel is not installed in this environment",
    ),
    # Those of the kernel's own packages, about event loops and sockets.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]


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

    def shown(self, code):
        """The images that a notebook shows of a cell."""
        ours, images = self.client.execute(code), []
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != ours:
                continue
            content = message["content"]
            if message["msg_type"] == "error":
                raise AssertionError(f"{code}: {content['ename']}: {content['evalue']}")
            if message["msg_type"] in ("display_data", "execute_result") and "image/png" in content["data"]:
                images.append(content["data"]["image/png"])
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                return images

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
    env = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}  # the kernel chooses it
    manager.start_kernel(cwd=str(folder), env={**env, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
